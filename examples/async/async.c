/* SPDX-License-Identifier: MIT */
/*
 * async.c: echoes each line after a moment, with poll tasks: a connection costs its
 * state and no stack, and still reads from top to bottom.
 */
#include <bulkhead/bulkhead.h>

struct connection {
	bh_io peer; /* first: where bh_serve_poll() puts it */
	struct bh_async async;
	ssize_t n, sent, got;
	char buf[1024];
};

static enum bh_poll connection(struct bh_cx *cx, void *state)
{
	struct connection *c = state;

	BH_ASYNC_BEGIN(cx, &c->async);
	for (;;) {
		BH_AWAIT(c->n, bh_poll_readable(cx, c->peer));
		if (c->n)
			break; /* the service is stopping, or needs room */
		BH_AWAIT(c->n, bh_poll_read(cx, c->peer, c->buf, sizeof(c->buf)));
		if (c->n <= 0)
			break;
		BH_AWAIT_SLEEP(BH_MS(1));
		for (c->sent = 0; c->sent < c->n; c->sent += c->got) {
			BH_AWAIT(c->got, bh_poll_write(cx, c->peer, c->buf + c->sent,
						       (size_t)(c->n - c->sent)));
			if (c->got < 0)
				BH_ASYNC_RETURN(c->got);
		}
	}
	BH_ASYNC_END(); /* the peer is closed with the task that owns it */
}

static int64_t async_main(void *unused)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = "async.connection" };

	(void)unused;
	return bh_serve_poll(0, connection, sizeof(struct connection), &opts);
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "async",
	.main = async_main,
};
