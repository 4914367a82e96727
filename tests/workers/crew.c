/* SPDX-License-Identifier: MIT */
#include "crew.h"
#include "ipc/protocol/ready.h"
#include "ipc/protocol/wake.h"
#include "ipc/repair/verify.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "workers/base/rt.h"
#include "workers/executor/executor.h"
#include "workers/task/main_task.h"

void *crew_shared(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	return p;
}

static void nap(long us)
{
	struct timespec ts = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	nanosleep(&ts, NULL);
}

static void start(struct crew *c, uint32_t slot)
{
	struct bh_slot *w = &bh_rt.v.workers[slot];

	c->epoch[slot]++;
	bh_st_rel(&w->word, bh_slot_word(BH_SLOT_STARTING, c->epoch[slot], 0));
	c->pid[slot] = fork();
	ck_assert_int_ge(c->pid[slot], 0);
	if (c->pid[slot] == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		bh_executor_run(slot, c->epoch[slot]);
		_exit(0);
	}
}

/* dispatch() reads their events, too. */
static void make_reactors(void)
{
	struct epoll_event kick = { .events = EPOLLIN | EPOLLET };

	for (uint32_t i = 0; i < bh_rt.v.l.reactors; i++) {
		bh_rt.epfd[i] = epoll_create1(EPOLL_CLOEXEC);
		bh_rt.v.kick[i] = eventfd(0, EFD_NONBLOCK);
		ck_assert_int_eq(epoll_ctl(bh_rt.epfd[i], EPOLL_CTL_ADD, bh_rt.v.kick[i], &kick),
				 0);
	}
}

void crew_make_sized(struct crew *c, uint32_t n, uint32_t tasks, uint64_t memory,
		     int64_t (*main_fn)(void *))
{
	static struct bh_service service = { .size = sizeof(service), .name = "crew" };
	struct bh_layout l;
	int fd;

	*c = (struct crew){ .n = n };
	bh_layout_init(&l, n, tasks, 64, memory);
	l.reactors = 2; /* as with more workers */
	fd = bh_arena_create(&l, "crew", bh_now());
	ck_assert_int_ge(fd, 0);
	c->arena_fd = fd;
	ck_assert_int_eq(bh_view_map(&bh_rt.v, &l, fd, (void *)BH_ARENA_BASE, true), 0);
	bh_rt.doorbell = eventfd(0, EFD_NONBLOCK);
	make_reactors();
	/* No kernel keeps time here: nobody need ring. */
	bh_st_rlx(&bh_rt.v.a->kernel_sleeps_until, INT64_MIN);
	service.main = main_fn;
	bh_rt.service = service;
	ck_assert_int_eq(bh_spawn_main(&service), 0);
	for (uint32_t i = 0; i < n; i++)
		start(c, i);
}

void crew_make(struct crew *c, uint32_t n, uint32_t tasks, int64_t (*main_fn)(void *))
{
	crew_make_sized(c, n, tasks, 256ull << 20, main_fn);
}

static void no_io(void *ctx, uint32_t idx)
{
	(void)ctx, (void)idx;
}

static void scan(bool requeue)
{
	struct bh_recover_ops ops = { .close_io = no_io };
	struct bh_verify v = { .requeue = requeue };

	while (!bh_verify_step(&bh_rt.v, &v, 4096, &ops))
		;
}

/* As the kernel does, for one that is dead and reaped. */
static void recover(struct crew *c, uint32_t slot)
{
	struct bh_recover_ops ops = { .close_io = no_io };
	struct bh_dead_task dead;
	uint32_t at = bh_lease_any_held_by(bh_rt.v.a->idle.lease, slot);

	bh_st_rel(&bh_rt.v.workers[slot].word, bh_slot_word(BH_SLOT_DEAD, c->epoch[slot], 0));
	bh_recover_begin(&bh_rt.v, slot, c->epoch[slot], &dead);
	if (dead.task)
		bh_recover_task(&bh_rt.v, dead.task, dead.can_restart, BH_END_CRASHED, 1, &ops);
	c->task_deaths += dead.task && !dead.can_restart;
	c->deaths++;
	bh_recover_worker(&bh_rt.v, slot, c->epoch[slot], &ops);
	while (at)
		at = bh_ready_step(&bh_rt.v, at, 64);
}

static void bury(struct crew *c, uint32_t slot)
{
	if (!c->pid[slot])
		return;
	kill(c->pid[slot], SIGKILL);
	ck_assert_int_eq(waitpid(c->pid[slot], NULL, 0), c->pid[slot]);
	recover(c, slot);
}

