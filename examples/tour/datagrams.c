/* SPDX-License-Identifier: MIT */
/* datagrams.c: datagram.h and address.h: messages, one by one, in batches, in poll tasks. */
#include "tour.h"

#include <stdlib.h>
#include <string.h>

/* Sends back two messages, then a batch of two. */
struct echo {
	struct bh_async async;
	bh_io io;
	ssize_t n;
	int i;
	struct bh_sockaddr from;
	struct bh_datagram d[2];
	char buf[2][16];
};

static enum bh_poll echo(struct bh_cx *cx, void *state)
{
	struct echo *e = state;

	BH_ASYNC_BEGIN(cx, &e->async);
	for (e->i = 0; e->i < 2; e->i++) {
		BH_AWAIT(e->n, bh_poll_recv_from(cx, e->io, e->buf[0], 16, &e->from));
		MUST(e->n);
		BH_AWAIT(e->n, bh_poll_send_to(cx, e->io, e->buf[0], (size_t)e->n, &e->from));
		MUST(e->n);
	}
	for (e->i = 0; e->i < 2; e->i += (int)e->n) {
		for (int i = 0; i < 2; i++)
			e->d[i] = (struct bh_datagram){ .data = e->buf[i], .size = 16 };
		BH_AWAIT(e->n, bh_poll_recv_batch(cx, e->io, e->d, 2));
		MUST(e->n);
		BH_AWAIT(e->n, bh_poll_send_batch(cx, e->io, e->d, (int)e->n));
		MUST(e->n);
	}
	BH_ASYNC_END();
}

static void one_by_one(bh_io io, const struct bh_sockaddr *to)
{
	struct bh_sockaddr from;
	char buf[4];

	MUST(bh_send_to(io, "hello", 5, to, bh_after(BH_S(10))));
	say("cut to 4: %zd", bh_recv_from(io, buf, sizeof(buf), &from, bh_after(BH_S(10))));
	say("from whom it was sent to: %s", bh_sockaddr_equal(&from, to) ? "yes" : "no");
	say("at once: %s", bh_strerror((int)bh_try_recv_from(io, buf, 4, NULL)));
	MUST(bh_try_send_to(io, "ho", 2, NULL));
	say("and back: %zd", bh_recv_from(io, buf, sizeof(buf), NULL, bh_after(BH_S(10))));
}

static void in_batches(bh_io io)
{
	char text[2][8] = { "one", "two" }, buf[2][8] = { "" };
	struct bh_datagram out[2], in[2];
	int got = 0;

	for (int i = 0; i < 2; i++) {
		out[i] = (struct bh_datagram){ .data = text[i], .len = 4 };
		in[i] = (struct bh_datagram){ .data = buf[i], .size = 8 };
	}
	MUST(bh_try_send_batch(io, out, 1));
	MUST(bh_send_batch(io, out + 1, 1, bh_after(BH_S(10))));
	while (got < 2) {
		int n = bh_try_recv_batch(io, in + got, 2 - got);

		if (n == -EAGAIN)
			n = bh_recv_batch(io, in + got, 2 - got, bh_after(BH_S(10)));
		MUST(n);
		got += n;
	}
	say("a batch: %s, %s", buf[0], buf[1]);
}

void tour_datagrams(void)
{
	struct bh_spawn_opts give = BH_SPAWN_OPTS_INIT;
	char text[BH_ADDRESS_MAX], again[BH_ADDRESS_MAX];
	struct bh_sockaddr server;
	struct echo e = { 0 };
	bh_task t;
	bh_io io;

	MUST(bh_open_datagram(&e.io, "127.0.0.1:0", NULL));
	MUST(bh_local_address(e.io, text, sizeof(text)));
	MUST(bh_sockaddr_parse(text, &server));
	MUST(bh_sockaddr_text(&server, again, sizeof(again)));
	say("an address, as text again: %s", strcmp(text, again) ? "another" : "the same");
	give.give = e.io;
	MUST(bh_spawn_poll(&t, echo, &e, sizeof(e), &give));
	MUST(bh_open_datagram(&io, "127.0.0.1:0", NULL));
	MUST(bh_set_peer(io, text)); /* from now on it talks to that one alone */
	one_by_one(io, &server);
	in_batches(io);
	MUST(bh_join(t, NULL, BH_FOREVER));
	MUST(bh_close(io));
}
