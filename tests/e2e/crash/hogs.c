/* SPDX-License-Identifier: MIT */
/*
 * hogs.c: a service whose tasks do not yield. Says on stderr, a line each, how it
 * went: stranded (a task behind one that spins runs elsewhere), fiber, poll (each
 * beyond its limit: how it ended), innocent (a task without a limit that takes as
 * long).
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bulkhead/bulkhead.h>

enum {
	LIMIT_MS = 200,
	GIVE_UP_S = 60,
};

static int64_t spin(void *arg)
{
	volatile bool forever = true;

	(void)arg;
	while (forever)
		;
	return 0;
}

static enum bh_poll spin_poll(struct bh_cx *cx, void *state)
{
	(void)cx;
	spin(state);
	return BH_READY;
}

static int64_t takes_long(void *arg)
{
	int64_t end = bh_now() + BH_MS(3 * LIMIT_MS);

	(void)arg;
	while (bh_now() < end)
		;
	return 7;
}

/* The first word of its state is an address on its parent's stack. */
static enum bh_poll sets_flag(struct bh_cx *cx, void *state)
{
	_Atomic int *flag;

	(void)cx;
	memcpy(&flag, state, sizeof(flag));
	atomic_store(flag, 1);
	return BH_READY;
}

/* A task spawned last stands in its worker's LIFO slot, where nobody steals. */
static void stranded(void)
{
	_Atomic int flag = 0, *where = &flag;
	int64_t end = bh_now() + BH_S(GIVE_UP_S);
	bh_task t;

	if (bh_spawn_poll(&t, sets_flag, &where, sizeof(where), NULL))
		return;
	while (!atomic_load(&flag) && bh_now() < end)
		;
	dprintf(STDERR_FILENO, "hogs: stranded %s\n",
		atomic_load(&flag) ? "ran elsewhere" : "did not run");
	if (bh_join(t, NULL, BH_FOREVER))
		dprintf(STDERR_FILENO, "hogs: cannot join\n");
}

static void tell(const char *what, bh_task t)
{
	struct bh_result r;
	int err = bh_join(t, &r, BH_FOREVER);

	dprintf(STDERR_FILENO, "hogs: %s join %d end %d value %d signal %d task %s\n", what, err,
		(int)r.end, (int)r.value, (int)r.crash.signal, r.crash.task_name);
}

static int64_t hogs_main(void *arg)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	bh_task fiber, poll, innocent;

	(void)arg;
	stranded();
	o.hog_ms = LIMIT_MS;
	o.name = "hogs.fiber";
	if (bh_spawn(&fiber, spin, NULL, 0, &o))
		return 1;
	tell("fiber", fiber);
	o.name = "hogs.poll";
	if (bh_spawn_poll(&poll, spin_poll, NULL, 0, &o))
		return 1;
	tell("poll", poll);
	o.hog_ms = 0;
	o.name = "hogs.innocent";
	if (bh_spawn(&innocent, takes_long, NULL, 0, &o))
		return 1;
	tell("innocent", innocent);
	return bh_suspend(BH_FOREVER);
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "hogs",
	.main = hogs_main,
};
