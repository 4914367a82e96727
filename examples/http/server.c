/* SPDX-License-Identifier: MIT */
/*
 * server.c: the demo service: HTTP/1.1, with routes that crash.
 *
 *     main            accepts
 *      └─ connection  one fiber each: reads, answers (conn.c)
 *          └─ handler one task for each request, of its route's type (routes.c)
 */
#include <errno.h>
#include <string.h>

#include <bulkhead/bulkhead.h>

#include "conn.h"

/* The task table is full or connections crashed too often: say so and close. */
static void turn_away(bh_io peer)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
				   "Retry-After: 1\r\nConnection: close\r\n\r\n";

	(void)!bh_write(peer, busy, strlen(busy), BH_NOWAIT);
	(void)bh_close(peer);
}

static int64_t http_main(void *unused)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = "http.connection" };
	bh_io listener;
	int err = bh_listen(&listener, NULL);

	(void)unused;
	while (err == 0) {
		err = bh_accept(listener, &opts.give, BH_FOREVER);
		if (err == -EMFILE || err == -ENFILE || err == -BH_ENOSLOT)
			err = bh_sleep(BH_MS(10));
		else if (err == 0 &&
			 bh_spawn(NULL, http_connection, &opts.give, sizeof(bh_io), &opts))
			turn_away(opts.give);
		else if (err == -ECONNABORTED)
			err = 0;
	}
	return err == -BH_ESTOPPING ? 0 : err;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "http",
	.main = http_main,
};
