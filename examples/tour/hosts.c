/* SPDX-License-Identifier: MIT */
/* hosts.c: resolve.h: names of hosts, and connecting by them. */
#include "tour.h"

#include <stdio.h>

#define SOON bh_after(BH_S(30))

struct asker {
	struct bh_async async;
	struct bh_resolve_op op;
	struct bh_addresses *list;
	int err;
};

static enum bh_poll asker(struct bh_cx *cx, void *state)
{
	struct asker *a = state;

	BH_ASYNC_BEGIN(cx, &a->async);
	BH_AWAIT(a->err, bh_poll_resolve(cx, &a->op, "localhost:80", &a->list));
	MUST(a->err);
	say("in a poll task: %s", a->list->count ? "found" : "not found");
	BH_ASYNC_END();
}

void tour_hosts(void)
{
	struct bh_addresses *list;
	struct asker a = { .err = 0 };
	char address[BH_ADDRESS_MAX];
	bh_io listener, io;
	bh_task t;

	MUST(bh_listen(&listener, "127.0.0.1:0"));
	snprintf(address, sizeof(address), "localhost:%d", bh_local_port(listener));
	MUST(bh_resolve(address, &list, SOON));
	say("localhost: %s", list->count ? "found" : "not found");
	MUST(bh_connect_any(&io, list, SOON)); /* one of them, of either family */
	bh_free(list);
	MUST(bh_close(io));
	MUST(bh_connect(&io, address, SOON)); /* both at once */
	MUST(bh_close(io));
	MUST(bh_close(listener));

	MUST(bh_spawn_poll(&t, asker, &a, sizeof(a), NULL));
	MUST(bh_join(t, NULL, BH_FOREVER));
}
