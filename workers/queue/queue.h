/* SPDX-License-Identifier: MIT */
/* queue.h: making tasks run: the queues that this worker fills (queue.c). */
#ifndef BH_WORKERS_QUEUE_QUEUE_H
#define BH_WORKERS_QUEUE_QUEUE_H

#include "workers/base/rt.h"

/* Queues a hint that task @idx is SCHEDULED, where this worker finds it first,
 * and wakes a worker if the idle rules ask for it. @how it came to be, for the record:
 * BH_EV_SPAWN or BH_EV_WAKE. */
void bh_rt_schedule(uint32_t idx, enum bh_event_kind how);

/* bh_state_wake() and the queueing that follows it, by this worker. */
int bh_rt_wake(uint32_t idx, uint32_t gen, uint64_t flags);

/* Makes room in the own ring: the newer half goes to the inject queue. Killed in
 * the middle, what is in neither still stands in the ring's cells. */
void bh_queue_overflow(struct bh_slot *me);

/* Queues a hint that task @idx is SCHEDULED at the end of the own ring, and wakes
 * nobody. Inline: a poll that yields pays for it. */
static inline void bh_rt_push_back(uint32_t idx)
{
	while (!bh_runq_push(&bh_rt.me->runq, idx))
		bh_queue_overflow(bh_rt.me);
}

/* Gives away what is queued at this worker (but for tasks that are pinned to it).
 * Commit of each: the push. */
void bh_hand_over(void);

/* A pinned task stands in its home's ring, never where others steal. */
static inline bool bh_queue_pinned(uint32_t idx)
{
	return bh_ld_rlx(&bh_rt.v.tasks[idx].state) & BH_PINNED;
}

/* The slot is filled by its owner alone, and emptied by the kernel, too, while the owner
 * does not turn (stall.h). So loads and stores do, where an exchange would cost: if the
 * kernel takes the task between the two, there are two hints to it. */
static inline uint32_t bh_queue_pop_lifo(struct bh_slot *me)
{
	uint32_t idx = bh_ld_rlx(&me->lifo);

	if (!idx)
		return 0;
	bh_st_rlx(&me->journal.popped, idx);
	bh_compiler_barrier();
	bh_st_rlx(&me->lifo, 0);
	return idx;
}

#endif
