/* SPDX-License-Identifier: MIT */
/* test_gone.c: waits for a child or for the peer's hanging up, whichever comes first. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime.h"

#define SOON bh_after(BH_S(30))

struct pair {
	bh_io listener, client, server;
};

static void open_pair(struct pair *p, const char *at)
{
	char address[BH_ADDRESS_MAX];

	CHECK(bh_listen(&p->listener, at) == 0);
	CHECK(bh_local_address(p->listener, address, sizeof(address)) > 0);
	CHECK(bh_connect(&p->client, address, SOON) == 0);
	CHECK(bh_accept(p->listener, &p->server, SOON) == 0);
}

static void close_servers(struct pair *p)
{
	CHECK(bh_close(p->server) == 0 && bh_close(p->listener) == 0);
}

/* -- children, and what they do to the connection meanwhile ---------------------------- */

static int64_t for_ever(void *unused)
{
	(void)unused;
	return bh_suspend(BH_FOREVER);
}

static int64_t shortly(void *unused)
{
	(void)unused;
	CHECK(bh_sleep(BH_MS(20)) == 0);
	return 7;
}

enum act {
	CLOSE,
	RESET,
	HALF,
	TALK,
	HALF_THEN_CLOSE
};

struct deed {
	bh_io client;
	enum act act;
};

/* Has the client's end; does it to whoever waits. */
static int64_t do_deed(void *arg)
{
	struct deed *d = arg;

	CHECK(bh_sleep(BH_MS(20)) == 0);
	switch (d->act) {
	case RESET:
		CHECK(bh_io_set_option(d->client, BH_OPT_RESET, 1) == 0);
		/* fall through */
	case CLOSE:
		return bh_close(d->client);
	case HALF:
		CHECK(bh_shutdown(d->client, BH_HALF_WRITE) == 0);
		break;
	case TALK:
		for (int i = 0; i < 5; i++) {
			CHECK(bh_write(d->client, "more", 4, SOON) == 4);
			CHECK(bh_sleep(BH_MS(2)) == 0);
		}
		break;
	case HALF_THEN_CLOSE:
		CHECK(bh_shutdown(d->client, BH_HALF_WRITE) == 0);
		CHECK(bh_sleep(BH_MS(20)) == 0);
		return bh_close(d->client);
	}
	return bh_suspend(BH_FOREVER);
}

static bh_task spawn_deed(struct pair *p, enum act act)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	struct deed d = { p->client, act };
	bh_task t;

	o.give = p->client;
	CHECK(bh_spawn(&t, do_deed, &d, sizeof(d), &o) == 0);
	return t;
}

static bh_task spawn(bh_fiber_fn fn)
{
	bh_task t;

	CHECK(bh_spawn(&t, fn, NULL, 0, NULL) == 0);
	return t;
}

static void end(bh_task t)
{
	CHECK(bh_abort(t) == 0 && bh_join(t, NULL, SOON) == 0);
}

/* -- tests ------------------------------------------------------------------------------ */

static const char *const at[] = { "127.0.0.1:0", "[::1]:0", "unix:@bulkhead test gone" };
#define EACH_FAMILY(a) for (const char *const *a = at; a < at + 3; a++)

TEST(a_client_that_closes_is_gone)
{
	struct pair p;

	EACH_FAMILY(a)
	{
		open_pair(&p, *a);
		bh_task child = spawn(for_ever), other = spawn_deed(&p, CLOSE);
		CHECK(bh_join_or_gone(child, NULL, p.server, BH_GONE_EOF, SOON) == -ECONNRESET);
		end(child); /* the handle was still valid */
		CHECK(bh_join(other, NULL, SOON) == 0);
		close_servers(&p);
	}
}

TEST(a_client_that_resets_is_gone_in_either_case)
{
	struct pair p;

	for (enum bh_gone when = BH_GONE_EOF; when <= BH_GONE_RESET; when++) {
		open_pair(&p, "127.0.0.1:0");
		bh_task child = spawn(for_ever), other = spawn_deed(&p, RESET);
		CHECK(bh_join_or_gone(child, NULL, p.server, when, SOON) == -ECONNRESET);
		end(child);
		CHECK(bh_join(other, NULL, SOON) == 0);
		close_servers(&p);
	}
}

TEST(one_that_was_gone_before_is_gone)
{
	struct pair p;

	EACH_FAMILY(a)
	{
		open_pair(&p, *a);
		CHECK(bh_close(p.client) == 0);
		bh_task child = spawn(for_ever);
		CHECK(bh_join_or_gone(child, NULL, p.server, BH_GONE_EOF, SOON) == -ECONNRESET);
		CHECK(bh_join_or_gone(child, NULL, p.server, BH_GONE_EOF, BH_NOWAIT) ==
		      -ECONNRESET);
		end(child);
		close_servers(&p);
	}
}

