/* SPDX-License-Identifier: MIT */
/* test_serve.c: accepting at several configured addresses, and bh_serve(). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime.h"

#define SOON bh_after(BH_S(30))

/* As in the arguments of this program. */
static const char *const at[] = { "127.0.0.1:0", "127.0.0.2:0" };

struct places {
	char address[2][BH_ADDRESS_MAX];
};

static void look_up(struct places *p)
{
	bh_io io;

	for (int i = 0; i < 2; i++) {
		CHECK(bh_listen(&io, at[i]) == 0);
		CHECK(bh_local_address(io, p->address[i], BH_ADDRESS_MAX) > 0 && bh_close(io) == 0);
	}
}

static bh_io connected(const char *address)
{
	bh_io io;

	CHECK(bh_connect(&io, address, SOON) == 0);
	return io;
}

static int place_of(const struct places *p, bh_io io)
{
	char text[BH_ADDRESS_MAX];

	CHECK(bh_local_address(io, text, sizeof(text)) > 0);
	return strcmp(text, p->address[0]) ? 1 : 0;
}

/* -- bh_listen(NULL) ------------------------------------------------------------------ */

static int64_t connect_late(void *arg)
{
	CHECK(bh_sleep(BH_MS(10)) == 0);
	return bh_close(connected(arg));
}

TEST(null_accepts_at_all_addresses)
{
	bh_io listener, io, client[8];
	struct places p;
	int got[2];

	look_up(&p);
	CHECK(bh_listen(&listener, NULL) == 0);
	CHECK(bh_accept(listener, &io, bh_after(BH_MS(5))) == -BH_ETIMEDOUT);
	for (int i = 0; i < 10; i++) { /* it waits when they come */
		bh_task t;

		CHECK(bh_spawn(&t, connect_late, p.address[i % 2], BH_ADDRESS_MAX, NULL) == 0);
		CHECK(bh_accept(listener, &io, SOON) == 0 && place_of(&p, io) == i % 2);
		CHECK(bh_close(io) == 0 && bh_join(t, NULL, SOON) == 0);
	}
	for (int i = 0; i < 8; i++) /* they wait when it comes; none of both before the other */
		client[i] = connected(p.address[i / 4]);
	for (int i = 0; i < 4; i++) {
		memset(got, 0, sizeof(got));
		for (int k = 0; k < 2; k++) {
			CHECK(bh_accept(listener, &io, SOON) == 0);
			got[place_of(&p, io)]++;
			CHECK(bh_close(io) == 0);
		}
	}
	for (int i = 0; i < 8; i++)
		CHECK(bh_close(client[i]) == 0);
	CHECK(bh_accept(listener, &io, bh_after(BH_MS(5))) == -BH_ETIMEDOUT);
	CHECK(bh_close(listener) == 0);
}

TEST(it_has_no_address_of_its_own)
{
	char text[BH_ADDRESS_MAX];
	bh_io listener;

	CHECK(bh_listen(&listener, NULL) == 0);
	CHECK(bh_local_address(listener, text, sizeof(text)) == -ENOTSOCK);
	CHECK(bh_local_port(listener) < 0);
	CHECK(bh_io_set_option(listener, BH_OPT_RECEIVE_BUFFER, 4096) == -ENOTSOCK);
	CHECK(bh_close(listener) == 0);
}

struct poller {
	bh_io listener;
	int left;
};

static enum bh_poll accept_all(struct bh_cx *cx, void *state)
{
	struct poller *a = state;
	bh_io io;

	while (a->left && bh_poll_accept(cx, a->listener, &io) == 0) {
		CHECK(bh_close(io) == 0);
		a->left--;
	}
	return a->left ? BH_PENDING : BH_READY;
}

TEST(poll_tasks_accept_at_all_addresses)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	struct poller a = { .left = 6 };
	struct bh_result res;
	struct places p;
	bh_task t;

	look_up(&p);
	CHECK(bh_listen(&a.listener, NULL) == 0);
	o.give = a.listener;
	CHECK(bh_spawn_poll(&t, accept_all, &a, sizeof(a), &o) == 0);
	for (int i = 0; i < 6; i++) {
		CHECK(bh_sleep(BH_MS(3)) == 0);
		CHECK(bh_close(connected(p.address[i % 2])) == 0);
	}
	CHECK(bh_join(t, &res, SOON) == 0 && res.end == BH_END_RETURNED);
}

