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
 * (the second one's right column is in kernel.c).
 */
#include "kernel.h"

enum {
	EXPIRY_BUDGET = 4096, /* of one service in one turn */
};

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
	for (; head != tail; head++)
		arm(s, bh_ld_rlx(&r->idx[head % BH_TIMER_RING]));
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
	if (deadline > s->kernel->now_ns)
		arm(s, idx); /* moved later by a plain store */
	else if (deadline > 0)
		bh_task_wake(s, idx);
}

static void advance(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	int n = 0;

	while (n < EXPIRY_BUDGET) {
		uint32_t idx = bh_wheel_pop(&s->wheel, k->now_ns);

		if (idx == BH_WHEEL_NONE)
			break;
		expire(s, idx);
		n++;
	}
	bh_wake_by(k, n < EXPIRY_BUDGET ? bh_wheel_next(&s->wheel) : k->now_ns);
}

bool bh_timers_posted(const struct bh_ksvc *s)
{
	for (uint32_t i = 0; i < s->workers; i++)
		if (posted(&s->v.workers[i].timers))
			return true;
	return false;
}

void bh_phase_timers(struct bh_kernel *k)
{
	for (uint32_t i = 0; i < k->plan->n_services; i++) {
		struct bh_ksvc *s = &k->svc[i];

		if (!s->mapped || bh_service_resetting(s))
			continue;
		for (uint32_t w = 0; w < s->workers; w++)
			if (posted(&s->v.workers[w].timers))
				take_posted(s, &s->v.workers[w].timers);
		advance(s);
	}
}

void bh_timers_rebuild(struct bh_ksvc *s)
{
	uint32_t mark = bh_ld_acq(&s->v.a->task_pool.mark), end = s->v.l.tasks;

	if (mark < end)
		end = mark;
	for (uint32_t i = 1; i < end; i++) {
		/* For when a wheel that is gone held it. */
		bh_st_rlx(&s->v.tasks[i].armed_ns, 0);
		bh_fence();
		arm(s, i);
	}
}
