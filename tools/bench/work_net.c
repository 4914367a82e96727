/* SPDX-License-Identifier: MIT */
/* work_net.c: tcp_echo and http_hello. A fiber for each connection. */
#include <string.h>

#include "tools/bench/bench.h"

enum {
	BUF = 16384
};

static const char response[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
			       "Content-Length: 13\r\n\r\nHello, World!";

/* How many requests end in @buf; @seen is how much of the blank line was there. */
static size_t count_requests(size_t *seen, const char *buf, size_t len)
{
	static const char end[] = "\r\n\r\n";
	size_t count = 0;

	for (size_t i = 0; i < len; i++) {
		if (buf[i] != end[*seen]) {
			*seen = buf[i] == '\r';
		} else if (++*seen == 4) {
			count++;
			*seen = 0;
		}
	}
	return count;
}

static ssize_t answer(bh_io io, size_t requests)
{
	char out[BUF];
	size_t len = 0;

	while (requests--) {
		if (len + sizeof(response) > sizeof(out)) {
			ssize_t n = bh_write(io, out, len, BH_FOREVER);

			if (n < 0)
				return n;
			len = 0;
		}
		memcpy(out + len, response, sizeof(response) - 1);
		len += sizeof(response) - 1;
	}
	return len ? bh_write(io, out, len, BH_FOREVER) : 0;
}

static int64_t echo(void *arg)
{
	bh_io io = *(bh_io *)arg;
	char buf[BUF];
	ssize_t n;

	while ((n = bh_read(io, buf, sizeof(buf), BH_FOREVER)) > 0)
		if (bh_write(io, buf, (size_t)n, BH_FOREVER) < 0)
			break;
	return 0;
}

static int64_t hello(void *arg)
{
	bh_io io = *(bh_io *)arg;
	size_t seen = 0;
	char buf[BUF];
	ssize_t n;

	while ((n = bh_read(io, buf, sizeof(buf), BH_FOREVER)) > 0)
		if (answer(io, count_requests(&seen, buf, (size_t)n)) < 0)
			break;
	return 0;
}

static int serve(bh_fiber_fn conn)
{
	bh_io listener, io;
	int err = bh_listen(&listener, NULL);

	if (err)
		return err;
	bench_ask(ASK_BEGIN);
	while (!bh_stopping()) {
		struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;

		if (bh_accept(listener, &io, BH_FOREVER))
			continue;
		opts.give = io;
		if (bh_spawn(NULL, conn, &io, sizeof(io), &opts))
			bh_close(io);
	}
	return 0;
}

int run_tcp_echo(void)
{
	return serve(echo);
}

int run_http_hello(void)
{
	return serve(hello);
}
