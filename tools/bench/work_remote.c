/* SPDX-License-Identifier: MIT */
/*
 * work_remote.c: spawn_many_remote_*: n tasks spawned and joined from outside of the
 * workers: by a job, which runs in a blocking process as Tokio's runs in a thread
 * that is no worker. A job never waits for a task, so it sleeps on a futex until the
 * last one is through, and then joins what has ended, or very nearly.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/bench/bench.h"

enum {
	BURN_US = 10,
	BURNERS = 2 /* for each worker */
};

static void one_through(void)
{
	if (atomic_fetch_sub_explicit(&page->left, 1, memory_order_acq_rel) != 1)
		return;
	atomic_store(&page->through, 1);
	syscall(SYS_futex, &page->through, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static enum bh_poll once_poll(struct bh_cx *cx, void *state)
{
	(void)cx;
	(void)state;
	one_through();
	return BH_READY;
}

static int64_t once_fiber(void *arg)
{
	(void)arg;
	one_through();
	return 0;
}

/* -- busy1: what keeps the workers busy ---------------------------------------- */

static void burn(void)
{
	for (int64_t end = bh_now() + BH_US(BURN_US); bh_now() < end;)
		sched_yield();
}

static enum bh_poll burner_poll(struct bh_cx *cx, void *state)
{
	(void)state;
	burn();
	bh_poll_again(cx);
	return BH_PENDING;
}

static int64_t burner_fiber(void *arg)
{
	(void)arg;
	while (!bh_yield())
		burn();
	return 0;
}

/* -- the job --------------------------------------------------------------------- */

static int spawn_and_join(bh_task *tasks, uint64_t n)
{
	int err = 0;

	atomic_store(&page->through, 0);
	atomic_store(&page->left, n);
	for (uint64_t i = 0; i < n && !err; i++)
		err = bench_fibers() ? bh_spawn(&tasks[i], once_fiber, NULL, 0, NULL) :
				       bh_spawn_poll(&tasks[i], once_poll, NULL, 0, NULL);
	if (err)
		return err; /* the end of the job aborts the others */
	while (!atomic_load(&page->through))
		syscall(SYS_futex, &page->through, FUTEX_WAIT, 0, NULL, NULL, 0);
	for (uint64_t i = 0; i < n && !err; i++)
		while ((err = bh_join(tasks[i], NULL, BH_NOWAIT)) == -EDEADLK)
			sched_yield(); /* it is between its last line and its end */
	return err;
}

static int64_t spawner(void *arg)
{
	uint64_t n = bench_n(), iters = bench_key("iters", 1);
	bh_task *tasks = calloc(n, sizeof(*tasks));
	int err = tasks ? 0 : -ENOMEM;

	(void)arg;
	for (uint64_t i = 0; i <= iters && !err; i++) {
		if (i == 1)
			bench_ask(ASK_BEGIN);
		int64_t t = bh_now();

		err = spawn_and_join(tasks, n);
		if (i && !err)
			page->sample[page->samples++] = (double)(bh_now() - t) / (double)n;
	}
	if (!err)
		bench_ask(ASK_END);
	free(tasks);
	return err;
}

static int remote(uint32_t burners)
{
	struct bh_result res;
	bh_task job;
	int err = 0;

	page->ops = bench_n();
	for (uint32_t i = 0; i < burners && !err; i++)
		err = bench_spawn(burner_poll, burner_fiber, NULL, 0);
	if (!err)
		err = bh_spawn_blocking(&job, spawner, NULL, 0, NULL);
	if (!err)
		err = bh_join(job, &res, BH_FOREVER);
	return err ? err : (int)res.value;
}

int run_spawn_many_remote_idle(void)
{
	return remote(0);
}

int run_spawn_many_remote_busy1(void)
{
	return remote(BURNERS * bh_workers());
}
