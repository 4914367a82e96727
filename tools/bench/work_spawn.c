/* SPDX-License-Identifier: MIT */
/* work_spawn.c: workloads of the scheduler alone: spawn, yield, wake. */
#include "tools/bench/bench.h"

/* -- spawn_many_local: one task spawns n, timed until the last has run -------- */

static enum bh_poll once_poll(struct bh_cx *cx, void *state)
{
	(void)cx;
	(void)state;
	bench_one_done();
	return BH_READY;
}

static int64_t once_fiber(void *arg)
{
	(void)arg;
	bench_one_done();
	return 0;
}

/* A spawner that cannot spawn ends the worker: the count would never reach 0. */
static void must_spawn(int err)
{
	if (err) {
		page->error = err;
		atomic_store(&page->ask, ASK_FAILED);
		__builtin_trap();
	}
}

static int64_t spawner_fiber(void *arg)
{
	uint64_t n = *(uint64_t *)arg;

	for (uint64_t i = 0; i < n; i++)
		must_spawn(bench_spawn(once_poll, once_fiber, NULL, 0));
	return 0;
}

static enum bh_poll spawner_poll(struct bh_cx *cx, void *state)
{
	(void)cx;
	spawner_fiber(state);
	return BH_READY;
}

static int spawn_many(void)
{
	uint64_t n = bench_n();

	return bench_spawn(spawner_poll, spawner_fiber, &n, sizeof(n));
}

int run_spawn_many_local(void)
{
	return bench_measure(bench_n(), bench_n(), spawn_many);
}

/* -- yield_many: 200 tasks yield n times each --------------------------------- */

static enum bh_poll yielder_poll(struct bh_cx *cx, void *state)
{
	if ((*(uint64_t *)state)-- == 0) {
		bench_one_done();
		return BH_READY;
	}
	bh_poll_again(cx);
	return BH_PENDING;
}

static int64_t yielder_fiber(void *arg)
{
	for (uint64_t n = *(uint64_t *)arg; n; n--)
		bh_yield();
	bench_one_done();
	return 0;
}

static int yield_many(void)
{
	uint64_t n = bench_n(), tasks = bench_key("tasks", 200);
	int err = 0;

	for (uint64_t i = 0; i < tasks && !err; i++)
		err = bench_spawn(yielder_poll, yielder_fiber, &n, sizeof(n));
	return err;
}

int run_yield_many(void)
{
	uint64_t tasks = bench_key("tasks", 200);

	return bench_measure(tasks * bench_n(), tasks, yield_many);
}

/* -- ping_pong: n pairs, each of 2 spawns and 2 oneshot cells ----------------- */

/* 0, the task that waits, or SENT. After SENT the sender does not touch it. */
typedef _Atomic uint64_t cell;
#define SENT UINT64_MAX

struct pair {
	cell ping, pong;
	uint32_t started;
};

static void cell_send(cell *c)
{
	uint64_t waiter = atomic_exchange(c, SENT);

	if (waiter)
		bh_wake(waiter);
}

static bool cell_take(cell *c)
{
	uint64_t seen = 0;

	return !atomic_compare_exchange_strong(c, &seen, bh_self()) && seen == SENT;
}

static void cell_wait(cell *c)
{
	while (!cell_take(c))
		if (bh_suspend(BH_FOREVER))
			return;
}

static enum bh_poll pong_poll(struct bh_cx *cx, void *state)
{
	struct pair *p = *(struct pair **)state;

	(void)cx;
	if (!cell_take(&p->ping))
		return BH_PENDING;
	cell_send(&p->pong);
	return BH_READY;
}

static int64_t pong_fiber(void *arg)
{
	struct pair *p = *(struct pair **)arg;

	cell_wait(&p->ping);
	cell_send(&p->pong);
	return 0;
}

static enum bh_poll ping_poll(struct bh_cx *cx, void *state)
{
	struct pair *p = state;

	(void)cx;
	if (!p->started) {
		p->started = 1;
		must_spawn(bench_spawn(pong_poll, pong_fiber, &p, sizeof(struct pair *)));
		cell_send(&p->ping);
	}
	if (!cell_take(&p->pong))
		return BH_PENDING;
	bench_one_done();
	return BH_READY;
}

static int64_t ping_fiber(void *arg)
{
	struct pair pair = { 0 }, *p = &pair;

	(void)arg;
	must_spawn(bench_spawn(pong_poll, pong_fiber, &p, sizeof(struct pair *)));
	cell_send(&p->ping);
	cell_wait(&p->pong);
	bench_one_done();
	return 0;
}

static int64_t pairs_fiber(void *arg)
{
	struct pair pair = { 0 };

	for (uint64_t n = *(uint64_t *)arg; n; n--)
		must_spawn(bench_spawn(ping_poll, ping_fiber, &pair, sizeof(pair)));
	return 0;
}

static enum bh_poll pairs_poll(struct bh_cx *cx, void *state)
{
	(void)cx;
	pairs_fiber(state);
	return BH_READY;
}

static int ping_pong(void)
{
	uint64_t n = bench_n();

	return bench_spawn(pairs_poll, pairs_fiber, &n, sizeof(n));
}

int run_ping_pong(void)
{
	return bench_measure(bench_n(), bench_n(), ping_pong);
}

/* -- chained_spawn: each task spawns the next one ----------------------------- */

static enum bh_poll link_poll(struct bh_cx *cx, void *state);

static int64_t link_fiber(void *arg)
{
	uint64_t n = *(uint64_t *)arg;

	if (!n) {
		bench_one_done();
		return 0;
	}
	n--;
	must_spawn(bench_spawn(link_poll, link_fiber, &n, sizeof(n)));
	return 0;
}

static enum bh_poll link_poll(struct bh_cx *cx, void *state)
{
	(void)cx;
	link_fiber(state);
	return BH_READY;
}

static int chained_spawn(void)
{
	uint64_t n = bench_n();

	return bench_spawn(link_poll, link_fiber, &n, sizeof(n));
}

int run_chained_spawn(void)
{
	return bench_measure(bench_n(), 1, chained_spawn);
}
