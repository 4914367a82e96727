/* SPDX-License-Identifier: MIT */
/*
 * load.c: clients that number every request and account for each one.
 *
 *     load [-d SECONDS] [-k CRASHES_PER_SECOND] [-s SEED] HTTP_PORT ECHO_PORT
 *
 * One request is out on each connection at any time:
 *
 *   echo    a numbered line posted to /echo comes back
 *   hello   /hello
 *   sleep   /sleep?ms=N, N by seed: a timer, and a join that waits for it
 *   crash   /crash?how=..., at the given rate, and FLOOD more as fast as their answers
 *           come for each SIGUSR1: reported as what it was
 *   raw     a numbered line to the echo service
 *   brief   /hello on a connection of its own: an accept and a close for each
 *   blocking /blocking?ms=N, N by seed: a job in a blocking process
 *
 * What went wrong is printed line by line, for whoever knows what was killed:
 *
 *   own KIND ID TASK    500: the handler was killed, crash record ID names TASK
 *   reset KIND          the connection ended under a request
 *   idle KIND           the connection ended with no request out
 *
 * and in the end one JSON object with the books. Exit status 1: something that
 * no kill excuses.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/e2e/clients/client.h"

#define PATIENCE INT64_C(15000000000)

enum {
	ECHO,
	HELLO,
	SLEEP,
	CRASH,
	RAW,
	BRIEF,
	BLOCKING,
	KINDS,
};

enum {
	FLOOD = 64,
	IDS = 1 << 22, /* crash ids that are told apart */
};

static const struct {
	const char *name;
	int count;
} kinds[KINDS] = {
	[ECHO] = { "echo", 12 },         [HELLO] = { "hello", 8 }, [SLEEP] = { "sleep", 24 },
	[CRASH] = { "crash", 8 },        [RAW] = { "raw", 12 },    [BRIEF] = { "brief", 4 },
	[BLOCKING] = { "blocking", 12 },
};

struct conn {
	struct client_conn io;
	int id, kind;
	int how; /* of a crash under way */
	int ms;  /* of a sleep or a job under way */
	uint64_t seq;
	int64_t retry_at;
	char expect[64];
};

static struct {
	uint64_t sent, ok, own, reset;
} books[KINDS];
static uint64_t refused, mismatch, timeout, connect_failed, twice;
static int64_t late_ns, slow_ns; /* the latest timer, the slowest answer otherwise */

static uint8_t seen[IDS / 8];
static uint16_t http_port, echo_port;
static int epfd;
static uint64_t dice;
static int complaints;
static volatile sig_atomic_t enough, flood; /* crashes at once that are left */

static void on_term(int sig)
{
	(void)sig;
	enough = 1;
}

static void on_flood(int sig)
{
	(void)sig;
	flood = FLOOD;
}

static uint32_t roll(uint32_t sides)
{
	dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(dice >> 33) % sides;
}

static void complain(const struct conn *c, const char *what)
{
	if (complaints++ < 20)
		fprintf(stderr, "load: %.3f: %s request %s, %.1f ms after it was sent: %s:\n%.*s\n",
			(double)client_now() / 1e9, kinds[c->kind].name, c->expect,
			(double)(client_now() - c->io.sent_at) / 1e6, what, (int)c->io.len,
			c->io.buf);
}

static bool ready(struct conn *c)
{
	int err;

	if (c->io.fd < 0 && client_now() < c->retry_at)
		return false;
	err = client_open(&c->io, c->kind == RAW ? echo_port : http_port, epfd, c);
	if (!err)
		return true;
	complain(c, strerror(-err));
	connect_failed++;
	c->retry_at = client_now() + 100000000;
	return false;
}

static int compose(struct conn *c, char *out, size_t size)
{
	static const char tail[] = "HTTP/1.1\r\nHost: storm\r\nAccept: application/json\r\n";

	snprintf(c->expect, sizeof(c->expect), "%d:%" PRIu64, c->id, c->seq);
	switch (c->kind) {
	case ECHO:
		return snprintf(out, size, "POST /echo %sContent-Length: %zu\r\n\r\n%s", tail,
				strlen(c->expect), c->expect);
	case SLEEP:
		c->ms = (int)roll(4) ? (int)roll(50) : (int)roll(2000);
		return snprintf(out, size, "GET /sleep?ms=%d %s\r\n", c->ms, tail);
	case CRASH:
		return snprintf(out, size, "GET /crash?how=%s %s\r\n", client_ways[c->how].how,
				tail);
	case RAW:
		return snprintf(out, size, "%s\n", c->expect);
	case BLOCKING:
		c->ms = (int)roll(30);
		return snprintf(out, size, "GET /blocking?ms=%d %s\r\n", c->ms, tail);
	case BRIEF:
		return snprintf(out, size, "GET /hello %sConnection: close\r\n\r\n", tail);
	default:
		return snprintf(out, size, "GET /hello %s\r\n", tail);
	}
}

