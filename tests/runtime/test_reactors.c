/* SPDX-License-Identifier: MIT */
/* test_reactors.c: a service with so many workers (17) that it has several epoll
 * instances, one for each eight: the sockets of each are served, whoever is stuck and
 * whoever dies. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime.h"

enum {
	WORKERS = 17,
	REACTORS = 3,
	WAITERS = 5 * REACTORS
};

#define SOON bh_after(BH_S(30))

/* In memory that all workers have. */
struct shared {
	_Atomic int fd[WAITERS], got[WAITERS];
	_Atomic int stuck;
	_Atomic bool go_on;
	bh_task waiter[WAITERS];
};

struct arg {
	struct shared *s;
	int i;
};

static int64_t wait_for_events(void *a)
{
	const struct arg *arg = a;
	struct shared *s = arg->s;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint64_t n;
	bh_io io;

	CHECK(fd >= 0 && bh_io_adopt(&io, fd) == 0);
	atomic_store(&s->fd[arg->i], fd);
	while (bh_read(io, &n, sizeof(n), BH_FOREVER) == sizeof(n))
		atomic_fetch_add(&s->got[arg->i], 1);
	return 0;
}

static void open_one(struct shared *s, int i)
{
	struct arg arg = { .s = s, .i = i };

	atomic_store(&s->fd[i], 0);
	CHECK(bh_spawn(&s->waiter[i], wait_for_events, &arg, sizeof(arg), NULL) == 0);
	EVENTUALLY(atomic_load(&s->fd[i]));
}

/* Tasks that wait for a descriptor each; the numbers are of all instances. */
static struct shared *open_all(void)
{
	struct shared *s = bh_alloc(sizeof(*s));
	int of[REACTORS] = { 0 };

	CHECK(s);
	memset(s, 0, sizeof(*s));
	for (int i = 0; i < WAITERS; i++) {
		open_one(s, i);
		of[atomic_load(&s->fd[i]) % REACTORS]++;
	}
	for (int i = 0; i < REACTORS; i++)
		CHECK(of[i] > 0);
	return s;
}

/* Something comes for each of them: after the last round, so they sleep by now. */
static void ring_all(struct shared *s)
{
	uint64_t one = 1;

	CHECK(bh_sleep(BH_MS(20)) == 0);
	for (int i = 0; i < WAITERS; i++) {
		int before = atomic_load(&s->got[i]);

		CHECK(write(atomic_load(&s->fd[i]), &one, sizeof(one)) == sizeof(one));
		EVENTUALLY(atomic_load(&s->got[i]) > before);
	}
}

/* Whether it was on a killed worker's CPU; that joins it. */
static bool was_killed(struct shared *s, int i)
{
	struct bh_result res;
	int r = bh_join(s->waiter[i], &res, bh_now());

	if (r == -BH_ETIMEDOUT)
		return false;
	CHECK(r == 0 && res.end == BH_END_CRASHED && res.crash.signal == SIGKILL);
	return true;
}

/*
 * As ring_all(), after workers were killed. Each death wakes all waiters, for an edge may
 * have died with it; so one may run, for a moment, on a worker that is killed next. It is
 * lost with that worker, and its descriptor with it; another one takes its place, on
 * whatever instance, and must be served.
 */
static void ring_survivors(struct shared *s)
{
	bool killed[WAITERS];
	uint64_t one = 1;

	for (int i = 0; i < WAITERS; i++) {
		int before = atomic_load(&s->got[i]);

		killed[i] = was_killed(s, i);
		if (killed[i])
			continue;
		CHECK(write(atomic_load(&s->fd[i]), &one, sizeof(one)) == sizeof(one) ||
		      errno == EBADF);
		EVENTUALLY(atomic_load(&s->got[i]) > before || (killed[i] = was_killed(s, i)));
	}
	for (int i = 0; i < WAITERS; i++)
		if (killed[i])
			open_one(s, i);
}

static void close_all(struct shared *s)
{
	struct bh_result res;

	for (int i = 0; i < WAITERS; i++) {
		CHECK(bh_abort(s->waiter[i]) == 0);
		CHECK(bh_join(s->waiter[i], &res, SOON) == 0 && res.end == BH_END_CANCELED);
	}
	bh_free(s);
}

TEST(the_sockets_of_each_instance_are_served)
{
	struct shared *s = open_all();

	CHECK(bh_workers() == WORKERS);
	for (int round = 0; round < 5; round++)
		ring_all(s);
	close_all(s);
}

/* In user code, and not to be had: asleep there, for 17 that spin are many. */
static int64_t get_stuck(void *a)
{
	struct shared *s = *(struct shared **)a;

	atomic_fetch_add(&s->stuck, 1);
	while (!atomic_load(&s->go_on))
		usleep(1000);
	return 0;
}

/* Those workers are stuck of which @of says so while the descriptors become ready. */
static void check_stuck(bool (*of)(int worker, int i), int i)
{
	struct shared *s = open_all();
	bh_task task[WORKERS];
	struct bh_result res;
	int n = 0;

	for (int w = 0; w < WORKERS; w++)
		if (of(w, i))
			CHECK(bh_spawn_on((uint32_t)w, &task[n++], get_stuck, &s, sizeof(s),
					  NULL) == 0);
	EVENTUALLY(atomic_load(&s->stuck) == n);
	ring_all(s);
	atomic_store(&s->go_on, true);
	for (int t = 0; t < n; t++)
		CHECK(bh_join(task[t], &res, SOON) == 0 && res.end == BH_END_RETURNED);
	close_all(s);
}

static bool prefers(int worker, int reactor)
{
	return worker % REACTORS == reactor;
}

static bool is_other(int worker, int i)
{
	return worker != i;
}

TEST(workers_of_one_instance_that_are_stuck_stall_nobody)
{
	for (int i = 0; i < REACTORS; i++)
		check_stuck(prefers, i);
}

TEST(all_workers_but_one_that_are_stuck_stall_nobody)
{
	check_stuck(is_other, 0);
	check_stuck(is_other, WORKERS - 1);
}

static int64_t tell_pid(void *unused)
{
	(void)unused;
	return getpid();
}

/* Who waits in epoll_wait is among those who are idle, and all of these are killed. No
 * waiter that lives is left unserved. */
TEST(instances_whose_holders_are_killed_go_on)
{
	struct shared *s = open_all();
	struct bh_result res;
	bh_task task;

	for (int round = 0; round < 3; round++) {
		pid_t pid[WORKERS];

		for (uint32_t w = 0; w < WORKERS; w++) {
			CHECK(bh_spawn_on(w, &task, tell_pid, NULL, 0, NULL) == 0);
			CHECK(bh_join(task, &res, SOON) == 0 && res.end == BH_END_RETURNED);
			pid[w] = (pid_t)res.value;
		}
		CHECK(bh_sleep(BH_MS(20)) == 0);
		for (int w = 0; w < WORKERS; w++)
			if (pid[w] != getpid())
				CHECK(kill(pid[w], SIGKILL) == 0);
		ring_survivors(s);
	}
	close_all(s);
}

RUNTIME_MAIN("reactors")
