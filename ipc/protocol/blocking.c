/* SPDX-License-Identifier: MIT */
#include "ipc/protocol/blocking.h"
#include "ipc/arena/arena.h"

static _Atomic uint64_t *word_of(const struct bh_view *v, uint32_t slot)
{
	return &v->a->blocking.parked[(slot - BH_MAX_WORKERS) % BH_MAX_BLOCKING / 64];
}

bool bh_blocking_pick(const struct bh_view *v)
{
	for (uint32_t i = 0; i < BH_MAX_BLOCKING / 64; i++) {
		_Atomic uint64_t *parked = &v->a->blocking.parked[i];
		uint64_t now = bh_ld_rlx(parked);

		while (now) {
			uint32_t b = (uint32_t)__builtin_ctzll(now);

			if (bh_and(parked, ~(1ull << b)) >> b & 1) {
				bh_unpark(&v->workers[BH_MAX_WORKERS + i * 64 + b].park, v->kick);
				return true;
			}
			now = bh_ld_rlx(parked);
		}
	}
	return false;
}

bool bh_blocking_push(const struct bh_view *v, uint32_t idx)
{
	if (!bh_inject_push(&v->blocking, idx))
		bh_st_rel(&v->a->rescan, 1);
	bh_fence(); /* D2 */
	return bh_blocking_pick(v);
}

bool bh_blocking_park_begin(const struct bh_view *v, uint32_t slot)
{
	_Atomic uint32_t *park = &v->workers[slot].park;

	bh_st_rlx(park, BH_PARKED);
	bh_or(word_of(v, slot), 1ull << (slot % 64));
	bh_fence(); /* D1 */
	if (!bh_inject_ready(&v->blocking) || !bh_blocking_unmark(v, slot))
		return true;
	bh_st_rlx(park, BH_AWAKE);
	return false;
}

bool bh_blocking_unmark(const struct bh_view *v, uint32_t slot)
{
	return bh_and(word_of(v, slot), ~(1ull << (slot % 64))) >> (slot % 64) & 1;
}

void bh_blocking_rouse(const struct bh_view *v)
{
	uint32_t mark = bh_ld_rlx(&v->a->blocking.mark);
	uint32_t end = BH_MAX_WORKERS + (mark < v->l.blocking ? mark : v->l.blocking);

	for (uint32_t slot = BH_MAX_WORKERS; slot < end; slot++)
		if (bh_ld_acq(&v->workers[slot].park) == BH_PARKED &&
		    !(bh_ld_acq(word_of(v, slot)) >> (slot % 64) & 1))
			bh_unpark(&v->workers[slot].park, v->kick);
}
