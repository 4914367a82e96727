/* SPDX-License-Identifier: MIT */
/* echo.c: sends back what it gets. Each connection has a fiber of its own. */
#include <bulkhead/bulkhead.h>

static int64_t connection(void *arg)
{
	bh_io peer = *(bh_io *)arg;
	char buf[4096];
	ssize_t n = 1;

	while (n > 0 && bh_readable(peer, BH_FOREVER) == 0) {
		n = bh_read(peer, buf, sizeof(buf), BH_FOREVER);
		if (n > 0)
			n = bh_write(peer, buf, (size_t)n, BH_FOREVER);
	}
	return 0; /* the peer is closed with the task that owns it */
}

static int64_t echo_main(void *unused)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = "echo.connection" };

	(void)unused;
	return bh_serve(0, connection, &opts);
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "echo",
	.main = echo_main,
};
