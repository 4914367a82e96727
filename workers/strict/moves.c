/* SPDX-License-Identifier: MIT */
/*
 * moves.c: a task that has waited goes on in another worker, if one takes it: what it
 * took along of a process's own is missed at once, and not once in a thousand times.
 *
 * Where a task ran last stands in a word of its own, which its holder alone stores. Whoever
 * finds its own slot there puts the task back and lets others go first: for half a second if
 * one of them has no task, or is being replaced; if all are busy, for some milliseconds.
 */
#include "workers/strict/moves.h"

#include <time.h>

#include "ipc/protocol/enqueue.h"
#include "workers/base/rt.h"
#include "workers/strict/watch.h"

enum {
	NAP_NS = 100000,
	NAPS = 5000,
	BUSY = 200, /* naps that one counts for if nobody is free */
	LEFT = 0xffff,
};

static uint64_t word(uint64_t state, uint32_t left)
{
	return (uint64_t)bh_state_gen(state) << 32 | bh_rt.slot << 16 | left;
}

void bh_strict_runs(uint32_t idx, uint64_t state)
{
	if (bh_strict.shared)
		bh_st_rlx(&bh_strict.shared->last[idx], word(state, NAPS));
}

/* Does it run a task? What it says it has may be a dead one's. */
static bool is_busy(uint32_t slot)
{
	const struct bh_tcb *t =
		bh_tcb_at(&bh_rt.v, bh_handle_idx(bh_ld_rlx(&bh_rt.v.workers[slot].current)));
	uint64_t state = t ? bh_ld_rlx(&t->state) : 0;

	return bh_state_of(state) == BH_RUNNING && bh_state_worker(state) == slot;
}

static bool is_one_free(void)
{
	uint32_t wanted = bh_ld_rlx(&bh_rt.v.a->workers_wanted);

	for (uint32_t i = 0; i < bh_rt.v.l.workers && (i < wanted || !wanted); i++)
		if (i != bh_rt.slot && !is_busy(i))
			return true;
	return false;
}

bool bh_strict_declines(uint32_t idx)
{
	uint64_t state = bh_ld_rlx(&bh_rt.v.tasks[idx].state), last;
	uint32_t left, cost;

	if (!bh_strict.shared || bh_rt.v.l.workers == 1 || bh_rt.slot >= BH_MAX_WORKERS ||
	    bh_state_of(state) != BH_SCHEDULED || (state & BH_PINNED))
		return false;
	last = bh_ld_rlx(&bh_strict.shared->last[idx]);
	left = last & LEFT;
	if (!left || last != word(state, left))
		return false;
	cost = is_one_free() ? 1 : BUSY;
	bh_st_rlx(&bh_strict.shared->last[idx], word(state, left > cost ? left - cost : 0));
	bh_enqueue_shared(&bh_rt.v, idx);
	bh_notify(&bh_rt.v);
	nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
	return true;
}
