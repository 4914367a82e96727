/* SPDX-License-Identifier: MIT */
/* sockets.c: net.h: a server for two, its connections in fibers and in poll tasks. */
#include "tour.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A client that knows nothing of Bulkhead. */
static int64_t client(void *arg)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char buf[6] = "";

	a.sin_port = htons((uint16_t) * (int *)arg);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) || write(fd, "hello", 5) != 5)
		return -errno;
	ssize_t n = recv(fd, buf, 5, MSG_WAITALL);
	close(fd);
	return n == 5 && !memcmp(buf, "HELLO", 5) ? 0 : -1;
}

static void shout(char *text, ssize_t n)
{
	for (ssize_t i = 0; i < n; i++)
		text[i] &= (char)~0x20;
}

static int64_t serve(void *arg)
{
	bh_io io = *(bh_io *)arg; /* given to this task, and closed with it */
	char buf[16];
	ssize_t n;

	while (bh_readable(io, bh_after(BH_S(10))) == 0 &&
	       (n = bh_read(io, buf, sizeof(buf), BH_NOWAIT)) > 0) {
		shout(buf, n);
		if (bh_write(io, buf, (size_t)n, bh_after(BH_S(10))) != n)
			return -1;
	}
	return 0;
}

struct server {
	struct bh_async async;
	bh_io listener, io;
	ssize_t n;
	int err;
	char buf[16];
};

/* The same, for one connection, without a stack. */
static enum bh_poll poll_serve(struct bh_cx *cx, void *state)
{
	struct server *s = state;

	BH_ASYNC_BEGIN(cx, &s->async);
	BH_AWAIT(s->err, bh_poll_accept(cx, s->listener, &s->io));
	MUST(s->err);
	BH_AWAIT(s->err, bh_poll_readable(cx, s->io));
	BH_AWAIT(s->n, bh_poll_read(cx, s->io, s->buf, sizeof(s->buf)));
	MUST(s->n);
	shout(s->buf, s->n);
	BH_AWAIT(s->n, bh_poll_write(cx, s->io, s->buf, (size_t)s->n));
	BH_AWAIT(s->err, bh_poll_gone(cx, s->io, BH_GONE_EOF)); /* it goes first */
	MUST(s->err);
	BH_ASYNC_END();
}

void tour_sockets(void)
{
	struct bh_spawn_opts give = BH_SPAWN_OPTS_INIT;
	struct server s = { 0 };
	struct bh_result res;
	bh_io listener, io;
	bh_task c, t;
	int port;

	MUST(bh_listen(&listener, "127.0.0.1:0"));
	port = bh_local_port(listener);
	MUST(port);
	MUST(bh_spawn_blocking(&c, client, &port, sizeof(port), NULL));
	MUST(bh_accept(listener, &io, bh_after(BH_S(10))));
	give.give = io;
	MUST(bh_spawn(&t, serve, &io, sizeof(io), &give));
	MUST(bh_join(c, &res, BH_FOREVER));
	say("the fiber's client: %s", res.value ? "lost" : "answered");
	MUST(bh_join(t, NULL, BH_FOREVER));

	give.give = s.listener = listener;
	MUST(bh_spawn_poll(&t, poll_serve, &s, sizeof(s), &give));
	MUST(bh_spawn_blocking(&c, client, &port, sizeof(port), NULL));
	MUST(bh_join(c, &res, BH_FOREVER));
	say("the poll task's client: %s", res.value ? "lost" : "answered");
	MUST(bh_join(t, NULL, BH_FOREVER));
	say("closed twice: %s", bh_strerror(bh_close(listener)));
}
