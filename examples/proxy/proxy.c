/* SPDX-License-Identifier: MIT */
/*
 * proxy.c: passes each connection on to another address, both ways, and an end of
 * one way as an end of that way alone: `echo hello | nc -N` through it gets the
 * whole answer.
 *
 *     options: { to: "127.0.0.1:8080" }       # or unix:/run/server.sock
 */
#include <bulkhead/bulkhead.h>
#include <errno.h>

static int64_t passage(void *arg)
{
	const char *to = bh_option("to");
	bh_io client = *(bh_io *)arg, server;
	int err = bh_connect(&server, to, bh_after(BH_S(10)));

	if (err)
		bh_log(BH_LOG_ERROR, "proxy: %s: %s", to, bh_strerror(err));
	else
		err = bh_copy_both(client, server, NULL, BH_FOREVER);
	return err; /* both are closed with the task that owns them */
}

static int64_t proxy_main(void *unused)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = "proxy.passage" };

	(void)unused;
	if (!bh_option("to")) {
		bh_log(BH_LOG_ERROR,
		       "proxy: set the option `to`: the address that it passes on to");
		return -EINVAL;
	}
	return bh_serve(0, passage, &opts);
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "proxy",
	.main = proxy_main,
};
