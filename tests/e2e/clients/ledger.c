/* SPDX-License-Identifier: MIT */
/*
 * ledger.c: a load generator that keeps books.
 *
 *     ledger [-c CONNECTIONS] [-d SECONDS] [-k CRASHES_PER_SECOND] PORT
 *
 * Each connection posts a numbered line to /echo, again and again, and expects
 * exactly that line back. Beside that, further connections provoke crashes at
 * the given rate, in all ways in turn, and expect each one reported. In the end
 * one JSON object says what became of every request sent:
 *
 *   ok        answered, and with its own number
 *   own       500: its own handler was on a worker killed from outside
 *   reset     the connection ended under it
 *   refused   503
 *   mismatch  any other answer
 *   timeout   no answer within 10 s
 *   connect   the connection could not be made
 *   crashes   provoked and reported as what they were (part of ok)
 *   kills     of these, the ones that killed themselves with SIGKILL
 *   sent      all of these together
 *
 * and the exit status is 1 if anything but ok, own and reset happened: whether
 * those are excused is for the caller to judge, who knows what was killed.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/e2e/clients/client.h"

#define PATIENCE INT64_C(10000000000)

enum {
	CRASHERS = 8,
};

struct conn {
	struct client_conn io;
	int crasher; /* 1: it provokes crashes */
	int how;     /* of the crash under way: index in client_ways[] */
	uint64_t seq;
	char expect[64];
};

static struct {
	uint64_t sent, ok, own, reset, refused, mismatch, timeout, connect, crashes, kills;
} books;

static uint16_t port;
static int epfd;
static int complaints;

static void complain(const struct conn *c, const char *what)
{
	if (complaints++ < 5)
		fprintf(stderr, "ledger: request %s: %s:\n%.*s\n", c->expect, what, (int)c->io.len,
			c->io.buf);
}

static bool ready(struct conn *c)
{
	if (client_open(&c->io, port, epfd, c) == 0)
		return true;
	books.connect++;
	books.sent++;
	return false;
}

static void ask(struct conn *c, int id)
{
	char request[512];
	int len;

	if (!ready(c))
		return;
	c->seq++;
	snprintf(c->expect, sizeof(c->expect), "%d:%" PRIu64, id, c->seq);
	if (c->crasher)
		len = snprintf(request, sizeof(request),
			       "GET /crash?how=%s HTTP/1.1\r\nHost: test\r\n"
			       "Accept: application/json\r\n\r\n",
			       client_ways[c->how].how);
	else
		len = snprintf(request, sizeof(request),
			       "POST /echo HTTP/1.1\r\nHost: test\r\nAccept: application/json\r\n"
			       "Content-Length: %zu\r\n\r\n%s",
			       strlen(c->expect), c->expect);
	books.sent++;
	if (!client_ask(&c->io, request, (size_t)len)) {
		books.reset++;
		client_hang_up(&c->io);
	}
}

/* A report of a kill that this request did not ask for. */
static bool is_own(const struct conn *c, const struct client_response *res)
{
	return res->status == 500 && client_has(res, client_ways[CLIENT_KILL].report) &&
	       !(c->crasher && c->how == CLIENT_KILL);
}

static bool is_expected(const struct conn *c, const struct client_response *res)
{
	if (c->crasher)
		return res->status == 500 && client_has(res, client_ways[c->how].report);
	return res->status == 200 && res->body_len == strlen(c->expect) &&
	       memcmp(res->body, c->expect, res->body_len) == 0;
}

static void judge(struct conn *c, const struct client_response *res)
{
	c->io.waiting = false;
	if (is_expected(c, res)) {
		books.ok++;
		books.crashes += (uint64_t)c->crasher;
		books.kills += c->crasher && c->how == CLIENT_KILL;
	} else if (is_own(c, res)) {
		books.own++;
	} else if (res->status == 503) {
		books.refused++;
		complain(c, "refused");
	} else {
		books.mismatch++;
		complain(c, "not its answer");
	}
	if (res->close)
		client_hang_up(&c->io);
}

