/* SPDX-License-Identifier: MIT */
#include "ipc/sync/object.h"

static void journal(const struct bh_server *sv, uint32_t idx)
{
	if (sv->w) {
		bh_st_rlx(&sv->w->journal.sync, idx);
		bh_compiler_barrier();
	}
}

/* Under the lock, so that no process serves the slot's former object. From the store of
 * `word` on a handle names the new one. */
static uint64_t set_up(struct bh_sync *s, uint32_t idx, enum bh_sync_kind kind, uint32_t permits)
{
	uint32_t gen = (uint32_t)(bh_ld_rlx(&s->word) >> 32) + 1;

	gen += gen == 0;
	bh_st_rlx(&s->asked, bh_handle(gen, permits));
	bh_st_rlx(&s->taken, 0);
	bh_st_rlx(&s->all, 0);
	bh_st_rlx(&s->holder, 0);
	bh_st_rlx(&s->dirty, 0);
	bh_st_rel(&s->word, (uint64_t)gen << 32 | (uint64_t)kind);
	return bh_handle(gen, idx);
}

uint64_t bh_sync_make(const struct bh_server *sv, uint64_t owner, enum bh_sync_kind kind,
		      uint32_t permits)
{
	uint32_t idx;

	while ((idx = bh_pool_take(&sv->v->sync_pool, &sv->w->syncs))) {
		struct bh_sync *s = &sv->v->syncs[idx];
		uint64_t free = 0;

		journal(sv, idx);
		if (!bh_cas(&s->owner, &free, owner))
			continue;
		if (bh_sync_serve_begin(sv, idx)) {
			uint64_t sync = set_up(s, idx, kind, permits);

			bh_sync_serve_end(sv, idx);
			return sync;
		}
		/* Another process still serves the slot's former object. */
		bh_st_rel(&s->owner, 0);
		bh_pool_give_shared(&sv->v->sync_pool, idx);
	}
	return 0;
}

bool bh_sync_put(const struct bh_server *sv, uint64_t sync, uint32_t n)
{
	uint32_t idx = bh_handle_idx(sync);
	struct bh_sync *s = bh_sync_at(sv->v, idx);
	uint64_t w = s ? bh_ld_acq(&s->asked) : 0, next;

	if (!bh_sync_look(sv->v, sync))
		return false;
	journal(sv, idx);
	do {
		if (w >> 32 != bh_handle_gen(sync) ||
		    (uint32_t)w - bh_ld_rlx(&s->taken) + n > BH_SYNC_MOST)
			return false;
		next = bh_handle((uint32_t)(w >> 32), (uint32_t)w + n);
	} while (!bh_cas(&s->asked, &w, next));
	bh_sync_serve(sv, idx);
	return true;
}

void bh_sync_put_all(const struct bh_server *sv, uint64_t sync)
{
	uint32_t idx = bh_handle_idx(sync);
	struct bh_sync *s = bh_sync_at(sv->v, idx);

	if (!bh_sync_look(sv->v, sync))
		return;
	journal(sv, idx);
	bh_xchg(&s->all, 1);
	bh_sync_serve(sv, idx);
}

bool bh_sync_drop(const struct bh_server *sv, uint32_t idx, uint64_t owner)
{
	struct bh_sync *s = bh_sync_at(sv->v, idx);

	if (!s || bh_ld_acq(&s->owner) != owner)
		return false;
	journal(sv, idx);
	bh_or(&s->word, BH_SYNC_CLOSED);
	bh_sync_serve(sv, idx);
	return bh_cas(&s->owner, &owner, 0);
}
