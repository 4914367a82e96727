/* SPDX-License-Identifier: MIT */
/*
 * executor.c: a worker's loop: find a task, run it until it ends or waits, and
 * sleep when there is none, perhaps after a spin (spin.c).
 *
 * Order of looking (Tokio's; the numbers: sched.c): every 61st turn or so epoll and the
 * inject queue first; then the LIFO slot, at most 3 times in a row and while there is
 * budget left (coop.c); the own ring and the ring of tasks pinned
 * here, each first every other turn; the inject queue; the rings of others, from a
 * random one on; then sleep (idle.h), in epoll_wait if nobody else does (reactor.c).
 */
#include "workers/executor/executor.h"

#include <errno.h>
#include <unistd.h>

#include "ipc/base/monotonic.h"
#include "ipc/protocol/enqueue.h"
#include "workers/base/context.h"
#include "workers/base/doorbell.h"
#include "workers/base/rt.h"
#include "workers/base/sched.h"
#include "workers/crash/fork.h"
#include "workers/crash/lines.h"
#include "workers/executor/park_spin.h"
#include "workers/executor/reactor.h"
#include "workers/executor/retire.h"
#include "workers/executor/slot.h"
#include "workers/owned/guard.h"
#include "workers/queue/batch_policy.h"
#include "workers/queue/deferred_fence.h"
#include "workers/queue/jobs.h"
#include "workers/queue/meter.h"
#include "workers/queue/queue.h"
#include "workers/queue/trace.h"
#include "workers/strict/strict.h"
#include "workers/task/task.h"
#include "workers/wait/fiber.h"
#include "workers/wait/suspend.h"

enum {
	FEW = 8 /* tasks in the ring: who yields then lets those in the inject queue go first */
};

/* -- finding a task ------------------------------------------------------------ */

/* The running task, SCHEDULED again: behind what others wait for. */
static void push_again(void)
{
	bh_trace_outcome(BH_EVP_AGAIN);
	if (bh_queue_pinned(bh_rt.idx))
		bh_enqueue_shared(&bh_rt.v, bh_rt.idx);
	else
		bh_rt_push_back(bh_rt.idx);
}

static uint32_t pop_pinned(struct bh_slot *me)
{
	struct bh_inject_view ring = bh_pinned_of(&bh_rt.v, bh_rt.slot);
	uint64_t head = bh_ld_acq(&ring.q->head);

	/* Most often there is none; a call for each turn would show. */
	if (bh_ld_rlx(&ring.cells[head & ring.mask]) == bh_inject_cell(&ring, head, 0))
		return 0;
	return bh_inject_pop(&ring, &me->journal.popped);
}

static uint32_t pop_rings(struct bh_slot *me)
{
	uint32_t idx;

	if (bh_rt.tick % 2)
		return (idx = bh_batch_pop(me)) ? idx : pop_pinned(me);
	return (idx = pop_pinned(me)) ? idx : bh_batch_pop(me);
}

static uint32_t pop_local(struct bh_slot *me)
{
	uint32_t idx;

	if (bh_rt.lifo_run < bh_rt.sched.lifo_max && bh_rt.budget &&
	    (idx = bh_queue_pop_lifo(me))) {
		bh_rt.lifo_run++;
		bh_count(&me->count.lifo_hits, 1);
		return idx;
	}
	bh_rt.lifo_run = 0;
	if ((idx = pop_rings(me)))
		return idx;
	return bh_queue_pop_lifo(me);
}

static uint32_t pop_inject(struct bh_slot *me)
{
	return bh_inject_pop(&bh_rt.v.inject, &me->journal.popped);
}

/* This worker's share of the inject queue, for the own ring: up to half of it. What
 * came from outside waits no longer than what is here already. */
static void pop_share(struct bh_slot *me)
{
	uint64_t n = bh_inject_len(&bh_rt.v.inject) / bh_rt.v.l.workers;
	uint32_t idx, took = 0;

	/* Killed between a pop and its push: as in bh_hand_over(). */
	for (; took < n && bh_runq_len(&me->runq) < BH_RUNQ_CAP / 2; took++) {
		if (!(idx = pop_inject(me)))
			break;
		bh_rt_push_back(idx);
	}
	if (took)
		bh_notify(&bh_rt.v); /* a searcher may have looked while they were in neither */
}

