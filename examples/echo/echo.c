/* SPDX-License-Identifier: MIT */
/* echo.c: sends back what it gets. One fiber accepts; each connection has a fiber of its own. */
#include <bulkhead/bulkhead.h>
#include <errno.h>

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
	bh_io listener;
	int err = bh_listen(&listener, NULL);

	(void)unused;
	while (err == 0) {
		err = bh_accept(listener, &opts.give, BH_FOREVER);
		if (err == -EMFILE || err == -ENFILE || err == -BH_ENOSLOT)
			err = bh_sleep(BH_MS(10)); /* until somebody has gone */
		else if (err == 0 && bh_spawn(NULL, connection, &opts.give, sizeof(bh_io), &opts))
			err = bh_close(opts.give); /* full: this peer is turned away */
	}
	return err == -BH_ESTOPPING ? 0 : err;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "echo",
	.main = echo_main,
};
