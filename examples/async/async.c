/* SPDX-License-Identifier: MIT */
/*
 * async.c: echoes each line after a moment, with poll tasks: a connection costs its
 * state and no stack, and still reads from top to bottom.
 */
#include <bulkhead/bulkhead.h>

struct connection {
	struct bh_async async;
	bh_io peer;
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
			break; /* the service is stopping */
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

struct acceptor {
	struct bh_async async;
	bh_io listener;
	int err;
	struct bh_spawn_opts opts;
};

static enum bh_poll acceptor(struct bh_cx *cx, void *state)
{
	struct acceptor *a = state;
	struct connection c = { 0 };

	BH_ASYNC_BEGIN(cx, &a->async);
	for (;;) {
		BH_AWAIT(a->err, bh_poll_accept(cx, a->listener, &a->opts.give));
		if (a->err)
			BH_ASYNC_RETURN(a->err);
		c.peer = a->opts.give;
		if (bh_spawn_poll(NULL, connection, &c, sizeof(c), &a->opts))
			bh_close(c.peer); /* full: this peer is turned away */
	}
	BH_ASYNC_END();
}

static int64_t async_main(void *unused)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = "async.acceptor" };
	struct acceptor a = { .opts = { .size = sizeof(a.opts), .name = "async.connection" } };
	struct bh_result res;
	bh_task task;
	int err = bh_listen(&a.listener, NULL);

	(void)unused;
	opts.give = a.listener;
	if (!err)
		err = bh_spawn_poll(&task, acceptor, &a, sizeof(a), &opts);
	if (!err)
		err = bh_join(task, &res, BH_FOREVER);
	return err;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "async",
	.main = async_main,
};
