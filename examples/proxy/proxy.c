/* SPDX-License-Identifier: MIT */
/*
 * proxy.c: passes each connection on to another address, both ways, and an end of
 * one way as an end of that way alone: `echo hello | nc -N` through it gets the
 * whole answer.
 *
 *     options: { to: "127.0.0.1:8080" }       # or unix:/run/server.sock
 *
 * A connection is one poll task, for a bh_io has one owner, and here two must be
 * waited for at once.
 */
#include <bulkhead/bulkhead.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

/* One way: what was read and is not yet written. */
struct way {
	bh_io from, to;
	ssize_t at, end;
	bool ended; /* and told so */
	char buf[16 << 10];
};

/* As far as it goes without waiting. 0: no further now; negative: it broke. */
static ssize_t move(struct bh_cx *cx, struct way *w)
{
	ssize_t n = 0;

	while (n >= 0 && !w->ended) {
		if (w->at < w->end) {
			n = bh_poll_write(cx, w->to, w->buf + w->at, (size_t)(w->end - w->at));
			w->at += n > 0 ? n : 0;
			continue;
		}
		n = bh_poll_read(cx, w->from, w->buf, sizeof(w->buf));
		w->at = 0;
		w->end = n > 0 ? n : 0;
		if (n == 0) {
			w->ended = true;
			n = bh_shutdown(w->to, BH_HALF_WRITE);
		}
	}
	return n == -EAGAIN ? 0 : n;
}

struct passage {
	bh_io client; /* first: where bh_serve_poll() puts it */
	bh_io server;
	struct bh_async async;
	int64_t deadline;
	int err;
	struct way up, down;
};

static bool is_over(struct bh_cx *cx, struct passage *p)
{
	ssize_t up = move(cx, &p->up), down = move(cx, &p->down);

	return up < 0 || down < 0 || (p->up.ended && p->down.ended);
}

static enum bh_poll passage(struct bh_cx *cx, void *state)
{
	struct passage *p = state;
	const char *to = bh_option("to");

	BH_ASYNC_BEGIN(cx, &p->async);
	p->deadline = bh_after(BH_S(10));
	BH_AWAIT_BY(p->err, bh_poll_connect(cx, &p->server, to), p->deadline);
	if (p->err) {
		fprintf(stderr, "proxy: %s: %s\n", to, bh_strerror(p->err));
		BH_ASYNC_RETURN(p->err);
	}
	p->up.from = p->down.to = p->client;
	p->up.to = p->down.from = p->server;
	BH_AWAIT_UNTIL(is_over(cx, p));
	BH_ASYNC_END(); /* both ends are closed with the task that owns them */
}

static int64_t proxy_main(void *unused)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = "proxy.passage" };

	(void)unused;
	if (!bh_option("to")) {
		fprintf(stderr, "proxy: set the option `to`: the address that it passes on to\n");
		return -EINVAL;
	}
	return bh_serve_poll(0, passage, sizeof(struct passage), &opts);
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "proxy",
	.main = proxy_main,
};
