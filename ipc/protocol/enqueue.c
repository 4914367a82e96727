/* SPDX-License-Identifier: MIT */
#include "ipc/protocol/enqueue.h"

#include "ipc/protocol/blocking.h"

static void enqueue_pinned(const struct bh_view *v, uint32_t idx, uint32_t home)
{
	struct bh_inject_view ring = bh_pinned_of(v, home);

	/* Full, or without a reader: the slot's last worker went just now. */
	if (!bh_inject_push(&ring, idx) ||
	    bh_slot_state_of(bh_ld_acq(&v->workers[home].word)) == BH_SLOT_VACANT)
		bh_st_rel(&v->a->rescan, 1);
	if (bh_idle_pick_one(&v->a->idle, home))
		bh_unpark(&v->workers[home].park, v->kick);
}

void bh_enqueue_shared(const struct bh_view *v, uint32_t idx)
{
	struct bh_tcb *t = bh_tcb_at(v, idx);
	uint64_t w = t ? bh_ld_rlx(&t->state) : 0;

	if ((w & BH_PINNED) && bh_state_worker(w) < v->l.workers) {
		enqueue_pinned(v, idx, bh_state_worker(w));
		return;
	}
	if (t && t->kind == BH_KIND_BLOCKING && !(w & BH_ABORTED)) {
		if (!bh_blocking_push(v, idx))
			bh_st_rel(&v->a->blocking.wanted, 1);
		return;
	}
	if (!bh_inject_push(&v->inject, idx))
		bh_st_rel(&v->a->rescan, 1);
	bh_notify(v);
}