static void dispatch_one(uint32_t at)
{
	struct epoll_event ev[16];
	int k = epoll_wait(bh_rt.epfd[at], ev, 16, 0);
	bool kicked = false;
	uint32_t tasks[2];

	for (int i = 0; i < k; i++) {
		uint32_t m = bh_ready_event(&bh_rt.v, ev[i].data.u64, ev[i].events, tasks);

		kicked |= !ev[i].data.u64;
		while (m)
			bh_kernel_wake(&bh_rt.v, tasks[--m], 0, 0);
	}
	if (kicked)
		bh_kick(bh_rt.v.kick[at]);
}

/* The kernel's reactor and wheel, in small: marks what is ready, wakes whose time has
 * come. */
static void dispatch(void)
{
	uint32_t n = bh_ld_acq(&bh_rt.v.task_pool.pool->mark);

	for (uint32_t i = 0; i < bh_rt.v.l.reactors; i++)
		dispatch_one(i);
	/* What was posted is found by the look at all tasks; who posts waits for room. */
	for (uint32_t i = 0; i < bh_rt.v.l.workers; i++)
		bh_st_rel(&bh_rt.v.workers[i].timers.head,
			  bh_ld_acq(&bh_rt.v.workers[i].timers.tail));
	for (uint32_t i = 1; i < n && i < bh_rt.v.l.tasks; i++) {
		int64_t at = bh_ld_acq(&bh_rt.v.tasks[i].deadline_ns);

		if (at > 0 && at <= bh_now() &&
		    bh_state_of(bh_ld_acq(&bh_rt.v.tasks[i].state)) == BH_WAITING)
			bh_kernel_wake(&bh_rt.v, i, 0, 0);
	}
}

/* Replaces the workers that died by themselves. */
static void look_after(struct crew *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		if (!c->pid[i] || waitpid(c->pid[i], NULL, WNOHANG) != c->pid[i])
			continue;
		if (bh_slot_state_of(bh_ld_acq(&bh_rt.v.workers[i].word)) == BH_SLOT_VACANT) {
			recover(c, i);
			c->deaths--;
			c->pid[i] = 0;
			bh_st_rel(&bh_rt.v.workers[i].word, BH_SLOT_VACANT);
		} else {
			recover(c, i);
			start(c, i);
		}
		scan(false);
	}
	if (bh_xchg(&bh_rt.v.a->rescan, 0))
		scan(true);
	dispatch();
}

void crew_wait(struct crew *c, const _Atomic uint32_t *done, unsigned seconds)
{
	int64_t end = bh_after(BH_S(seconds));

	while (!bh_ld_acq(done)) {
		ck_assert_msg(bh_now() < end, "not done: something was lost (%u deaths)",
			      c->deaths);
		look_after(c);
		nap(1000);
	}
}

void crew_resize(struct crew *c, uint32_t wanted)
{
	bh_st_rel(&bh_rt.v.a->workers_wanted, wanted);
	for (uint32_t i = 0; i < c->n; i++) {
		if (i < wanted && !c->pid[i])
			start(c, i);
		if (i >= wanted && bh_idle_pick_one(&bh_rt.v.a->idle, i))
			bh_unpark(&bh_rt.v.workers[i].park, bh_rt.v.kick);
	}
}

bool crew_is_up(struct crew *c, uint32_t slot)
{
	look_after(c);
	return c->pid[slot] != 0;
}

void crew_storm(struct crew *c, unsigned kills, unsigned us, _Atomic uint32_t *stop)
{
	for (unsigned i = 0; i < kills; i++) {
		uint32_t slot = (uint32_t)random() % c->n;

		nap((long)((unsigned)random() % (2 * us)));
		bury(c, slot);
		start(c, slot);
		scan(false);
	}
	bh_st_rel(stop, 1);
}

void crew_end(struct crew *c)
{
	struct bh_audit audit;

	nap(20000); /* tasks that were told to end do so */
	for (uint32_t i = 0; i < c->n; i++)
		bury(c, i);
	scan(false);
	ck_assert_int_eq(bh_audit_run(&bh_rt.v, true, &audit), 0);
	for (uint32_t i = 0; i < audit.found && i < 8; i++)
		fprintf(stderr, "%s: %s\n", audit.finding[i].invariant, audit.finding[i].text);
	ck_assert_uint_eq(audit.found, 0);
}