TEST(a_request_that_came_with_the_end_hides_nothing)
{
	struct pair p;
	char buf[8];

	open_pair(&p, "127.0.0.1:0");
	CHECK(bh_write(p.client, "request", 7, SOON) == 7 && bh_close(p.client) == 0);
	CHECK(bh_read(p.server, buf, sizeof(buf), SOON) == 7);
	bh_task child = spawn(for_ever);
	CHECK(bh_join_or_gone(child, NULL, p.server, BH_GONE_EOF, SOON) == -ECONNRESET);
	end(child);
	close_servers(&p);
}

TEST(half_closed_is_gone_only_if_asked_so)
{
	struct pair p;
	bh_task child, other;

	EACH_FAMILY(a)
	{
		open_pair(&p, *a);
		other = spawn_deed(&p, HALF);
		child = spawn(for_ever);
		CHECK(bh_join_or_gone(child, NULL, p.server, BH_GONE_EOF, SOON) == -ECONNRESET);
		CHECK(bh_join_or_gone(child, NULL, p.server, BH_GONE_RESET, bh_after(BH_MS(20))) ==
		      -BH_ETIMEDOUT);
		end(child);
		child = spawn(shortly);
		struct bh_result res;
		CHECK(bh_join_or_gone(child, &res, p.server, BH_GONE_RESET, SOON) == 0);
		CHECK(res.value == 7);
		end(other);
		close_servers(&p);
	}
}

/* Of TCP nobody knows until something is written; that the answer is a reset is seen. */
TEST(half_closed_then_closed_is_seen_when_something_is_written)
{
	struct pair p;

	open_pair(&p, "127.0.0.1:0");
	bh_task child = spawn(for_ever), other = spawn_deed(&p, HALF_THEN_CLOSE);
	CHECK(bh_join(other, NULL, SOON) == 0);
	CHECK(bh_join_or_gone(child, NULL, p.server, BH_GONE_RESET, bh_after(BH_MS(20))) ==
	      -BH_ETIMEDOUT);
	CHECK(bh_write(p.server, "?", 1, SOON) == 1);
	CHECK(bh_join_or_gone(child, NULL, p.server, BH_GONE_RESET, SOON) == -ECONNRESET);
	end(child);
	close_servers(&p);

	open_pair(&p, "unix:@bulkhead test gone");
	child = spawn(for_ever), other = spawn_deed(&p, HALF_THEN_CLOSE);
	CHECK(bh_join_or_gone(child, NULL, p.server, BH_GONE_RESET, SOON) == -ECONNRESET);
	end(child);
	CHECK(bh_join(other, NULL, SOON) == 0);
	close_servers(&p);
}

TEST(a_child_that_has_ended_is_joined_though_the_peer_is_gone)
{
	struct bh_result res;
	struct pair p;

	for (int i = 0; i < 10; i++) { /* often both at once */
		open_pair(&p, "127.0.0.1:0");
		bh_task child = spawn(shortly), other = spawn_deed(&p, CLOSE);
		int rc = bh_join_or_gone(child, &res, p.server, BH_GONE_EOF, SOON);
		if (rc == -ECONNRESET)
			rc = bh_join(child, &res, SOON);
		CHECK(rc == 0 && res.end == BH_END_RETURNED && res.value == 7);
		CHECK(bh_join_or_gone(other, NULL, p.server, BH_GONE_EOF, SOON) == 0 ||
		      bh_join(other, NULL, SOON) == 0);
		child = spawn(shortly);
		CHECK(bh_sleep(BH_MS(30)) == 0);
		CHECK(bh_join_or_gone(child, &res, p.server, BH_GONE_EOF, SOON) == 0);
		close_servers(&p);
	}
}

TEST(a_deadline_ends_the_wait_and_leaves_all_as_it_was)
{
	struct pair p;
	char buf[8];

	open_pair(&p, "127.0.0.1:0");
	bh_task child = spawn(for_ever);
	CHECK(bh_join_or_gone(child, NULL, p.server, BH_GONE_EOF, BH_NOWAIT) == -BH_ETIMEDOUT);
	CHECK(bh_join_or_gone(child, NULL, p.server, BH_GONE_EOF, bh_after(BH_MS(20))) ==
	      -BH_ETIMEDOUT);
	CHECK(bh_write(p.client, "x", 1, SOON) == 1);
	CHECK(bh_read(p.server, buf, sizeof(buf), SOON) == 1);
	end(child);
	CHECK(bh_close(p.client) == 0);
	close_servers(&p);
}

TEST(what_comes_meanwhile_is_for_the_next_read)
{
	struct bh_result res;
	char buf[20];
	struct pair p;

	EACH_FAMILY(a)
	{
		open_pair(&p, *a);
		/* One byte read and found drained, so that a read waits without trying. */
		CHECK(bh_write(p.client, "x", 1, SOON) == 1);
		CHECK(bh_read(p.server, buf, sizeof(buf), SOON) == 1);
		bh_task child = spawn(shortly), other = spawn_deed(&p, TALK);
		CHECK(bh_join_or_gone(child, &res, p.server, BH_GONE_EOF, SOON) == 0);
		CHECK(bh_read_exact(p.server, buf, 20, SOON) == 20);
		CHECK(bh_read(p.server, buf, 1, bh_after(BH_MS(20))) == -BH_ETIMEDOUT);
		end(other);
		CHECK(bh_read(p.server, buf, 1, SOON) == 0);
		close_servers(&p);
	}
}