static uint32_t steal(struct bh_slot *me)
{
	uint32_t n = bh_rt.v.l.workers, at = bh_sched_random(&bh_rt.sched) % n, took, idx;

	for (uint32_t i = 0; i < n; i++, at = at + 1 == n ? 0 : at + 1) {
		if (at == bh_rt.slot)
			continue;
		idx = bh_runq_steal(&bh_rt.v.workers[at].runq, &me->runq, &took);
		if (took) {
			bh_count(&me->count.steals, took);
			bh_count(&me->count.steal_ops, 1);
			bh_trace_steal(took, at);
			return idx;
		}
	}
	return 0;
}

static uint32_t search(struct bh_slot *me)
{
	uint32_t idx;

	if (bh_rt.v.l.workers == 1)
		return 0; /* the inject queue has been looked at */
	if (!bh_idle_search_begin(&bh_rt.v.a->idle, bh_rt.slot, bh_rt.v.l.workers))
		return 0;
	idx = steal(me);
	if (!idx)
		idx = pop_inject(me);
	/* The last searcher that found work wakes one more: what came while it
	 * searched woke nobody. */
	if (idx && bh_idle_search_end(&bh_rt.v.a->idle, bh_rt.slot))
		bh_notify(&bh_rt.v);
	return idx;
}

static bool work_somewhere(void)
{
	struct bh_inject_view mine = bh_pinned_of(&bh_rt.v, bh_rt.slot);

	if (bh_inject_ready(&bh_rt.v.inject) || bh_inject_ready(&mine))
		return true;
	if (bh_ld_rlx(&bh_rt.v.a->workers_wanted) != bh_rt.wanted)
		return true; /* this worker may be surplus now */
	for (uint32_t i = 0; i < bh_rt.v.l.workers; i++)
		if (bh_runq_len(&bh_rt.v.workers[i].runq))
			return true;
	return false;
}

/* False: it did not sleep, for there may be work. */
static bool park(struct bh_slot *me)
{
	struct bh_idle *idle = &bh_rt.v.a->idle;
	bool leased = bh_reactor_lease();

	bh_idle_park_begin(idle, bh_rt.slot, &me->park,
			   bh_spin_begin() ? BH_SPINNING : bh_idle_sleeps(bh_rt.leased));
	if (work_somewhere() && bh_idle_park_cancel(idle, bh_rt.slot, &me->park)) {
		bh_spin_cancel();
		if (leased)
			bh_reactor_unlease();
		return false;
	}
	bh_count(&me->count.parks, 1);
	int64_t since = bh_monotonic_ns();
	bh_meter_end(&me->meter, since);
	bh_trace_park();
	if (leased)
		bh_reactor_sleep();
	while (bh_ld_acq(&me->park) != BH_AWAKE)
		if (!bh_spin_slice())
			bh_futex_wait(&me->park, BH_PARKED, -1);
	bh_idle_park_end(idle, bh_rt.slot);
	bh_spin_end();
	int64_t now = bh_monotonic_ns();
	bh_meter_begin(&me->meter, now);
	bh_meter_refresh();
	bh_trace_parked(since, now);
	bh_count(&me->count.unparks, 1);
	bh_sched_slept(&bh_rt.sched);
	return true;
}

/* -- running ----------------------------------------------------------------- */

/*
 * The executor does not return from a function between the switch out of one fiber and
 * the switch into the next: the processor foresees returns by the calls that it has
 * seen, and the fibers' own have come between. Each return missed costs as much as a
 * CAS. Hence INLINE, from here up to the loop.
 */
#define INLINE static inline __attribute__((always_inline))

INLINE void run_fiber(struct bh_tcb *t)
{
	if (!t->sp) {
		/* Aborted before it began. */
		int err = bh_rt_aborted() ? -BH_ECANCELED : bh_fiber_start(t);
		if (err) {
			t->value = err;
			bh_task_finish(BH_END_CANCELED);
			return;
		}
	}
	bh_guard_ensure(bh_ld_rlx(&t->stack));
	bh_context_switch(&bh_rt.loop, bh_fiber_context(t));
	switch (bh_rt.after) {
	case BH_AFTER_END:
		bh_task_finish(bh_rt_aborted() ? BH_END_CANCELED : BH_END_RETURNED);
		break;
	case BH_AFTER_YIELD:
		bh_task_requeue();
		break;
	case BH_AFTER_SUSPEND:
		if (!bh_state_suspend(&t->state))
			push_again();
		break;
	}
}

