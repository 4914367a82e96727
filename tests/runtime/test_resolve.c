/* SPDX-License-Identifier: MIT */
/* test_resolve.c: names of hosts, and connecting to one of several addresses. */
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime.h"

#define SOON bh_after(BH_S(30))

static int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	CHECK(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static struct bh_addresses *list_of(const char *a, const char *b)
{
	struct bh_addresses *l = bh_calloc(1, sizeof(*l) + (size_t)2 * BH_ADDRESS_MAX);

	CHECK(l);
	l->count = b ? 2 : 1;
	snprintf(l->address[0], BH_ADDRESS_MAX, "%s", a);
	snprintf(l->address[1], BH_ADDRESS_MAX, "%s", b ? b : "");
	return l;
}

/* An address that answers no SYN: of a listener whose queue is full. Holds descriptors. */
static void black_hole(char *address)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, len) == 0 && listen(fd, 0) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	for (int i = 0; i < 4; i++) {
		int c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

		CHECK(c >= 0);
		CHECK(connect(c, (struct sockaddr *)&a, len) == 0 || errno == EINPROGRESS);
	}
	snprintf(address, BH_ADDRESS_MAX, "127.0.0.1:%d", ntohs(a.sin_port));
}

/* One at which nobody listens. */
static void refuses(char *address)
{
	bh_io l;

	CHECK(bh_listen(&l, "127.0.0.1:0") == 0);
	CHECK(bh_local_address(l, address, BH_ADDRESS_MAX) > 0);
	CHECK(bh_close(l) == 0);
}

TEST(numbers_are_their_own_answer)
{
	static const char *const at[] = { "127.0.0.1:80", "[::1]:443" };
	struct bh_addresses *l;

	for (int i = 0; i < 2; i++) {
		CHECK(bh_resolve(at[i], &l, BH_NOWAIT) == 0 && l->count == 1);
		CHECK(!strcmp(l->address[0], at[i]));
		bh_free(l);
	}
}

TEST(a_name_has_addresses)
{
	struct bh_addresses *l;

	CHECK(bh_resolve("localhost:80", &l, SOON) == 0 && l->count >= 1);
	for (size_t i = 0; i < l->count; i++)
		CHECK(!strcmp(l->address[i], "127.0.0.1:80") || !strcmp(l->address[i], "[::1]:80"));
	bh_free(l);
}

TEST(one_that_is_not_has_none)
{
	struct bh_addresses *l;
	int rc = bh_resolve("no-such-name.invalid:80", &l, SOON);

	/* Where there is no name server, nobody knows. */
	CHECK(rc == -ENOENT || rc == -EHOSTDOWN || rc == -BH_ETIMEDOUT);
}

TEST(what_is_no_name_is_refused)
{
	static const char *const bad[] = { "",
					   "localhost",
					   "localhost:",
					   ":80",
					   "localhost:http",
					   "localhost:65536",
					   "local host:80",
					   "256.0.0.1:80",
					   "[::1:80",
					   "localhost:-1",
					   ".localhost:80",
					   "local%host:80" };
	struct bh_addresses *l;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(bh_resolve(bad[i], &l, SOON) == -EINVAL);
	CHECK(bh_resolve(NULL, &l, SOON) == -EINVAL);
	CHECK(bh_resolve("localhost:80", &l, BH_NOWAIT) == -BH_ETIMEDOUT);
}

static int64_t in_a_job(void *unused)
{
	struct bh_addresses *l;
	int err = bh_resolve("localhost:80", &l, BH_NOWAIT);

	(void)unused;
	return err ? err : (int64_t)l->count;
}

TEST(a_job_asks_in_place)
{
	struct bh_result res;
	bh_task t;

	CHECK(bh_spawn_blocking(&t, in_a_job, NULL, 0, NULL) == 0);
	CHECK(bh_join(t, &res, SOON) == 0 && res.end == BH_END_RETURNED && res.value >= 1);
}

/* The job is killed in whatever it is doing: what the resolver had opened is closed. */
TEST(what_is_given_up_leaves_nothing_open)
{
	struct bh_addresses *l;
	int before = open_files();

	for (int i = 0; i < 40; i++) {
		int rc = bh_resolve(i % 2 ? "localhost:80" : "no-such-name.invalid:80", &l,
				    bh_after(BH_US(100 * i)));
		if (rc == 0)
			bh_free(l);
	}
	EVENTUALLY(open_files() <= before);
}

