/* SPDX-License-Identifier: MIT */
/*
 * suspend.c: suspending the running task, deadlines, and waking others.
 *
 * A deadline lives in the task (`deadline_ns`); the kernel's wheel only knows
 * when to look. So canceling and moving later are plain stores; moving earlier
 * posts the task's index on this worker's timer ring, and rings the doorbell if
 * the kernel would sleep past it.
 */
#include "workers/wait/suspend.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "ipc/protocol/token.h"
#include "workers/base/context.h"
#include "workers/base/doorbell.h"
#include "workers/base/rt.h"
#include "workers/queue/deferred_fence.h"
#include "workers/queue/queue.h"
#include "workers/strict/strict.h"
#include "workers/wait/exception.h"
#include "workers/wait/fiber.h"

#define FAR_NS 1000000000ll

bool bh_rt_aborted(void)
{
	return bh_rt.task && (bh_ld_rlx(&bh_rt.task->state) & BH_ABORTED);
}

/* Commit: the store of tail. When the ring is full the kernel is behind (or being
 * replaced): it never waits for a worker, so waiting for it ends. */
static void timer_post(struct bh_timer_ring *r, uint32_t idx)
{
	uint32_t t = bh_ld_rlx(&r->tail); /* only this worker writes it */

	while (t - bh_ld_acq(&r->head) >= BH_TIMER_RING) {
		bh_doorbell();
		sched_yield();
	}
	bh_st_rlx(&r->idx[t % BH_TIMER_RING], idx);
	bh_st_rel(&r->tail, t + 1);
}

/* Does the wheel hold the timer of @t, for @deadline or before? */
static bool armed_by(const struct bh_tcb *t, int64_t deadline)
{
	int64_t armed = bh_ld_rlx(&t->armed_ns);

	return armed > 0 && armed <= deadline;
}

void bh_rt_deadline(struct bh_tcb *t, uint32_t idx, int64_t deadline)
{
	bh_st_rel(&t->deadline_ns, deadline == BH_FOREVER ? 0 : deadline);
	if (deadline == BH_FOREVER)
		return;
	/* Not in time for it: then the kernel is told, whatever it does meanwhile. */
	if (armed_by(t, deadline)) {
		/* The kernel clears armed_ns, then reads the deadline; this stores the
		 * deadline, then reads armed_ns: one of the two sees the other's. */
		bh_fence();
		if (armed_by(t, deadline))
			return;
	}
	timer_post(&bh_rt.me->timers, idx);
	bh_doorbell_deferred(deadline);
}

/* Inline, for it is one of the few steps between two fibers. */
static inline __attribute__((always_inline)) void switch_out(enum bh_switched after)
{
	struct bh_tcb *t = bh_rt.task;

	bh_strict_waits(NULL);
	bh_rt.after = after;
	if (bh_exceptions_live())
		bh_exceptions_switch(t);
	else
		bh_context_switch(bh_fiber_context(t), &bh_rt.loop);
	/* From here on bh_rt may be another process's: nothing of it is kept in a
	 * local across the switch. */
}

/* True if a token of one of the calls from @g outwards is canceled, or gone. */
static bool guards_canceled(const struct bh_token_guard *g)
{
	for (; g; g = g->outer)
		if (bh_token_check(&bh_rt.v, g->token))
			return true;
	return false;
}

/* What ends the waits of the running fiber. */
static bool canceled(void)
{
	const struct bh_fiber *f = bh_fiber_here();

	return (bh_rt_aborted() || (f->guards && guards_canceled(f->guards))) && !f->shielded;
}

/*
 * Has @deadline passed? Without looking at the clock, which takes longer than a switch,
 * when it was far off at the last look. (If nobody looked for that long, the answer is
 * wrong; then the fiber suspends, and the wheel ends that at once.)
 */
static bool passed(int64_t deadline)
{
	return deadline <= bh_rt.seen_ns + FAR_NS && deadline <= bh_now();
}

/* Was the fiber resumed because of @deadline? Not while the wheel still holds its timer:
 * then somebody woke it. The kernel takes the timer out before it wakes. */
static bool expired(const struct bh_tcb *t, int64_t deadline)
{
	return !armed_by(t, deadline) && deadline <= bh_now();
}

int bh_rt_suspend(enum bh_wait why, uint64_t on, int64_t deadline)
{
	struct bh_tcb *t = bh_rt.task;

	if (!t || t->kind != BH_KIND_FIBER)
		return bh_rt_no_task(-EDEADLK);
	if (canceled())
		return -BH_ECANCELED;
	int64_t limit = bh_fiber_here()->limit;
	if (limit < deadline)
		deadline = limit;
	if (deadline != BH_FOREVER && passed(deadline))
		return -BH_ETIMEDOUT;
	t->wait = (uint8_t)why;
	t->wait_on = on;
	if (deadline != BH_FOREVER)
		bh_rt_deadline(t, bh_rt.idx, deadline);
	switch_out(BH_AFTER_SUSPEND);
	t->wait = BH_WAIT_NONE;
	if (canceled())
		return -BH_ECANCELED;
	if (deadline == BH_FOREVER)
		return 0;
	bh_st_rlx(&t->deadline_ns, 0);
	return expired(t, deadline) ? -BH_ETIMEDOUT : 0;
}

int bh_yield(void)
{
	if (!bh_rt.task || bh_rt.task->kind != BH_KIND_FIBER)
		return bh_rt_no_task(-EDEADLK);
	if (bh_rt_aborted())
		return -BH_ECANCELED;
	switch_out(BH_AFTER_YIELD);
	return bh_rt_aborted() ? -BH_ECANCELED : 0;
}

int bh_suspend(int64_t deadline)
{
	return bh_rt_suspend(BH_WAIT_SUSPEND, 0, deadline);
}

int bh_wake(bh_task task)
{
	if (!bh_rt.me)
		return bh_rt_no_task(-EPERM);
	return bh_rt_wake(bh_handle_idx(task), bh_handle_gen(task), 0);
}

int bh_abort(bh_task task)
{
	if (!bh_rt.me)
		return bh_rt_no_task(-EPERM);
	return bh_rt_wake(bh_handle_idx(task), bh_handle_gen(task), BH_ABORTED);
}

void bh_poll_result(struct bh_cx *cx, int64_t value)
{
	cx->value = value;
	cx->valued = true;
}

void bh_poll_at(struct bh_cx *cx, int64_t deadline)
{
	if (bh_rt.forked)
		return;
	/* 0 stands for no deadline; whatever has passed is as good as 1. */
	bh_rt_deadline(cx->task, bh_rt.idx, deadline > 0 ? deadline : 1);
}

void bh_poll_again(struct bh_cx *cx)
{
	cx->again = true;
}
