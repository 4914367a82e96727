/* SPDX-License-Identifier: MIT */
/*
 * timers.c: deadlines of tasks, from the workers' rings to the wheel, and back as
 * wake-ups.
 *
 * The deadline itself stands in the task; the wheel only knows when to look. Two
 * pairs of "store mine, fence, read yours" keep a deadline from being missed:
 *
 *   worker: deadline, fence, armed_ns      kernel: armed_ns = 0, fence, deadline
 *   worker: ring, fence, sleeps_until      kernel: sleeps_until, fence, rings
 *
 * (the second one's right column is in loop.c; its left one's fence comes at the end of
 * the poll: workers/queue/deferred_fence.h).
 *
 * Deadlines and wheel are in the service's clock (ipc/base/clock.h), which a test may
 * have stopped.
 */
#include "kernel/reactor/timers.h"

#include "ipc/base/clock.h"
#include "ipc/system/event.h"
#include "kernel/base/clock.h"
#include "kernel/base/watch.h"
#include "kernel/base/wheel.h"
#include "kernel/process/services.h"
#include "kernel/reactor/wake.h"

enum {
	EXPIRY_BUDGET = 4096, /* of one service in one turn */
	REARM_STEP = 4096,    /* tasks looked at in one turn after an attach */
	IDLE_LOOK_MS = 1,     /* for a clock that moves on when nobody works */
};

/* Whatever the word in the arena says: a wheel's time only goes on. */
static void read_clock(struct bh_ksvc *s)
{
	int64_t now = bh_clock_read(bh_ld_acq(&s->v.a->clock), s->kernel->now_ns);

	if (now > s->clock_ns)
		s->clock_ns = now;
}

int bh_timers_init(struct bh_ksvc *s)
{
	s->clock_ns = 0;
	read_clock(s);
	return bh_wheel_init(&s->wheel, s->v.l.tasks, s->clock_ns);
}

void bh_timers_sleep(struct bh_ksvc *s, int64_t until_ns)
{
	int64_t word = bh_ld_acq(&s->v.a->clock);

	if (until_ns && (word & BH_CLOCK_AUTO))
		until_ns = INT64_MAX; /* each deadline may be the next to jump to */
	else if (until_ns)
		until_ns = bh_clock_read(word, until_ns);
	bh_st_rlx(&s->v.a->kernel_sleeps_until, until_ns);
}

static void arm(struct bh_ksvc *s, uint32_t idx)
{
	struct bh_tcb *t = bh_tcb_at(&s->v, idx);

	if (!t)
		return;
	int64_t deadline = bh_ld_acq(&t->deadline_ns), armed = bh_ld_rlx(&t->armed_ns);
	if (deadline <= 0 || (armed && armed <= deadline))
		return;
	if (!bh_wheel_arm(&s->wheel, idx, deadline))
		bh_st_rel(&t->armed_ns, deadline);
}

/* Task @idx, for when a wheel that is gone held it. */
static void rearm(struct bh_ksvc *s, uint32_t idx)
{
	struct bh_tcb *t = bh_tcb_at(&s->v, idx);

	if (!t)
		return;
	if (bh_ld_rlx(&t->armed_ns)) {
		bh_st_rlx(&t->armed_ns, 0);
		bh_fence();
	}
	arm(s, idx);
}

static bool posted(const struct bh_timer_ring *r)
{
	return bh_ld_rlx(&r->head) != bh_ld_acq(&r->tail);
}

static void take_posted(struct bh_ksvc *s, struct bh_timer_ring *r)
{
	uint32_t head = bh_ld_rlx(&r->head), tail = bh_ld_acq(&r->tail);

	/* More than a ring holds: the worker wrote over its own counters. */
	if (tail - head > BH_TIMER_RING)
		head = tail - BH_TIMER_RING;
	for (; head != tail; head++) {
		uint32_t idx = bh_ld_rlx(&r->idx[head % BH_TIMER_RING]);

		/* Not to be late for what is posted before the rebuild comes to it. */
		if (s->rearm_at && idx >= s->rearm_at)
			rearm(s, idx);
		else
			arm(s, idx);
	}
	bh_st_rel(&r->head, tail);
}