static void lose(struct conn *c)
{
	printf("%s %s\n", c->io.waiting ? "reset" : "idle", kinds[c->kind].name);
	books[c->kind].reset += c->io.waiting;
	client_hang_up(&c->io);
}

static void ask(struct conn *c)
{
	char request[512];
	int len;

	if (!ready(c))
		return;
	c->seq++;
	len = compose(c, request, sizeof(request));
	books[c->kind].sent++;
	if (!client_ask(&c->io, request, (size_t)len))
		lose(c);
}

/* The crash that a 500 reports, which no other may have reported; 0: none. */
static uint64_t crash_id(const struct conn *c, const struct client_response *res)
{
	static const char key[] = "\"crash\":{\"id\":";
	const char *at = memmem(res->body, res->body_len, key, strlen(key));
	uint64_t id = at ? strtoull(at + strlen(key), NULL, 10) : 0;

	if (id && id < IDS) {
		if (seen[id / 8] & 1u << id % 8) {
			twice++;
			complain(c, "a crash that another request reported too");
		}
		seen[id / 8] |= (uint8_t)(1u << id % 8);
	}
	return id;
}

static void print_own(const struct conn *c, const struct client_response *res, uint64_t id)
{
	static const char key[] = "\"task_name\":\"";
	const char *at = memmem(res->body, res->body_len, key, strlen(key));

	at = at ? at + strlen(key) : "?\"";
	printf("own %s %" PRIu64 " %.*s\n", kinds[c->kind].name, id, (int)strcspn(at, "\""), at);
}

static bool is_expected(const struct conn *c, const struct client_response *res)
{
	int64_t took = client_now() - c->io.sent_at;

	switch (c->kind) {
	case CRASH:
		return res->status == 500 && client_has(res, client_ways[c->how].report);
	case ECHO:
		return res->status == 200 && res->body_len == strlen(c->expect) &&
		       client_has(res, c->expect);
	case SLEEP:
		if (took - c->ms * INT64_C(1000000) > late_ns)
			late_ns = took - c->ms * INT64_C(1000000);
		return res->status == 200 && client_has(res, "slept ") &&
		       took >= c->ms * INT64_C(1000000);
	case BLOCKING:
		return res->status == 200 && client_has(res, "blocked for ") &&
		       took >= c->ms * INT64_C(1000000);
	default:
		return res->status == 200 && client_has(res, "Hello");
	}
}

static void judge(struct conn *c, const struct client_response *res)
{
	uint64_t id = res->status == 500 ? crash_id(c, res) : 0;

	c->io.waiting = false;
	if (c->kind != SLEEP && c->kind != CRASH && client_now() - c->io.sent_at > slow_ns)
		slow_ns = client_now() - c->io.sent_at;
	if (is_expected(c, res)) {
		books[c->kind].ok++;
	} else if (id && client_has(res, client_ways[CLIENT_KILL].report)) {
		books[c->kind].own++;
		print_own(c, res, id);
	} else if (res->status == 503) {
		refused++;
		complain(c, "refused");
	} else {
		mismatch++;
		complain(c, "not its answer");
	}
	if (res->close)
		client_hang_up(&c->io);
}

static void judge_raw(struct conn *c)
{
	size_t len = strlen(c->expect);

	if (c->io.len < len + 1)
		return;
	if (c->io.waiting && c->io.len == len + 1 && !memcmp(c->io.buf, c->expect, len) &&
	    c->io.buf[len] == '\n') {
		c->io.waiting = false;
		books[RAW].ok++;
		if (client_now() - c->io.sent_at > slow_ns)
			slow_ns = client_now() - c->io.sent_at;
		return;
	}
	mismatch++;
	complain(c, "not its echo");
	client_hang_up(&c->io);
}

static void take(struct conn *c)
{
	struct client_response res;
	int n = client_take(&c->io);

	if (n < 0)
		lose(c);
	if (n <= 0)
		return;
	if (c->kind == RAW) {
		judge_raw(c);
		return;
	}
	n = client_answer(&c->io, &res);
	if (n > 0) {
		judge(c, &res);
	} else if (n < 0) {
		mismatch++;
		complain(c, "bytes nobody asked for");
		client_hang_up(&c->io);
	}
}