/* The task ends: what has been its crash key is the place of its value. */
static void settle_value(struct bh_tcb *t, const struct bh_cx *cx)
{
	if (cx->valued)
		t->value = cx->value;
	else if (!(t->opts & BH_TASK_VALUED))
		t->value = 0;
}

/* It has said its value before its end, and has no crash key from now on. */
static __attribute__((noinline)) void keep_value(struct bh_tcb *t, const struct bh_cx *cx)
{
	t->opts |= BH_TASK_VALUED;
	bh_compiler_barrier(); /* a crash in between: the key is not taken for it, nor it for the key */
	t->value = cx->value;
}

static void run_poll(struct bh_tcb *t)
{
	struct bh_cx cx = { .task = t };

	if (bh_rt_aborted()) {
		settle_value(t, &cx);
		bh_task_finish(BH_END_CANCELED);
		return;
	}
	enum bh_poll said = ((bh_poll_fn)t->fn)(&cx, (void *)t->arg);

	if (__builtin_expect(bh_rt.forked, 0))
		bh_forked_end(0);
	if (said == BH_READY) {
		settle_value(t, &cx);
		bh_task_finish(BH_END_RETURNED);
		return;
	}
	bh_strict_waits((const void *)t->fn);
	if (cx.valued)
		keep_value(t, &cx);
	if (cx.again)
		bh_task_requeue();
	else if (!bh_state_suspend(&t->state))
		push_again();
}

static void run_job(struct bh_tcb *t)
{
	int64_t value = bh_rt_aborted() ? 0 : ((bh_fiber_fn)t->fn)((void *)t->arg);

	if (bh_rt.forked)
		bh_forked_end(value);
	t->value = value;
	bh_task_finish(bh_rt_aborted() ? BH_END_CANCELED : BH_END_RETURNED);
}

/* Back to the end of the ring: what others wait for goes first. */
void bh_task_requeue(void)
{
	struct bh_slot *me = bh_rt.me;

	bh_st_rlx(&me->journal.wake, bh_rt.idx);
	bh_compiler_barrier();
	bh_state_yield(&bh_rt.task->state);
	if (bh_rt.sched.tune && bh_runq_len(&me->runq) < FEW && bh_inject_len(&bh_rt.v.inject))
		pop_share(me);
	push_again();
	/* Whoever queued the others has woken somebody for them, if need be: this only
	 * spreads the work, so it looks without the fence that bh_notify() begins with. */
	if (bh_ld_rlx(&bh_rt.v.a->idle.parked) && bh_runq_len(&me->runq) > 1)
		bh_notify(&bh_rt.v);
}

/* Published for an incarnation of this slot that was gone already, after the scan
 * that looked for such: only another one ends it. */
static void report_stranded(struct bh_tcb *t)
{
	uint64_t w = bh_ld_rlx(&t->state);

	if (bh_state_of(w) != BH_SCHEDULED || !(w & BH_PINNED) || bh_state_worker(w) != bh_rt.slot)
		return;
	bh_st_rel(&bh_rt.v.a->rescan, 1);
	bh_doorbell();
}

/* A hint that outlived its task led to one of the other kind: workers run no jobs,
 * and blocking processes nothing else. But a job that was aborted before it began a
 * worker ends. */
static void pass_on(struct bh_tcb *t, uint32_t idx)
{
	if (t->kind == BH_KIND_BLOCKING && bh_rt_aborted()) {
		t->value = 0;
		bh_task_finish(BH_END_CANCELED);
		return;
	}
	bh_state_yield(&t->state);
	/* Aborted since: its aborter saw it held, and left it to whoever puts it back. */
	if (t->kind == BH_KIND_BLOCKING && !(bh_ld_rlx(&t->state) & BH_ABORTED))
		bh_job_queue(idx);
	else
		bh_enqueue_shared(&bh_rt.v, idx);
}

