/* SPDX-License-Identifier: MIT */
/*
 * take.h: how many tasks a worker takes from its ring at a time (ipc/queue/hand.h).
 *
 * Several, if all of them together are polled in less time than it takes to wake a
 * worker that would share them, and nobody is awake and looks for work. A worker alone
 * has nobody to share with.
 */
#ifndef BH_WORKERS_QUEUE_TAKE_H
#define BH_WORKERS_QUEUE_TAKE_H

#include "workers/base/rt.h"

enum {
	TAKE_BRIEF_NS = 5000, /* a hand of them: 40 us, a wake-up by a system call */
};

static inline bool bh_take_several(void)
{
	const struct bh_idle *i = &bh_rt.v.a->idle;
	uint64_t mean = bh_rt.sched.mean_ns;

	if (bh_rt.v.l.workers == 1)
		return true;
	return mean && mean < TAKE_BRIEF_NS && !(bh_ld_rlx(&i->parked) | bh_ld_rlx(&i->searching));
}

/* What will be polled soon is fetched from memory meanwhile: hints, read without
 * holding the task, and any address will do. */
static inline void bh_take_ahead(const struct bh_hand *m)
{
	for (uint32_t i = 0, n = bh_ld_rlx(&m->n); i < n && i < BH_HAND; i++) {
		const char *t = (const char *)&bh_rt.v.tasks[bh_ld_rlx(&m->idx[i])];

		__builtin_prefetch(t, 1);
		__builtin_prefetch(t + 64, 1);
	}
}

/* A fiber's stack besides: the top of it, which it returns to. */
static inline void bh_take_stack(const struct bh_hand *m)
{
	uint32_t n = bh_ld_rlx(&m->n);

	const struct bh_tcb *t =
		n - 1 < BH_HAND ? bh_tcb_at(&bh_rt.v, bh_ld_rlx(&m->idx[n - 1])) : NULL;
	if (!t || bh_ld_rlx((const _Atomic uint8_t *)&t->kind) != BH_KIND_FIBER)
		return;
	uint64_t sp = bh_ld_rlx((const _Atomic uint64_t *)&t->sp);
	for (uint32_t line = 0; line < 4; line++)
		__builtin_prefetch((const void *)(uintptr_t)(sp + 64 * line), 1);
}

/* The oldest of the own ring. */
static inline uint32_t bh_take_ring(struct bh_worker *me)
{
	uint32_t idx = bh_hand_next(&me->hand);

	if (idx) {
		bh_take_stack(&me->hand);
		return idx;
	}
	if (!bh_take_several())
		return bh_runq_pop(&me->runq);
	idx = bh_hand_fill(&me->hand, &me->runq);
	bh_take_ahead(&me->hand);
	return idx;
}

#endif