/* Whoever waited too long is counted and starts again. */
static bool expire(struct conn *all, int n, int64_t now)
{
	bool any = false;

	for (int i = 0; i < n; i++) {
		if (all[i].io.waiting && now - all[i].io.sent_at > PATIENCE) {
			timeout++;
			complain(&all[i], "timed out");
			client_hang_up(&all[i].io);
		}
		any |= all[i].io.waiting;
	}
	return any;
}

static void ask_all(struct conn *all, int n, bool crash)
{
	static int next_way;

	for (int i = 0; i < n; i++) {
		if (all[i].io.waiting || (all[i].kind == CRASH && !crash && flood <= 0))
			continue;
		if (all[i].kind == CRASH) {
			all[i].how = next_way++ % CLIENT_WAYS;
			if (!crash)
				flood--; /* a grant that comes meanwhile may be one less */
			crash = false;
		}
		ask(&all[i]);
	}
}

static void run(struct conn *all, int n, double seconds, double rate)
{
	int64_t begin = client_now(), end = begin + (int64_t)(seconds * 1e9), now = begin;
	struct epoll_event events[64];
	double provoked = 0;
	bool waiting = true, more = true;

	while (more || waiting) {
		int got;

		more = now < end && !enough;
		if (more) {
			bool crash = (double)(now - begin) * rate / 1e9 > provoked;

			provoked += crash;
			ask_all(all, n, crash);
		}
		got = epoll_wait(epfd, events, 64, 5);
		for (int i = 0; i < got; i++) {
			struct conn *c = events[i].data.ptr;

			if (c->io.fd >= 0)
				take(c);
		}
		now = client_now();
		waiting = expire(all, n, now);
	}
}

static void print_books(void)
{
	printf("{");
	for (int i = 0; i < KINDS; i++)
		printf("\"%s\":{\"sent\":%" PRIu64 ",\"ok\":%" PRIu64 ",\"own\":%" PRIu64
		       ",\"reset\":%" PRIu64 "},",
		       kinds[i].name, books[i].sent, books[i].ok, books[i].own, books[i].reset);
	printf("\"refused\":%" PRIu64 ",\"mismatch\":%" PRIu64 ",\"timeout\":%" PRIu64
	       ",\"connect\":%" PRIu64 ",\"twice\":%" PRIu64
	       ",\"timer_late_ms\":%.1f,\"slowest_ms\":%.1f}\n",
	       refused, mismatch, timeout, connect_failed, twice, (double)late_ns / 1e6,
	       (double)slow_ns / 1e6);
}

static struct conn *connections(int *n)
{
	struct conn *all;
	int at = 0;

	*n = 0;
	for (int kind = 0; kind < KINDS; kind++)
		*n += kinds[kind].count;
	all = calloc((size_t)*n, sizeof(*all));
	for (int kind = 0; all && kind < KINDS; kind++)
		for (int i = 0; i < kinds[kind].count; i++, at++)
			all[at] = (struct conn){ .io.fd = -1, .id = at, .kind = kind };
	return all;
}

int main(int argc, char **argv)
{
	double seconds = 5, rate = 0;
	struct conn *all;
	int n, opt;

	while ((opt = getopt(argc, argv, "d:k:s:")) != -1) {
		if (opt == 'd')
			seconds = atof(optarg);
		else if (opt == 'k')
			rate = atof(optarg);
		else if (opt == 's')
			dice = strtoull(optarg, NULL, 10);
		else
			return 100;
	}
	if (optind + 2 != argc) {
		fputs("usage: load [-d SECONDS] [-k CRASHES] [-s SEED] HTTP_PORT ECHO_PORT\n",
		      stderr);
		return 100;
	}
	http_port = (uint16_t)atoi(argv[optind]);
	echo_port = (uint16_t)atoi(argv[optind + 1]);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_term);
	signal(SIGUSR1, on_flood);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	all = connections(&n);
	if (!all || epfd < 0)
		return 111;
	run(all, n, seconds, rate);
	print_books();
	free(all);
	for (int i = 0; i < KINDS; i++)
		if (books[i].sent != books[i].ok + books[i].own + books[i].reset)
			return 1;
	return refused + mismatch + timeout + connect_failed + twice != 0;
}
