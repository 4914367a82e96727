/* SPDX-License-Identifier: MIT */
/*
 * flood.c: clients of the demo that ask for /hello, beside others that crash a handler with
 * each request: measures what the /hello clients notice of the crashes.
 *
 *     recovery-flood PORT CRASHING SECONDS
 *
 * Each client has one connection and one request out at any time, and asks again when it
 * has its answer. The first half second does not count.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "tests/e2e/clients/client.h"

enum {
	GOOD = 4,
	CRASHING_MOST = 64,
	WARM_MS = 500,
	NS_PER_MS = 1000000,
};

struct client {
	struct client_conn io;
	bool crashes;
};

struct books {
	uint64_t good, crashed;
	int64_t longest_ns;
};

static uint16_t port;
static int epfd;

static int ask(struct client *c)
{
	static const char good[] = "GET /hello HTTP/1.1\r\nHost: bench\r\n\r\n";
	static const char bad[] = "GET /crash?how=abort HTTP/1.1\r\nHost: bench\r\n\r\n";

	if (client_open(&c->io, port, epfd, c))
		return -1;
	return client_ask(&c->io, c->crashes ? bad : good,
			  c->crashes ? sizeof(bad) - 1 : sizeof(good) - 1) ?
		       0 :
		       -1;
}

/* -1: it was answered wrongly, or not at all. */
static int took(struct client *c, struct books *b)
{
	struct client_response res;
	int got = client_take(&c->io);

	if (got > 0 && !(got = client_answer(&c->io, &res)))
		return 0;
	if (got <= 0)
		return got;
	if (res.status != (c->crashes ? 500 : 200))
		return -1;
	int64_t ns = client_now() - c->io.sent_at;

	b->crashed += c->crashes;
	b->good += !c->crashes;
	if (!c->crashes && ns > b->longest_ns)
		b->longest_ns = ns;
	return ask(c);
}

/* Until @end; -1: a client was let down. */
static int serve(struct books *b, int64_t end)
{
	struct epoll_event ev[16];

	for (int64_t now = client_now(); now < end; now = client_now()) {
		int n = epoll_wait(epfd, ev, 16, (int)((end - now) / NS_PER_MS) + 1);

		for (int i = 0; i < n; i++)
			if (took(ev[i].data.ptr, b))
				return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct client all[GOOD + CRASHING_MOST];
	int crashing = argc == 4 ? atoi(argv[2]) : -1, seconds = argc == 4 ? atoi(argv[3]) : 0;
	struct books warm = { 0 }, b = { 0 };

	if (crashing < 0 || crashing > CRASHING_MOST || seconds <= 0) {
		fputs("usage: recovery-flood PORT CRASHING SECONDS\n", stderr);
		return 100;
	}
	port = (uint16_t)atoi(argv[1]);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < GOOD + crashing; i++) {
		all[i] = (struct client){ .io.fd = -1, .crashes = i >= GOOD };
		if (ask(&all[i])) {
			perror("recovery-flood: no connection");
			return 111;
		}
	}
	int64_t begin = client_now() + WARM_MS * NS_PER_MS;

	if (serve(&warm, begin) || serve(&b, begin + seconds * 1000ll * NS_PER_MS)) {
		fputs("recovery-flood: a request was answered wrongly, or not at all\n", stderr);
		return 1;
	}
	for (int i = 0; i < GOOD; i++) {
		int64_t ns = client_now() - all[i].io.sent_at;

		if (ns > b.longest_ns)
			b.longest_ns = ns; /* it still waits */
	}
	printf("%9.0f a second, the longest took %6.1f ms; %5.1f crashes a second\n",
	       (double)b.good / seconds, (double)b.longest_ns / NS_PER_MS,
	       (double)b.crashed / seconds);
	return 0;
}
