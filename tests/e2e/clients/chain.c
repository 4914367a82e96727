/* SPDX-License-Identifier: MIT */
/*
 * chain.c: a service for tests of traces: for ever, a wakes b wakes c, one task
 * spins for 50 ms at a time, one ends its worker, a job runs; and with the option
 * `busy` two tasks yield as fast as they can.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include <bulkhead/bulkhead.h>

enum {
	SPIN_MS = 50
};

static int64_t c(void *arg)
{
	(void)arg;
	for (;;)
		if (bh_suspend(BH_FOREVER))
			return 1;
}

static int64_t b(void *arg)
{
	bh_task next = *(bh_task *)arg;

	for (;;)
		if (bh_suspend(BH_FOREVER) || bh_wake(next))
			return 1;
}

static int64_t a(void *arg)
{
	bh_task next = *(bh_task *)arg;

	for (;;)
		if (bh_sleep(BH_MS(20)) || bh_wake(next))
			return 1;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static int64_t spin(void *arg)
{
	int64_t end = now_ns() + SPIN_MS * 1000000ll;

	(void)arg;
	while (now_ns() < end)
		;
	return 0;
}

static int64_t crash(void *arg)
{
	(void)arg;
	return raise(SIGSEGV);
}

static enum bh_poll yields(struct bh_cx *cx, void *state)
{
	(void)state;
	bh_poll_again(cx);
	return BH_PENDING;
}

static bh_task spawn(const char *name, bh_fiber_fn fn, bh_task next)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	bh_task t = 0;

	o.name = name;
	o.on_crash = BH_CRASH_RESTART;
	return bh_spawn(&t, fn, &next, sizeof(next), &o) ? 0 : t;
}

static bool once(const char *name, bh_fiber_fn fn, bool job)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	bh_task t;

	o.name = name;
	return !(job ? bh_spawn_blocking : bh_spawn)(&t, fn, NULL, 0, &o) &&
	       !bh_join(t, NULL, BH_FOREVER) && !bh_sleep(BH_MS(60));
}

static int64_t chain_main(void *arg)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	bh_task last = spawn("chain.c", c, 0), middle = spawn("chain.b", b, last);

	(void)arg;
	o.name = "chain.busy";
	for (int i = 0; bh_option("busy") && i < 2; i++)
		if (bh_spawn_poll(NULL, yields, NULL, 0, &o))
			return 1;
	if (!last || !middle || !spawn("chain.a", a, middle))
		return 1;
	while (once("chain.spin", spin, false) && once("chain.job", spin, true))
		if (!bh_option("busy") && !once("chain.crash", crash, false))
			break;
	return 1;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "chain",
	.main = chain_main,
};
