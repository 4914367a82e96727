/* SPDX-License-Identifier: MIT */
#include "ipc/protocol/wake.h"

#include "ipc/protocol/enqueue.h"

void bh_requeue(const struct bh_view *v, uint32_t idx)
{
	struct bh_tcb *t = bh_tcb_at(v, idx);

	if (t && bh_state_of(bh_ld_acq(&t->state)) == BH_SCHEDULED)
		bh_enqueue_shared(v, idx);
}

void bh_kernel_wake(const struct bh_view *v, uint32_t idx, uint32_t gen, uint64_t flags)
{
	struct bh_tcb *t = bh_tcb_at(v, idx);

	if (!t)
		return;
	bh_st_rlx(&v->a->waking, idx);
	bh_compiler_barrier();
	if (bh_state_wake(&t->state, gen, flags) == BH_WAKE_QUEUE)
		bh_enqueue_shared(v, idx);
	else if ((flags & BH_ABORTED) && t->kind == BH_KIND_BLOCKING)
		bh_requeue(v, idx); /* where a worker ends it, if it has not begun */
}