static int64_t asks(void *unused)
{
	struct bh_addresses *l;
	int64_t rc = 0;

	(void)unused;
	while (rc == 0 || rc == -ENOENT || rc == -EHOSTDOWN) /* until it is aborted */
		rc = bh_resolve("no-such-name.invalid:80", &l, BH_FOREVER);
	return rc;
}

TEST(an_abort_ends_it)
{
	struct bh_result res;
	bh_task t;

	CHECK(bh_spawn(&t, asks, NULL, 0, NULL) == 0);
	CHECK(bh_sleep(BH_MS(20)) == 0 && bh_abort(t) == 0);
	CHECK(bh_join(t, &res, SOON) == 0 && res.value == -BH_ECANCELED);
}

struct poller {
	struct bh_resolve_op op;
	struct bh_addresses *list;
};

static enum bh_poll poller(struct bh_cx *cx, void *state)
{
	struct poller *p = state;
	int rc = bh_poll_resolve(cx, &p->op, "localhost:80", &p->list);

	if (rc == -EAGAIN)
		return BH_PENDING;
	CHECK(rc == 0 && p->op.job == 0 && p->list->count >= 1);
	CHECK(bh_resolve("localhost:80", &p->list, SOON) == -EDEADLK);
	bh_poll_result(cx, 1);
	return BH_READY;
}

TEST(a_poll_task_asks_too)
{
	struct poller p = { .list = NULL };
	struct bh_result res;
	bh_task t;

	CHECK(bh_spawn_poll(&t, poller, &p, sizeof(p), NULL) == 0);
	CHECK(bh_join(t, &res, SOON) == 0 && res.value == 1);
}

TEST(a_connection_is_made_by_name)
{
	char address[BH_ADDRESS_MAX];
	bh_io l, io;

	CHECK(bh_listen(&l, "127.0.0.1:0") == 0);
	/* The other family, if the name has it, is refused. */
	snprintf(address, sizeof(address), "localhost:%d", bh_local_port(l));
	CHECK(bh_connect(&io, address, SOON) == 0);
	CHECK(bh_peer_address(io, address, sizeof(address)) > 0);
	CHECK(!strncmp(address, "127.0.0.1:", 10));
	CHECK(bh_close(io) == 0 && bh_close(l) == 0);
	refuses(address);
	memcpy(address, "localhost", 9); /* as long as the number */
	CHECK(bh_connect(&io, address, SOON) == -ECONNREFUSED);
}

TEST(one_that_does_not_answer_keeps_nobody_waiting)
{
	char dark[BH_ADDRESS_MAX], good[BH_ADDRESS_MAX], at[BH_ADDRESS_MAX];
	bh_io l, io;

	black_hole(dark);
	CHECK(bh_listen(&l, "127.0.0.1:0") == 0);
	CHECK(bh_local_address(l, good, sizeof(good)) > 0);
	int before = open_files();
	CHECK(bh_connect_any(&io, list_of(dark, good), SOON) == 0);
	CHECK(bh_peer_address(io, at, sizeof(at)) > 0 && !strcmp(at, good));
	/* What waits for it next is woken by it alone. */
	CHECK(bh_write(io, "x", 1, SOON) == 1);
	CHECK(bh_read(io, at, 1, bh_after(BH_MS(20))) == -BH_ETIMEDOUT);
	CHECK(bh_close(io) == 0);
	EVENTUALLY(open_files() <= before);
	/* A first one that refuses: the second comes at once. */
	refuses(dark);
	CHECK(bh_connect_any(&io, list_of(dark, good), SOON) == 0 && bh_close(io) == 0);
	CHECK(bh_connect_any(&io, list_of(dark, dark), SOON) == -ECONNREFUSED);
	CHECK(bh_close(l) == 0);
}

TEST(a_deadline_ends_the_race_and_closes_all)
{
	char dark[2][BH_ADDRESS_MAX];
	bh_io io = 7;

	black_hole(dark[0]);
	black_hole(dark[1]);
	int before = open_files();
	CHECK(bh_connect_any(&io, list_of(dark[0], dark[1]), bh_after(BH_MS(400))) ==
	      -BH_ETIMEDOUT);
	CHECK(bh_connect_any(&io, list_of(dark[0], dark[1]), BH_NOWAIT) == -BH_ETIMEDOUT);
	CHECK(io == 7);
	EVENTUALLY(open_files() <= before);
	struct bh_addresses *none = list_of("", NULL);
	none->count = 0;
	CHECK(bh_connect_any(&io, none, SOON) == -ENOENT);
}

RUNTIME_MAIN("resolve")