static void take(struct conn *c)
{
	struct client_response res;
	int n = client_take(&c->io);

	if (n < 0) {
		books.reset += c->io.waiting;
		client_hang_up(&c->io);
	}
	if (n <= 0)
		return;
	n = client_answer(&c->io, &res);
	if (n > 0) {
		judge(c, &res);
	} else if (n < 0) {
		books.mismatch++;
		complain(c, "bytes nobody asked for");
		client_hang_up(&c->io);
	}
}

/* Whoever waited too long is counted and starts again. */
static void expire(struct conn *all, int count, int64_t now)
{
	for (int i = 0; i < count; i++)
		if (all[i].io.waiting && now - all[i].io.sent_at > PATIENCE) {
			books.timeout++;
			complain(&all[i], "timed out");
			client_hang_up(&all[i].io);
		}
}

static bool any_waiting(const struct conn *all, int count)
{
	for (int i = 0; i < count; i++)
		if (all[i].io.waiting)
			return true;
	return false;
}

/* Has the next free crasher provoke the next kind of crash. */
static void provoke(struct conn *crashers, int first_id)
{
	static int next_way;

	for (int i = 0; i < CRASHERS; i++)
		if (!crashers[i].io.waiting) {
			crashers[i].how = next_way;
			next_way = (next_way + 1) % CLIENT_WAYS;
			ask(&crashers[i], first_id + i);
			return;
		}
}

static void run(struct conn *all, int count, double seconds, double rate)
{
	int64_t begin = client_now(), end = begin + (int64_t)(seconds * 1e9), now = begin;
	uint64_t provoked = 0;
	struct epoll_event events[64];

	while (now < end || any_waiting(all, count + CRASHERS)) {
		int n;

		for (int i = 0; i < count && now < end; i++)
			if (!all[i].io.waiting)
				ask(&all[i], i);
		if (now < end && (double)(now - begin) * rate / 1e9 > (double)provoked) {
			provoke(all + count, count);
			provoked++;
		}
		n = epoll_wait(epfd, events, 64, 5);
		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;

			if (c->io.fd >= 0)
				take(c);
		}
		now = client_now();
		expire(all, count + CRASHERS, now);
	}
}

static void print_books(void)
{
	printf("{\"sent\":%" PRIu64 ",\"ok\":%" PRIu64 ",\"own\":%" PRIu64 ",\"reset\":%" PRIu64
	       ",\"refused\":%" PRIu64 ",\"mismatch\":%" PRIu64 ",\"timeout\":%" PRIu64
	       ",\"connect\":%" PRIu64 ",\"crashes\":%" PRIu64 ",\"kills\":%" PRIu64 "}\n",
	       books.sent, books.ok, books.own, books.reset, books.refused, books.mismatch,
	       books.timeout, books.connect, books.crashes, books.kills);
}

int main(int argc, char **argv)
{
	int count = 8, opt;
	double seconds = 5, rate = 0;
	struct conn *all;

	while ((opt = getopt(argc, argv, "c:d:k:")) != -1) {
		if (opt == 'c')
			count = atoi(optarg);
		else if (opt == 'd')
			seconds = atof(optarg);
		else if (opt == 'k')
			rate = atof(optarg);
		else
			return 100;
	}
	if (optind + 1 != argc || count < 0) {
		fputs("usage: ledger [-c CONNECTIONS] [-d SECONDS] [-k CRASHES] PORT\n", stderr);
		return 100;
	}
	port = (uint16_t)atoi(argv[optind]);
	client_raise_files();
	signal(SIGPIPE, SIG_IGN);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	all = calloc((size_t)count + CRASHERS, sizeof(*all));
	if (!all || epfd < 0)
		return 111;
	for (int i = 0; i < count + CRASHERS; i++) {
		all[i].io.fd = -1;
		all[i].crasher = i >= count;
	}
	run(all, count, seconds, rate);
	print_books();
	free(all);
	return books.refused + books.mismatch + books.timeout + books.connect != 0;
}