INLINE void task_run(uint32_t idx)
{
	struct bh_slot *me = bh_rt.me;
	struct bh_tcb *t = bh_tcb_at(&bh_rt.v, idx);
	uint64_t w;

	if (!t || bh_strict_declines(idx)) /* a hint that somebody scribbled over */
		return;
	/* Before the CAS, so that whenever a task is RUNNING here, this names it. */
	bh_st_rlx(&me->current, bh_handle(bh_state_gen(bh_ld_rlx(&t->state)), idx));
	bh_compiler_barrier();
	if (!bh_state_run(&t->state, bh_rt.slot, bh_rt.epoch, &w)) {
		report_stranded(t);
		return;
	}
	bh_rt.idx = idx;
	bh_rt.task = t;
	bh_rt.handle = bh_handle(bh_state_gen(w), idx);
	bh_st_rlx(&me->current, bh_rt.handle);
	bh_strict_runs(idx, w);
	bh_count(&me->count.polls, 1);
	bh_st_rlx(&me->journal.wake, idx); /* for the suspend that finds NOTIFIED */
	bh_trace_poll(idx, t);
	int64_t since = bh_meter_poll();
	if ((t->kind == BH_KIND_BLOCKING) != (bh_rt.slot >= BH_MAX_WORKERS))
		pass_on(t, idx);
	else if (t->kind == BH_KIND_BLOCKING)
		run_job(t);
	else if (t->kind == BH_KIND_POLL)
		run_poll(t);
	else
		run_fiber(t);
	bh_strict_ran();
	bh_deferred_fence();
	if (__builtin_expect(bh_rt.line_begun, 0))
		bh_lines_end();
	bh_meter_polled(since);
	bh_trace_polled(idx);
	bh_rt.idx = 0;
	bh_rt.task = NULL;
	bh_rt.handle = 0;
}

void bh_task_run(uint32_t idx)
{
	task_run(idx);
}

/* What is looked at now and then, whatever there is to do here. Returns a task to run, if
 * it came by one. */
static __attribute__((noinline)) uint32_t look_around(struct bh_slot *me, uint32_t due)
{
	uint32_t idx;

	bh_meter_refresh();
	if (due & BH_DUE_EVENTS)
		bh_reactor_poll();
	if (!(due & BH_DUE_INJECT) || !(idx = pop_inject(me)))
		return 0;
	/* In no queue, and the share goes over `popped`. */
	bh_st_rlx(&me->journal.wake, idx);
	bh_compiler_barrier();
	pop_share(me);
	return idx;
}

INLINE bool turn(void)
{
	struct bh_slot *me = bh_rt.me;
	uint32_t idx = 0, hits = bh_rt.lifo_run, due;

	bh_count(&me->heartbeat, 1);
	bh_rt.tick++;
	if (__builtin_expect((due = bh_sched_turn(&bh_rt.sched)) != 0, 0))
		idx = look_around(me, due);
	if (!idx)
		idx = pop_local(me);
	if (!idx)
		idx = pop_inject(me);
	if (!idx)
		idx = search(me);
	if (!idx) {
		bh_st_rlx(&me->current, 0);
		return false;
	}
	/* Woken as a searcher, and found work of its own. */
	if (bh_idle_search_end(&bh_rt.v.a->idle, bh_rt.slot))
		bh_notify(&bh_rt.v);
	if (bh_rt.lifo_run <= hits) /* not a LIFO hit: those share what is left */
		bh_rt.budget = bh_rt.sched.budget;
	task_run(idx);
	return true;
}

bool bh_executor_turn(void)
{
	return turn();
}

int bh_executor_run(uint32_t slot, uint32_t epoch)
{
	int err = slot < bh_rt.v.l.workers ? bh_slot_take(slot, epoch) : -EINVAL;

	if (err)
		return err;
	struct bh_slot *me = bh_rt.me;
	bool woken = false;

	for (;;) {
		bool ran = turn();

		bh_count(&me->count.noop_wakes, woken && !ran);
		woken = false;
		if (bh_surplus() && bh_retire(!ran))
			bh_slot_exit();
		if (!ran)
			woken = park(me);
	}
}
