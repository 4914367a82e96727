/* SPDX-License-Identifier: MIT */
/*
 * deferred_fence.h: fences that one poll pays once.
 *
 * Who queues work, or posts a timer, must look afterwards at who sleeps, with a full
 * fence between the two (D2 of ipc/queue/idle.h; the second pair of kernel/reactor/timers.c). A poll
 * that does so a hundred times needs one such look, when it is over. Until then it
 * looks without the fence, which finds nearly every sleeper at once and costs two loads;
 * whoever went to sleep in that very moment is found at the end.
 *
 * A poll that takes long after such a moment keeps a sleeper asleep until the kernel's
 * next look over the workers: it wakes somebody for what stands in the ring of one that
 * does not turn (ipc/repair/stall.h), and takes what was posted. Killed before the look: all
 * workers of the service are woken after a death.
 */
#ifndef BH_WORKERS_QUEUE_DEFERRED_FENCE_H
#define BH_WORKERS_QUEUE_DEFERRED_FENCE_H

#include "workers/base/doorbell.h"
#include "workers/base/rt.h"

/* Something was queued for anybody. */
static inline void bh_notify_deferred(void)
{
	const struct bh_idle *i = &bh_rt.v.a->idle;

	if (bh_ld_rlx(&i->parked) && !bh_ld_rlx(&i->searching))
		bh_notify(&bh_rt.v);
	else
		bh_rt.notify_deferred = true;
}

/* A timer for @deadline was posted. */
static inline void bh_doorbell_deferred(int64_t deadline)
{
	if (bh_ld_rlx(&bh_rt.v.a->kernel_sleeps_until) > deadline)
		bh_doorbell();
	else if (!bh_rt.doorbell_deferred_ns || deadline < bh_rt.doorbell_deferred_ns)
		bh_rt.doorbell_deferred_ns = deadline;
}

/* The poll is over. */
static inline void bh_deferred_fence(void)
{
	int64_t posted = bh_rt.doorbell_deferred_ns;

	if (!bh_rt.notify_deferred && !posted)
		return;
	bh_rt.notify_deferred = false;
	bh_rt.doorbell_deferred_ns = 0;
	bh_notify(&bh_rt.v); /* begins with the fence */
	if (posted && bh_ld_rlx(&bh_rt.v.a->kernel_sleeps_until) > posted)
		bh_doorbell();
}

#endif
