/* SPDX-License-Identifier: MIT */
/*
 * queue.c: where a task that has become SCHEDULED waits for its poll: the LIFO slot, the
 * own ring, and the queues that all share. All of them hold hints: the task's state word
 * is the truth.
 */
#include "workers/queue/queue.h"

#include "ipc/protocol/enqueue.h"
#include "workers/base/rt.h"
#include "workers/queue/deferred_fence.h"
#include "workers/queue/jobs.h"
#include "workers/queue/trace.h"

void bh_queue_overflow(struct bh_slot *me)
{
	uint32_t out[BH_RUNQ_CAP / 2], n = bh_runq_overflow(&me->runq, out);

	for (uint32_t i = 0; i < n; i++)
		if (!bh_inject_push(&bh_rt.v.inject, out[i]))
			bh_st_rel(&bh_rt.v.a->rescan, 1);
	bh_count(&me->count.overflows, n != 0);
}

/* True: it is queued. */
static __attribute__((noinline)) bool slow_path(uint32_t idx, enum bh_event_kind how)
{
	bh_trace_ready(how, idx);
	if (!(bh_rt.slow_path & BH_SLOW_SHARED))
		return false;
	bh_enqueue_shared(&bh_rt.v, idx);
	return true;
}

/* Out of line, for most often the LIFO slot is empty. */
static __attribute__((noinline)) void push_for_all(uint32_t idx)
{
	bh_rt_push_back(idx);
	bh_notify_deferred();
}

void bh_rt_schedule(uint32_t idx, enum bh_event_kind how)
{
	struct bh_slot *me = bh_rt.me;

	if (__builtin_expect(bh_rt.slow_path != 0, 0) && slow_path(idx, how))
		return;
	uint32_t before = bh_ld_rlx(&me->lifo);

	if (bh_queue_pinned(idx)) {
		bh_enqueue_shared(&bh_rt.v, idx);
		return;
	}
	if (!bh_rt.sched.lifo_max) {
		push_for_all(idx);
		return;
	}
	/* Out of the slot and not yet in the ring, `before` stands in the journal. */
	bh_st_rlx(&me->journal.popped, before);
	bh_compiler_barrier();
	bh_st_rel(&me->lifo, idx);
	if (!before)
		return; /* this worker takes it next: nobody need be woken */
	push_for_all(before);
}

int bh_rt_wake(uint32_t idx, uint32_t gen, uint64_t flags)
{
	struct bh_tcb *t = bh_tcb_at(&bh_rt.v, idx);

	if (!t)
		return -BH_ESTALE;
	bh_st_rlx(&bh_rt.me->journal.wake, idx);
	bh_compiler_barrier();
	enum bh_wake_result woken = bh_state_wake(&t->state, gen, flags);
	if (woken == BH_WAKE_QUEUE)
		bh_trace_wake(idx, t); /* here, or `t` has to survive the next call */
	if ((flags & BH_ABORTED) && t->kind == BH_KIND_BLOCKING)
		bh_job_aborted(t, idx);
	switch (woken) {
	case BH_WAKE_QUEUE:
		bh_rt_schedule(idx, BH_EV_WAKE);
		return 0;
	case BH_WAKE_NOTHING:
		return 0;
	default:
		return -BH_ESTALE;
	}
}

void bh_hand_over(void)
{
	struct bh_slot *me = bh_rt.me;
	uint32_t idx;

	/* Killed between a pop and its push: the entry stands in its cell, or in the
	 * journal. */
	while ((idx = bh_batch_next(&me->batch)) || (idx = bh_runq_pop(&me->runq)) ||
	       (idx = bh_queue_pop_lifo(me)))
		bh_enqueue_shared(&bh_rt.v, idx);
}
