/* SPDX-License-Identifier: MIT */
/*
 * reactor.c: this worker looks at the service's epoll instances by itself.
 *
 * An idle worker that gets a lease (ipc/queue/lease.h) sleeps in epoll_wait instead of
 * on its futex; a busy one looks now and then. No instance is any worker's own: a
 * busy one looks at all in turn, and an idle one takes the first lease that is free, so
 * those who are stuck in user code leave none of them alone while others turn. The
 * tasks that their events wake go to the own ring. Until all of them are there the
 * lease is held, so that if this worker is killed the kernel knows that events may be
 * lost with it.
 */
#include "workers/executor/reactor.h"

#include <sys/epoll.h>

#include "ipc/base/monotonic.h"
#include "ipc/protocol/enqueue.h"
#include "ipc/protocol/ready.h"
#include "workers/base/rt.h"
#include "workers/executor/park_spin.h"
#include "workers/queue/meter.h"
#include "workers/queue/queue.h"
#include "workers/queue/trace.h"

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

void bh_reactor_poll(void)
{
	uint32_t at = bh_rt.look_at;
	struct bh_lease *lease = &bh_rt.v.a->idle.lease[at];
	struct epoll_event events[EVENTS];

	bh_rt.look_at = at + 1 < bh_rt.v.l.reactors ? at + 1 : 0;
	if (!bh_lease_take(lease, bh_rt.slot, bh_rt.epoch, BH_LEASE_POLL))
		return;
	uint32_t woken = dispatch(events, epoll_wait(bh_rt.epfd[at], events, EVENTS, 0));
	bh_lease_give(lease);
	if (woken)
		bh_notify(&bh_rt.v);
}

bool bh_reactor_lease(void)
{
	struct bh_lease *leases = bh_rt.v.a->idle.lease;
	uint32_t n = bh_rt.v.l.reactors, at = n > 1 ? bh_rt.slot % n : 0;

	for (uint32_t i = 0; i < n; i++, at = at + 1 < n ? at + 1 : 0)
		if (bh_rt.epfd[at] >= 0 && bh_rt.v.kick[at] >= 0 &&
		    bh_lease_take(&leases[at], bh_rt.slot, bh_rt.epoch, BH_LEASE_SLEEP)) {
			bh_rt.leased = at + 1;
			return true;
		}
	return false;
}

void bh_reactor_unlease(void)
{
	bh_lease_give(&bh_rt.v.a->idle.lease[bh_rt.leased - 1]);
	bh_rt.leased = 0;
}

/* What was picked meanwhile is unparked by its picker, which is a kick: until then
 * it looks on. */
void bh_reactor_sleep(void)
{
	struct bh_idle *idle = &bh_rt.v.a->idle;
	struct epoll_event events[EVENTS];
	int epfd = bh_rt.epfd[bh_rt.leased - 1];
	uint32_t woken = 0;

	while (bh_ld_acq(&bh_rt.me->park) != BH_AWAKE) {
		bool spins = bh_spin_slice();

		if (spins && bh_ld_acq(&bh_rt.me->park) == BH_AWAKE)
			break;
		int n = epoll_wait(epfd, events, EVENTS, spins ? 0 : -1);
		if (n > 0) {
			bh_meter_begin(&bh_rt.me->meter, bh_monotonic_ns());
			bh_meter_refresh();
		}
		woken += dispatch(events, n);
		if (woken && bh_idle_park_leave(idle, bh_rt.slot, &bh_rt.me->park))
			break;
		if (n > 0)
			bh_meter_end(&bh_rt.me->meter, bh_monotonic_ns());
	}
	bh_reactor_unlease();
	/* One is for this worker. */
	if (woken > 1)
		bh_notify(&bh_rt.v);
}
