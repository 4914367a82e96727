/* SPDX-License-Identifier: MIT */
/*
 * server.c: the demo service: HTTP/1.1, with routes that crash.
 *
 *     main            serves
 *      └─ connection  one fiber each: reads, answers (conn.c)
 *          └─ handler one task for each request, of its route's type (routes.c)
 */
#include <bulkhead/bulkhead.h>

#include "conn.h"

static int64_t http_main(void *unused)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = "http.connection" };

	(void)unused;
	return bh_serve(0, http_connection, &opts);
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "http",
	.main = http_main,
};