static void expire(struct bh_ksvc *s, uint32_t idx)
{
	struct bh_tcb *t = bh_tcb_at(&s->v, idx);

	if (!t)
		return;
	bh_st_rlx(&t->armed_ns, 0);
	bh_fence();
	int64_t deadline = bh_ld_acq(&t->deadline_ns);
	if (deadline > s->clock_ns)
		arm(s, idx); /* moved later by a plain store */
	else if (deadline > 0)
		bh_task_wake(s, idx, BH_EV_TIMER, (uint64_t)(s->clock_ns - deadline));
}

/* True if every worker sleeps and nothing is queued: seen in one look, so it may be
 * over by now, as it may for a clock that runs. */
static bool idle(struct bh_ksvc *s)
{
	for (uint32_t i = 0; i < s->workers; i++) {
		struct bh_slot *w = &s->v.workers[i];

		if (bh_ld_acq(&w->park) == BH_AWAKE || bh_ld_acq(&w->lifo) ||
		    bh_runq_len(&w->runq) || posted(&w->timers))
			return false;
	}
	return !bh_inject_ready(&s->v.inject);
}

/* An automatic clock jumps to the next deadline when there is nothing to do before
 * it. Commit: the CAS on the clock word; one that a worker changed stays as it is. */
static void jump(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	int64_t word = bh_ld_acq(&s->v.a->clock), next = bh_wheel_next(&s->wheel);

	if (!(word & BH_CLOCK_PAUSED) || !(word & BH_CLOCK_AUTO) || next == INT64_MAX)
		return;
	bh_wake_by(k, k->now_ns + IDLE_LOOK_MS * BH_NS_PER_MS);
	if (idle(s) && next > s->clock_ns && next <= BH_CLOCK_MAX)
		bh_cas(&s->v.a->clock, &word, bh_clock_word(next, BH_CLOCK_PAUSED | BH_CLOCK_AUTO));
}

static void advance(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	int n = 0;

	while (n < EXPIRY_BUDGET) {
		uint32_t idx = bh_wheel_pop(&s->wheel, s->clock_ns);

		if (idx == BH_WHEEL_NONE)
			break;
		expire(s, idx);
		n++;
	}
	if (n == EXPIRY_BUDGET)
		bh_wake_by(k, k->now_ns);
	else if (bh_wheel_next(&s->wheel) != INT64_MAX)
		bh_wake_by(k, bh_clock_real(bh_ld_acq(&s->v.a->clock), bh_wheel_next(&s->wheel)));
}

bool bh_timers_posted(const struct bh_ksvc *s)
{
	for (uint32_t i = 0; i < s->workers; i++)
		if (posted(&s->v.workers[i].timers))
			return true;
	return false;
}

/* The next part of the task table, after an attach. A deadline that it has not come
 * to is met late, by no more than the rest takes. */
static void rebuild(struct bh_ksvc *s)
{
	uint32_t mark = bh_ld_acq(&s->v.a->task_pool.mark), end = s->v.l.tasks;
	uint32_t stop = s->rearm_at + REARM_STEP;

	end = mark < end ? mark : end;
	stop = stop < end ? stop : end;
	for (uint32_t i = s->rearm_at; i < stop; i++) {
		rearm(s, i);
	}
	s->rearm_at = stop < end ? stop : 0;
	if (s->rearm_at)
		bh_wake_by(s->kernel, s->kernel->now_ns);
}

void bh_timers_rebuild(struct bh_ksvc *s)
{
	s->rearm_at = 1;
	bh_wake_by(s->kernel, s->kernel->now_ns);
}

void bh_phase_timers(struct bh_kernel *k)
{
	bh_for_each_running_service(s, k) {
		for (uint32_t w = 0; w < s->workers; w++)
			if (posted(&s->v.workers[w].timers))
				take_posted(s, &s->v.workers[w].timers);
		read_clock(s);
		if (s->rearm_at)
			rebuild(s);
		advance(s);
		bh_st_rlx(&s->v.a->timers, s->wheel.count);
		if (!s->rearm_at) /* else the next deadline may not be in the wheel */
			jump(s);
	}
}
