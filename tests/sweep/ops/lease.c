/* SPDX-License-Identifier: MIT */
/* lease.c: a worker takes events from epoll, and is killed with them. */
#include "tests/sweep/sweep.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "workers/base/rt.h"
#include "workers/executor/reactor.h"

/* Two tasks wait for a socket each. */
static void setup_waiting(struct world *w)
{
	uint32_t *who[] = { &w->child, &w->other };

	for (int i = 0; i < 2; i++) {
		uint32_t idx = *who[i] = world_task(w, BH_WAITING, OTHER);

		uint32_t io = world_io(w, idx);

		w->v.tasks[idx].wait = BH_WAIT_IO;
		w->v.tasks[idx].wait_on = bh_handle(3, io);
		bh_st_rlx(&w->v.ios[io].ready[0], (uint64_t)idx << 32);
	}
}

/* Both have something to read, says instance @at. */
static void connect_epoll(struct world *w, uint32_t at)
{
	const uint32_t who[] = { w->child, w->other };

	world_epoll();
	for (int i = 0; i < 2; i++) {
		uint32_t io = bh_ld_rlx(&w->v.tasks[who[i]].ios);
		struct epoll_event e = { .events = EPOLLIN | EPOLLET,
					 .data.u64 = bh_handle(3, io) };

		if (epoll_ctl(bh_rt.epfd[at], EPOLL_CTL_ADD, eventfd(1, EFD_NONBLOCK), &e))
			_Exit(3);
	}
}

static void run_look(struct world *w)
{
	connect_epoll(w, 0);
	bh_reactor_poll();
}

static void run_look_next(struct world *w)
{
	connect_epoll(w, 1);
	bh_rt.look_at = 1;
	bh_reactor_poll();
}

static void sleep_in(struct world *w, uint32_t at)
{
	connect_epoll(w, at);
	if (!bh_reactor_lease() || bh_rt.leased != at + 1)
		_Exit(3);
	bh_idle_park_begin(&w->v.a->idle, VICTIM, &w->v.workers[VICTIM].park,
			   bh_idle_sleeps(bh_rt.leased));
	bh_reactor_sleep();
}

static void run_sleep(struct world *w)
{
	sleep_in(w, 0);
}

/* Worker 1 has the lease of the first instance. */
static void setup_taken(struct world *w)
{
	setup_waiting(w);
	bh_lease_take(&w->v.a->idle.lease[0], OTHER, WORLD_EPOCH, BH_LEASE_SLEEP);
}

static void run_sleep_elsewhere(struct world *w)
{
	sleep_in(w, 1);
}

/* Before the lease was taken the edges are still in epoll. After that, whatever
 * became of them, the tasks are awake. */
static const char *check_woken_of(struct world *w, uint32_t at)
{
	uint64_t lease = bh_ld_rlx(&w->v.a->idle.lease[at].word);

	if (bh_lease_mode_of(lease) != BH_LEASE_FREE)
		return "the dead one has the lease";
	if (bh_lease_turns(lease) &&
	    (world_state(w, w->child) == BH_WAITING || world_state(w, w->other) == BH_WAITING))
		return "an event is lost";
	return NULL;
}

static const char *check_woken(struct world *w)
{
	return check_woken_of(w, 0);
}

static const char *check_woken_next(struct world *w)
{
	return check_woken_of(w, 1);
}

static const char *check_elsewhere(struct world *w)
{
	if (!bh_lease_held_by(&w->v.a->idle.lease[0], OTHER))
		return "the lease of a living one was taken";
	return check_woken_of(w, 1);
}
SWEEP(reactor_look, .setup = setup_waiting, .run = run_look, .check = check_woken,
      .covers = "bh_lease_take bh_lease_give bh_ready_event");
SWEEP(reactor_look_next, .setup = setup_waiting, .run = run_look_next, .check = check_woken_next,
      .covers = "");
SWEEP(reactor_sleep, .setup = setup_waiting, .run = run_sleep, .check = check_woken,
      .covers = "bh_idle_park_leave");
SWEEP(reactor_sleep_elsewhere, .setup = setup_taken, .run = run_sleep_elsewhere,
      .check = check_elsewhere, .covers = "");

/* The kernel marks for a dead holder, and is killed doing so. */
static void setup_dead_holder(struct world *w)
{
	setup_taken(w);
	bh_lease_take(&w->v.a->idle.lease[1], VICTIM, WORLD_EPOCH, BH_LEASE_POLL);
}

static const char *check_taken_back(struct world *w)
{
	if (!bh_lease_turns(bh_ld_rlx(&w->v.a->idle.lease[1].word)))
		return "the lease was not taken back";
	return check_elsewhere(w);
}
SWEEP(recover_lease, .setup = setup_dead_holder, .run = world_recover, .kernel = true,
      .check = check_taken_back, .covers = "");
