/* SPDX-License-Identifier: MIT */
/* locals.c: local.h: tasks that share one process, for code that cannot leave it. */
#include "tour.h"

#include <stdlib.h>

static int *counter; /* malloc memory: private to this process */

static int64_t count(void *unused)
{
	(void)unused;
	if (!counter)
		counter = calloc(1, sizeof(*counter));
	for (int i = 0; counter && i < 10; i++) {
		++*counter;
		MUST(bh_yield());
	}
	return 0;
}

static enum bh_poll count_once(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	if (counter)
		++*counter;
	return BH_READY;
}

static int64_t report(void *unused)
{
	(void)unused;
	say("counted together: %d", counter ? *counter : -1);
	free(counter);
	counter = NULL;
	return 0;
}

void tour_local(void)
{
	struct bh_local_set set;

	MUST(bh_local_set_init(&set));
	MUST(bh_local_set_spawn(&set, count, NULL, 0, NULL));
	MUST(bh_local_set_spawn(&set, count, NULL, 0, NULL));
	MUST(bh_local_set_run(&set, BH_FOREVER));
	MUST(bh_local_set_spawn_poll(&set, count_once, NULL, 0, NULL));
	MUST(bh_local_set_run(&set, BH_FOREVER));
	MUST(bh_local_set_spawn(&set, report, NULL, 0, NULL));
	MUST(bh_local_set_run(&set, BH_FOREVER));
}
