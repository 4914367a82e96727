/* SPDX-License-Identifier: MIT */
/*
 * reactor.c: this worker looks at the service's epoll instance by itself.
 *
 * An idle worker that gets the lease (ipc/lease.h) sleeps in epoll_wait instead of
 * on its futex; a busy one looks now and then. The tasks that their events wake go
 * to the own ring. Until all of them are there the lease is held, so that if this
 * worker is killed the kernel knows that events may be lost with it.
 */
#include <sys/epoll.h>

#include "ipc/ready.h"
#include "workers/run.h"

enum {
	EVENTS = 128
};

static uint32_t wake(uint32_t idx)
{
	struct bh_tcb *t = bh_tcb_at(&bh_rt.v, idx);

	if (!t)
		return 0;
	bh_st_rlx(&bh_rt.me->journal.wake, idx);
	bh_compiler_barrier();
	if (bh_state_wake(&t->state, 0, 0) != BH_WAKE_QUEUE)
		return 0;
	if (bh_ld_rlx(&t->state) & BH_PINNED) {
		bh_enqueue_shared(&bh_rt.v, idx); /* which may unpark this very worker */
		return 0;
	}
	bh_rt_push_back(idx);
	return 1;
}

/* Marks and queues what @n events say; returns how many tasks were woken. */
static uint32_t dispatch(const struct epoll_event *e, int n)
{
	uint32_t tasks[2], woken = 0;

	for (int i = 0; i < n; i++) {
		uint32_t k = bh_ready_event(&bh_rt.v, e[i].data.u64, e[i].events, tasks);

		for (uint32_t j = 0; j < k; j++)
			woken += wake(tasks[j]);
	}
	return woken;
}

void bh_reactor_look(void)
{
	_Atomic uint64_t *lease = &bh_rt.v.a->idle.lease;
	struct epoll_event events[EVENTS];

	if (!bh_lease_take(lease, bh_rt.slot, bh_rt.epoch, BH_LEASE_LOOK))
		return;
	uint32_t woken = dispatch(events, epoll_wait(bh_rt.epfd, events, EVENTS, 0));
	bh_lease_give(lease);
	if (woken)
		bh_notify(&bh_rt.v);
}

bool bh_reactor_lease(void)
{
	return bh_rt.epfd >= 0 && bh_rt.v.kick >= 0 &&
	       bh_lease_take(&bh_rt.v.a->idle.lease, bh_rt.slot, bh_rt.epoch, BH_LEASE_SLEEP);
}

void bh_reactor_unlease(void)
{
	bh_lease_give(&bh_rt.v.a->idle.lease);
}

/* What was picked meanwhile is unparked by its picker, which is a kick: until then
 * it looks on. */
void bh_reactor_sleep(void)
{
	struct bh_idle *idle = &bh_rt.v.a->idle;
	struct epoll_event events[EVENTS];
	uint32_t woken = 0;

	while (bh_ld_acq(&bh_rt.me->park) != BH_AWAKE) {
		bool spins = bh_spin_slice();

		if (spins && bh_ld_acq(&bh_rt.me->park) == BH_AWAKE)
			break;
		int n = epoll_wait(bh_rt.epfd, events, EVENTS, spins ? 0 : -1);
		if (n > 0)
			bh_meter_begin(&bh_rt.me->meter, bh_rt_clock());
		woken += dispatch(events, n);
		if (woken && bh_idle_park_leave(idle, bh_rt.slot, &bh_rt.me->park))
			break;
		if (n > 0)
			bh_meter_end(&bh_rt.me->meter, bh_rt_clock());
	}
	bh_reactor_unlease();
	/* One is for this worker. */
	if (woken > 1)
		bh_notify(&bh_rt.v);
}