/* What came before the wait began, and is not read, wakes nobody again and is not lost. */
TEST(what_had_come_is_for_the_next_read)
{
	struct pair p;
	char buf[20];

	open_pair(&p, "127.0.0.1:0");
	CHECK(bh_write(p.client, "one two", 7, SOON) == 7);
	CHECK(bh_read(p.server, buf, 3, SOON) == 3);
	bh_task child = spawn(for_ever);
	CHECK(bh_join_or_gone(child, NULL, p.server, BH_GONE_EOF, bh_after(BH_MS(20))) ==
	      -BH_ETIMEDOUT);
	bh_task other = spawn_deed(&p, CLOSE);
	CHECK(bh_join_or_gone(child, NULL, p.server, BH_GONE_EOF, SOON) == -ECONNRESET);
	CHECK(bh_read_exact(p.server, buf, 20, SOON) == 4 && !memcmp(buf, " two", 4));
	end(child);
	CHECK(bh_join(other, NULL, SOON) == 0);
	close_servers(&p);
}

static int64_t joins(void *arg)
{
	bh_task child = spawn(for_ever);
	int rc = bh_join_or_gone(child, NULL, *(bh_io *)arg, BH_GONE_EOF, BH_FOREVER);

	return rc == -BH_ECANCELED ? 1 : 0;
}

TEST(an_abort_ends_it)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	struct bh_result res;
	struct pair p;
	bh_task t;

	open_pair(&p, "127.0.0.1:0");
	o.give = p.server;
	CHECK(bh_spawn(&t, joins, &p.server, sizeof(p.server), &o) == 0);
	CHECK(bh_sleep(BH_MS(20)) == 0 && bh_abort(t) == 0 && bh_join(t, &res, SOON) == 0);
	CHECK(res.end == BH_END_CANCELED || res.value == 1);
	CHECK(bh_close(p.client) == 0 && bh_close(p.listener) == 0);
}

TEST(a_pipe_whose_writer_closes)
{
	bh_io r, w;
	int fd[2];

	CHECK(pipe2(fd, O_CLOEXEC | O_NONBLOCK) == 0);
	CHECK(bh_io_adopt(&r, fd[0]) == 0 && bh_io_adopt(&w, fd[1]) == 0);
	bh_task child = spawn(for_ever);
	CHECK(bh_join_or_gone(child, NULL, r, BH_GONE_RESET, bh_after(BH_MS(5))) == -BH_ETIMEDOUT);
	CHECK(bh_close(w) == 0);
	CHECK(bh_join_or_gone(child, NULL, r, BH_GONE_RESET, SOON) == -ECONNRESET);
	end(child);
	CHECK(bh_close(r) == 0);
}

TEST(wrong_arguments)
{
	struct pair p;

	open_pair(&p, "127.0.0.1:0");
	bh_task child = spawn(for_ever);
	CHECK(bh_join_or_gone(child, NULL, p.server, (enum bh_gone)0, SOON) == -EINVAL);
	CHECK(bh_join_or_gone(child, NULL, 0, BH_GONE_EOF, SOON) == -BH_ESTALE);
	CHECK(bh_join_or_gone(bh_self(), NULL, p.server, BH_GONE_EOF, SOON) == -EPERM);
	end(child);
	CHECK(bh_join_or_gone(child, NULL, p.server, BH_GONE_EOF, SOON) == -BH_ESTALE);
	CHECK(bh_close(p.client) == 0);
	close_servers(&p);
}

/* -- poll tasks ------------------------------------------------------------------------- */

struct watcher {
	bh_io io;
	int polls;
};

/* Waits for the end of the peer, and for nothing that it says. */
static enum bh_poll watch(struct bh_cx *cx, void *state)
{
	struct watcher *w = state;
	char buf[8];

	w->polls++;
	if (bh_poll_gone(cx, w->io, BH_GONE_EOF) == -EAGAIN)
		return BH_PENDING;
	bh_poll_result(cx, bh_poll_read(cx, w->io, buf, sizeof(buf)) == 4 && w->polls < 20);
	return BH_READY;
}

TEST(poll_tasks_wait_for_it)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	struct bh_result res;
	struct pair p;
	bh_task t;

	EACH_FAMILY(a)
	{
		open_pair(&p, *a);
		struct watcher w = { p.server, 0 };
		o.give = p.server;
		CHECK(bh_spawn_poll(&t, watch, &w, sizeof(w), &o) == 0);
		CHECK(bh_sleep(BH_MS(10)) == 0);
		CHECK(bh_write(p.client, "talk", 4, SOON) == 4);
		CHECK(bh_join(t, &res, bh_after(BH_MS(20))) == -BH_ETIMEDOUT);
		CHECK(bh_close(p.client) == 0);
		CHECK(bh_join(t, &res, SOON) == 0 && res.value == 1);
		CHECK(bh_close(p.listener) == 0);
	}
}

RUNTIME_MAIN("gone")
