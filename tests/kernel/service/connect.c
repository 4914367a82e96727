/* SPDX-License-Identifier: MIT */
/* connect.c: a service that connects in vain, again and again, in worker 0. */
#include <bulkhead/bulkhead.h>

static int64_t connect_again(void *unused)
{
	bh_io io;

	(void)unused;
	while (bh_connect(&io, "unix:@bulkhead: nobody listens", BH_FOREVER) != -BH_ECANCELED)
		if (bh_sleep(BH_MS(1)))
			break;
	return 0;
}

static int64_t serve(void *unused)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	bh_task t;

	(void)unused;
	opts.on_crash = BH_CRASH_RESTART;
	int err = bh_spawn_on(0, &t, connect_again, NULL, 0, &opts);
	return err ? err : bh_join(t, NULL, BH_FOREVER);
}

const struct bh_service bulkhead_service = { .size = sizeof(struct bh_service),
					     .name = "connect",
					     .main = serve };