/* The descriptor goes with its task, whatever became of that. */
static int64_t listen_and_crash(void *unused)
{
	bh_io io;

	(void)unused;
	CHECK(bh_listen(&io, NULL) == 0);
	_exit(1);
}

TEST(a_crash_leaves_no_descriptor)
{
	struct bh_result res;
	bh_task t;
	bh_io io;
	int fd;

	CHECK(bh_listen(&io, NULL) == 0 && (fd = bh_io_fd(io)) > 2 && bh_close(io) == 0);
	for (int i = 0; i < 3; i++) {
		CHECK(bh_spawn(&t, listen_and_crash, NULL, 0, NULL) == 0);
		CHECK(bh_join(t, &res, SOON) == 0 && res.end == BH_END_CRASHED);
	}
	EVENTUALLY(fcntl(fd, F_GETFD) < 0);
}

/* -- bh_serve() ------------------------------------------------------------------------ */

static int64_t greet(void *arg)
{
	return bh_write(*(bh_io *)arg, "hello", 5, SOON) == 5 ? 0 : -1;
}

static int64_t serve(void *arg)
{
	return bh_serve(*(bh_io *)arg, greet, NULL);
}

static bh_task spawn_server(bh_io listener)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	bh_task t;

	o.give = listener;
	CHECK(bh_spawn(&t, serve, &listener, sizeof(listener), &o) == 0);
	return t;
}

static void end_server(bh_task t)
{
	struct bh_result res;

	CHECK(bh_join(t, NULL, BH_NOWAIT) == -BH_ETIMEDOUT);
	CHECK(bh_abort(t) == 0 && bh_join(t, &res, SOON) == 0);
	CHECK(res.end == BH_END_CANCELED || res.value == -BH_ECANCELED);
}

static void check_greeted(bh_io io)
{
	char buf[8];

	CHECK(bh_read_exact(io, buf, 5, SOON) == 5 && !memcmp(buf, "hello", 5));
	CHECK(bh_read(io, buf, 1, SOON) == 0 && bh_close(io) == 0);
}

TEST(serves_all_configured_addresses)
{
	struct places p;

	look_up(&p);
	bh_task t = spawn_server(0);
	for (int i = 0; i < 20; i++)
		check_greeted(connected(p.address[i % 2]));
	end_server(t);
}

TEST(serves_one_that_it_was_given)
{
	char address[BH_ADDRESS_MAX];
	bh_io listener;

	CHECK(bh_listen(&listener, "127.0.0.1:0") == 0);
	CHECK(bh_local_address(listener, address, sizeof(address)) > 0);
	bh_task t = spawn_server(listener);
	for (int i = 0; i < 5; i++)
		check_greeted(connected(address));
	end_server(t);
}

static int64_t allow_files(void *arg)
{
	struct rlimit r;

	CHECK(getrlimit(RLIMIT_NOFILE, &r) == 0);
	r.rlim_cur = *(rlim_t *)arg ? *(rlim_t *)arg : r.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &r);
}

/* In all workers: limits are a process's, descriptors the service's. 0: as many as may be. */
static void allow(rlim_t files)
{
	struct bh_result res;
	bh_task t;

	for (uint32_t w = 0; w < bh_workers(); w++) {
		CHECK(bh_spawn_on(w, &t, allow_files, &files, sizeof(files), NULL) == 0);
		CHECK(bh_join(t, &res, SOON) == 0 && res.value == 0);
	}
}

TEST(without_descriptors_it_waits_and_ends_not)
{
	char address[BH_ADDRESS_MAX], c;
	bh_io listener;

	CHECK(bh_listen(&listener, "127.0.0.3:0") == 0);
	CHECK(bh_local_address(listener, address, sizeof(address)) > 0);
	bh_io client = connected(address);
	allow(3);
	bh_task t = spawn_server(listener);
	CHECK(bh_read(client, &c, 1, bh_after(BH_MS(50))) == -BH_ETIMEDOUT);
	allow(0);
	check_greeted(client);
	end_server(t);
}

RUNTIME_MAIN("serve")
