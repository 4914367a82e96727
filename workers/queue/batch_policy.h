/* SPDX-License-Identifier: MIT */
/*
 * batch_policy.h: how many tasks a worker takes from its ring at a time (ipc/queue/batch.h).
 *
 * Several, if all of them together are polled in less time than it takes to wake a
 * worker that would share them, and nobody is awake and looks for work. A worker alone
 * has nobody to share with.
 */
#ifndef BH_WORKERS_QUEUE_BATCH_POLICY_H
#define BH_WORKERS_QUEUE_BATCH_POLICY_H

#include "workers/base/rt.h"

enum {
	BATCH_BRIEF_NS = 5000, /* a batch of them: 40 us, a wake-up by a system call */
};

static inline bool bh_batch_allowed(void)
{
	const struct bh_idle *i = &bh_rt.v.a->idle;
	uint64_t mean = bh_rt.sched.mean_ns;

	if (bh_rt.v.l.workers == 1)
		return true;
	return mean && mean < BATCH_BRIEF_NS && !(bh_ld_rlx(&i->parked) | bh_ld_rlx(&i->searching));
}

/* What will be polled soon is fetched from memory meanwhile: hints, read without
 * holding the task, and any address will do. */
static inline void bh_batch_prefetch(const struct bh_batch *m)
{
	for (uint32_t i = 0, n = bh_ld_rlx(&m->n); i < n && i < BH_BATCH; i++) {
		const char *t = (const char *)&bh_rt.v.tasks[bh_ld_rlx(&m->idx[i])];

		__builtin_prefetch(t, 1);
		__builtin_prefetch(t + 64, 1);
	}
}

/* A fiber's stack besides: the top of it, which it returns to. */
static inline void bh_batch_prefetch_stack(const struct bh_batch *m)
{
	uint32_t n = bh_ld_rlx(&m->n);

	const struct bh_tcb *t =
		n - 1 < BH_BATCH ? bh_tcb_at(&bh_rt.v, bh_ld_rlx(&m->idx[n - 1])) : NULL;
	if (!t || bh_ld_rlx((const _Atomic uint8_t *)&t->kind) != BH_KIND_FIBER)
		return;
	uint64_t sp = bh_ld_rlx((const _Atomic uint64_t *)&t->sp);
	for (uint32_t line = 0; line < 4; line++)
		__builtin_prefetch((const void *)(uintptr_t)(sp + 64 * line), 1);
}

/* The oldest of the own ring. */
static inline uint32_t bh_batch_pop(struct bh_slot *me)
{
	uint32_t idx = bh_batch_next(&me->batch);

	if (idx) {
		bh_batch_prefetch_stack(&me->batch);
		return idx;
	}
	if (!bh_batch_allowed())
		return bh_runq_pop(&me->runq);
	idx = bh_batch_fill(&me->batch, &me->runq);
	bh_batch_prefetch(&me->batch);
	return idx;
}

#endif
