/* SPDX-License-Identifier: MIT */
/* blocking.c: blocking.h: what blocks, in processes of its own. */
#include "tour.h"

#include <signal.h>
#include <unistd.h>

static int64_t block(void *arg)
{
	usleep(1000); /* any call of any library */
	return *(int *)arg + 1;
}

static int64_t loop_for_ever(void *unused)
{
	volatile int more = 1;

	(void)unused;
	while (more)
		;
	return 0;
}

static int64_t crash(void *unused)
{
	(void)unused;
	raise(SIGBUS);
	return 0;
}

void tour_blocking(void)
{
	int64_t got;
	struct bh_result res;
	int n = 41;
	bh_task t;

	MUST(bh_spawn_blocking(&t, block, &n, sizeof(n), NULL));
	MUST(bh_join(t, &res, BH_FOREVER));
	say("a job: %d", (int)res.value);

	/* Right here, for once: the others' tasks move to another worker meanwhile. */
	got = bh_block_in_place(block, &n);
	say("in place: %d", (int)got);

	MUST(bh_spawn_blocking(&t, loop_for_ever, NULL, 0, NULL));
	MUST(bh_sleep(BH_MS(20)));
	MUST(bh_abort(t)); /* in the middle of the loop */
	MUST(bh_join(t, &res, BH_FOREVER));
	say("an endless job: %s", res.end == BH_END_CANCELED ? "canceled" : "?");

	MUST(bh_spawn_blocking(&t, crash, NULL, 0, NULL));
	MUST(bh_join(t, &res, BH_FOREVER));
	say("a job that crashes: signal %d", res.crash.signal);
}
