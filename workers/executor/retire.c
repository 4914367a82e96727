/* SPDX-License-Identifier: MIT */
/*
 * retire.c: a worker that is one too many goes, between two polls; at the end all are.
 *
 * It takes no leave of anybody: what stands in its ring, its pools, the idle masks is
 * put right by the recovery that follows every death of a worker. Only tasks that are
 * pinned here have nowhere to go, so it stays, and works, until they have ended.
 */
#include "workers/executor/retire.h"

#include "ipc/base/monotonic.h"
#include "workers/base/rt.h"
#include "workers/executor/slot.h"

enum {
	LOOK_EVERY_MS = 50, /* while it is busy: the look goes over the task table */
};

bool bh_surplus(void)
{
	bh_rt.wanted = bh_ld_rlx(&bh_rt.v.a->workers_wanted);
	return bh_rt.slot >= bh_rt.wanted;
}

static bool pinned_here(void)
{
	uint32_t n = bh_ld_acq(&bh_rt.v.task_pool.pool->mark);

	for (uint32_t i = 1; i < n && i < bh_rt.v.l.tasks; i++) {
		uint64_t w = bh_ld_acq(&bh_rt.v.tasks[i].state);
		enum bh_state s = bh_state_of(w);

		if ((w & BH_PINNED) && bh_state_worker(w) == bh_rt.slot &&
		    (s == BH_SCHEDULED || s == BH_WAITING))
			return true;
	}
	return false;
}

/* Commit: bh_slot_leave()'s. */
bool bh_retire(bool idle)
{
	static int64_t next;

	if (!idle && bh_monotonic_ns() < next)
		return false;
	next = bh_monotonic_ns() + BH_MS(LOOK_EVERY_MS);
	return !pinned_here() && bh_slot_leave();
}
