/* SPDX-License-Identifier: MIT */
/* datagram.c: a service that opens a socket for datagrams, with an address and a peer, and
 * closes it, again and again, in worker 0. */
#include <bulkhead/bulkhead.h>

static int64_t open_again(void *unused)
{
	bh_io io;

	(void)unused;
	while (bh_open_datagram(&io, "127.0.0.1:0", "127.0.0.1:9") == 0 && bh_close(io) == 0)
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
	int err = bh_spawn_on(0, &t, open_again, NULL, 0, &opts);
	return err ? err : bh_join(t, NULL, BH_FOREVER);
}

const struct bh_service bulkhead_service = { .size = sizeof(struct bh_service),
					     .name = "datagram",
					     .main = serve };
