/* SPDX-License-Identifier: MIT */
/* adopt.c: a service that adopts an eventfd and closes it, again and again, in worker 0. */
#include <bulkhead/bulkhead.h>
#include <sys/eventfd.h>

static int64_t adopt_again(void *unused)
{
	bh_io io;

	(void)unused;
	while (bh_sleep(BH_MS(1)) == 0)
		if (bh_io_adopt(&io, eventfd(0, 0)) || bh_close(io))
			return 1;
	return 0;
}

static int64_t serve(void *unused)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	bh_task t;

	(void)unused;
	opts.on_crash = BH_CRASH_RESTART;
	int err = bh_spawn_on(0, &t, adopt_again, NULL, 0, &opts);
	return err ? err : bh_join(t, NULL, BH_FOREVER);
}

const struct bh_service bulkhead_service = { .size = sizeof(struct bh_service),
					     .name = "adopt",
					     .main = serve };
