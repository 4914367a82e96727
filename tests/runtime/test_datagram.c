/* SPDX-License-Identifier: MIT */
/* test_datagram.c: datagram.h: messages, one by one and in batches, over UDP and Unix sockets,
 * and what is left when a call or a side is ended. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime.h"

#define SOON   bh_after(BH_S(30))
#define MOMENT bh_after(BH_MS(20))

/* -- what they share ----------------------------------------------------------------- */

struct end {
	bh_io io;
	char text[BH_ADDRESS_MAX];
	struct bh_sockaddr address;
};

static void open_end(struct end *e, const char *at)
{
	CHECK(bh_open_datagram(&e->io, at, NULL) == 0);
	CHECK(bh_local_address(e->io, e->text, sizeof(e->text)) > 0);
	CHECK(bh_sockaddr_parse(e->text, &e->address) == 0);
}

static void check_from(const struct bh_sockaddr *from, const struct end *e)
{
	char text[BH_ADDRESS_MAX];

	CHECK(bh_sockaddr_text(from, text, sizeof(text)) == (int)strlen(text));
	CHECK(!strcmp(text, e->text));
	CHECK(bh_sockaddr_equal(from, &e->address));
}

/* Sends @text from @a to @b and takes it there. */
static void check_way(const struct end *a, const struct end *b, const char *text)
{
	struct bh_sockaddr from;
	char buf[64];

	CHECK(bh_send_to(a->io, text, strlen(text), &b->address, SOON) == (ssize_t)strlen(text));
	CHECK(bh_recv_from(b->io, buf, sizeof(buf), &from, SOON) == (ssize_t)strlen(text));
	CHECK(!memcmp(buf, text, strlen(text)));
	check_from(&from, a);
}

static const char *const anywhere[] = { "127.0.0.1:0", "[::1]:0", "unix:@bulkhead datagram" };

/* Datagram sockets of the service. */
static int sockets(void)
{
	int n = 0, type = 0;
	socklen_t len = sizeof(type);

	for (int fd = 0; fd < 4096; fd++)
		n += !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_DGRAM;
	return n;
}

/* -- opening --------------------------------------------------------------------------- */

TEST(each_knows_who_sent_it)
{
	struct end a, b;

	for (int i = 0; i < 3; i++) {
		open_end(&a, anywhere[i]);
		open_end(&b, i < 2 ? anywhere[i] : "unix:@bulkhead datagram 2");
		check_way(&a, &b, "there");
		check_way(&b, &a, "and back");
		check_way(&a, &b, "");
		CHECK(bh_close(a.io) == 0 && bh_close(b.io) == 0);
	}
}

TEST(a_connected_one_hears_its_peer_alone)
{
	struct bh_sockaddr from;
	struct end a, b, other;
	char buf[16];

	for (int i = 0; i < 3; i++) {
		open_end(&b, anywhere[i]);
		CHECK(bh_open_datagram(&a.io, NULL, b.text) == 0);
		CHECK(bh_local_address(a.io, a.text, sizeof(a.text)) > 5);
		CHECK(bh_sockaddr_parse(a.text, &a.address) == 0);
		CHECK(bh_peer_address(a.io, buf, 2) == -ENOSPC);
		CHECK(bh_send_to(a.io, "hi", 2, NULL, SOON) == 2);
		CHECK(bh_recv_from(b.io, buf, sizeof(buf), &from, SOON) == 2);
		check_from(&from, &a);
		open_end(&other, i < 2 ? anywhere[i] : "unix:@bulkhead datagram 3");
		/* A Unix socket refuses at once what another one would drop. */
		CHECK(bh_send_to(other.io, "psst", 4, &a.address, SOON) == (i < 2 ? 4 : -EPERM));
		CHECK(bh_send_to(b.io, "ho", 2, &from, SOON) == 2);
		CHECK(bh_recv_from(a.io, buf, sizeof(buf), NULL, SOON) == 2 &&
		      !memcmp(buf, "ho", 2));
		CHECK(bh_set_peer(a.io, NULL) == 0);
		CHECK(bh_send_to(a.io, "?", 1, NULL, SOON) == (i < 2 ? -EDESTADDRREQ : -ENOTCONN));
		CHECK(bh_set_peer(a.io, other.text) == 0);
		CHECK(bh_send_to(a.io, "!", 1, NULL, SOON) == 1);
		CHECK(bh_recv_from(other.io, buf, sizeof(buf), NULL, SOON) == 1);
		CHECK(bh_close(a.io) == 0 && bh_close(b.io) == 0 && bh_close(other.io) == 0);
	}
}

TEST(what_cannot_be_opened_leaves_nothing_open)
{
	int before = sockets();
	struct end a;
	bh_io io = 5;

	CHECK(bh_open_datagram(&io, NULL, NULL) == -EINVAL);
	CHECK(bh_open_datagram(&io, "nowhere", NULL) == -EINVAL);
	CHECK(bh_open_datagram(&io, "127.0.0.1:0", "[::1]:7") == -EINVAL);
	CHECK(bh_open_datagram(&io, NULL, "unix:/nowhere/at/all") == -ENOENT);
	CHECK(bh_open_datagram(&io, "unix:/nowhere/at/all", NULL) == -ENOENT);
	CHECK(bh_open_datagram(&io, "192.0.2.1:0", NULL) == -EADDRNOTAVAIL);
	open_end(&a, "127.0.0.1:0");
	CHECK(bh_open_datagram(&io, a.text, NULL) == -EADDRINUSE);
	CHECK(bh_set_peer(a.io, "[::1]:7") == -EAFNOSUPPORT);
	CHECK(bh_close(a.io) == 0 && io == 5 && sockets() == before);
	CHECK(bh_set_peer(a.io, "127.0.0.1:7") == -BH_ESTALE);
}

TEST(a_dead_sockets_file_is_taken_over_and_a_living_ones_is_not)
{
	char dir[] = "/tmp/bh-datagram.XXXXXX", path[80];
	struct end a;
	bh_io io;

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "unix:%s/socket", dir);
	open_end(&a, path);
	CHECK(bh_open_datagram(&io, path, NULL) == -EADDRINUSE);
	CHECK(bh_listen(&io, path) == -EADDRINUSE);
	CHECK(bh_close(a.io) == 0);
	open_end(&a, path);
	CHECK(bh_close(a.io) == 0 && unlink(path + 5) == 0 && rmdir(dir) == 0);
}

TEST(streams_and_listeners_are_none)
{
	struct bh_datagram d = { .data = &d, .len = 1, .size = 1 };
	bh_io listener, io;
	char at[BH_ADDRESS_MAX], c;

	CHECK(bh_listen(&listener, "127.0.0.1:0") == 0);
	CHECK(bh_local_address(listener, at, sizeof(at)) > 0 && bh_connect(&io, at, SOON) == 0);
	CHECK(bh_recv_from(io, &c, 1, NULL, SOON) == -EOPNOTSUPP);
	CHECK(bh_try_send_to(io, &c, 1, NULL) == -EOPNOTSUPP);
	CHECK(bh_try_recv_batch(io, &d, 1) == -EOPNOTSUPP);
	CHECK(bh_try_send_batch(listener, &d, 1) == -EOPNOTSUPP);
	CHECK(bh_set_peer(io, at) == -EOPNOTSUPP);
	CHECK(bh_close(io) == 0 && bh_close(listener) == 0);
}

/* -- one message ------------------------------------------------------------------------ */

TEST(a_cut_message_tells_its_length)
{
	char buf[100] = "";
	struct end a, b;

	for (int i = 0; i < 3; i++) {
		open_end(&a, anywhere[i]);
		open_end(&b, i < 2 ? anywhere[i] : "unix:@bulkhead datagram 2");
		CHECK(bh_send_to(a.io, buf, 100, &b.address, SOON) == 100);
		CHECK(bh_send_to(a.io, "x", 1, &b.address, SOON) == 1);
		CHECK(bh_recv_from(b.io, buf, 3, NULL, SOON) == 100);
		CHECK(bh_recv_from(b.io, buf, 3, NULL, SOON) == 1 && buf[0] == 'x');
		CHECK(bh_close(a.io) == 0 && bh_close(b.io) == 0);
	}
	open_end(&a, "127.0.0.1:0");
	char *large = bh_calloc(1, 70000);
	CHECK(large && bh_send_to(a.io, large, 70000, &a.address, SOON) == -EMSGSIZE);
	CHECK(bh_close(a.io) == 0);
	bh_free(large);
}

TEST(nobody_there_is_told_once)
{
	struct end b;
	bh_io a;
	char c;

	open_end(&b, "127.0.0.1:0");
	CHECK(bh_open_datagram(&a, NULL, b.text) == 0 && bh_close(b.io) == 0);
	CHECK(bh_send_to(a, "x", 1, NULL, SOON) == 1);
	CHECK(bh_recv_from(a, &c, 1, NULL, SOON) == -ECONNREFUSED);
	CHECK(bh_recv_from(a, &c, 1, NULL, MOMENT) == -BH_ETIMEDOUT);
	CHECK(bh_close(a) == 0);
	open_end(&b, "unix:@bulkhead datagram");
	CHECK(bh_open_datagram(&a, NULL, b.text) == 0 && bh_close(b.io) == 0);
	CHECK(bh_send_to(a, "x", 1, NULL, SOON) == -ECONNREFUSED);
	CHECK(bh_close(a) == 0);
}

TEST(what_comes_after_the_deadline_is_for_the_next_call)
{
	struct end a;
	char c = 0;

	open_end(&a, "127.0.0.1:0");
	for (int i = 0; i < 3; i++) {
		CHECK(bh_recv_from(a.io, &c, 1, NULL, MOMENT) == -BH_ETIMEDOUT);
		CHECK(bh_try_recv_from(a.io, &c, 1, NULL) == -EAGAIN);
		CHECK(bh_send_to(a.io, "z", 1, &a.address, SOON) == 1);
		CHECK(bh_readable(a.io, SOON) == 0);
		CHECK((i ? bh_recv_from(a.io, &c, 1, NULL, SOON) :
			   bh_try_recv_from(a.io, &c, 1, NULL)) == 1);
		CHECK(c == 'z');
	}
	CHECK(bh_close(a.io) == 0);
}

static int64_t receive_one(void *arg)
{
	char buf[8];

	return bh_recv_from(*(bh_io *)arg, buf, sizeof(buf), NULL, BH_FOREVER);
}

static bh_task receiver(bh_io io)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	bh_task t;

	opts.give = io;
	CHECK(bh_spawn(&t, receive_one, &io, sizeof(io), &opts) == 0);
	return t;
}

TEST(who_waits_is_woken_or_aborted)
{
	struct bh_result res;
	struct end a, b;
	bh_task t;

	open_end(&a, "127.0.0.1:0");
	for (int i = 0; i < 2; i++) {
		open_end(&b, "127.0.0.1:0");
		t = receiver(b.io);
		CHECK(bh_sleep(BH_MS(5)) == 0);
		if (i)
			CHECK(bh_abort(t) == 0);
		else
			CHECK(bh_send_to(a.io, "abc", 3, &b.address, SOON) == 3);
		CHECK(bh_join(t, &res, SOON) == 0);
		CHECK(res.end == (i ? BH_END_CANCELED : BH_END_RETURNED));
		CHECK(res.value == (i ? -BH_ECANCELED : 3));
		CHECK(bh_recv_from(b.io, &t, 1, NULL, SOON) == -BH_ESTALE);
	}
	CHECK(bh_close(a.io) == 0);
}

/* A socket whose other end reads nothing: sending waits, and is told when there is room. */
struct drain {
	bh_io io;
	int n;
};

static int64_t drain_later(void *arg)
{
	const struct drain *d = arg;
	char buf[64];

	CHECK(bh_sleep(BH_MS(10)) == 0);
	for (int n = 0; n < d->n; n++)
		CHECK(bh_recv_from(d->io, buf, sizeof(buf), NULL, SOON) == 1);
	return 0;
}

TEST(a_full_unix_socket_is_waited_for)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	struct end a, b;
	bh_task t;
	int n;

	for (int connected = 0; connected < 2; connected++) {
		const struct bh_sockaddr *to = connected ? NULL : &b.address;

		open_end(&b, "unix:@bulkhead datagram b");
		open_end(&a, "unix:@bulkhead datagram a");
		if (connected)
			CHECK(bh_set_peer(a.io, b.text) == 0);
		for (n = 0; bh_try_send_to(a.io, "x", 1, to) == 1; n++)
			;
		CHECK(n > 5 && bh_try_send_to(a.io, "x", 1, to) == -EAGAIN);
		CHECK(bh_send_to(a.io, "x", 1, to, MOMENT) == -BH_ETIMEDOUT);
		struct drain d = { .io = opts.give = b.io, .n = n + 1 };
		CHECK(bh_spawn(&t, drain_later, &d, sizeof(d), &opts) == 0);
		CHECK(bh_send_to(a.io, "x", 1, to, SOON) == 1);
		CHECK(bh_join(t, NULL, SOON) == 0);
		CHECK(bh_send_to(a.io, "x", 1, to, SOON) == -ECONNREFUSED);
		CHECK(bh_close(a.io) == 0);
	}
}

static int64_t crash_with(void *arg)
{
	(void)arg;
	abort();
}

TEST(a_crash_closes_its_own_alone)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	struct bh_result res;
	struct end a, b;
	bh_task t;
	bh_io io;

	open_end(&a, "127.0.0.1:0");
	open_end(&b, "127.0.0.1:0");
	opts.give = b.io;
	CHECK(bh_spawn(&t, crash_with, NULL, 0, &opts) == 0);
	CHECK(bh_join(t, &res, SOON) == 0 && res.end == BH_END_CRASHED);
	EVENTUALLY(bh_open_datagram(&io, b.text, NULL) == 0);
	check_way(&a, &a, "still here");
	CHECK(bh_close(io) == 0 && bh_close(a.io) == 0);
}

TEST(an_adopted_one_is_read_as_well)
{
	int pair[2];
	bh_io one, two;
	char c;

	for (int i = 0; i < 2; i++) {
		CHECK(socketpair(AF_UNIX, i ? SOCK_SEQPACKET : SOCK_DGRAM, 0, pair) == 0);
		CHECK(bh_io_adopt(&one, pair[0]) == 0 && bh_io_adopt(&two, pair[1]) == 0);
		CHECK(bh_send_to(one, "ab", 2, NULL, SOON) == 2);
		CHECK(bh_recv_from(two, &c, 1, NULL, SOON) == 2 && c == 'a');
		CHECK(bh_recv_from(two, &c, 1, NULL, MOMENT) == -BH_ETIMEDOUT);
		CHECK(bh_close(one) == 0);
		CHECK(bh_send_to(two, "x", 1, NULL, SOON) == (i ? -EPIPE : -ECONNREFUSED));
		CHECK(bh_close(two) == 0);
	}
}

/* -- many ---------------------------------------------------------------------------------- */

enum {
	MANY = 150
};

struct batch {
	struct bh_datagram d[MANY];
	uint32_t number[MANY];
};

static struct batch *numbered(const struct bh_sockaddr *to)
{
	struct batch *b = bh_calloc(1, sizeof(*b));

	CHECK(b);
	for (uint32_t i = 0; i < MANY; i++) {
		b->number[i] = i;
		b->d[i] = (struct bh_datagram){ .data = &b->number[i], .len = 4, .size = 4 };
		if (to)
			b->d[i].peer = *to;
	}
	return b;
}

static void check_batches(bh_io from, const struct bh_sockaddr *to, const struct end *e)
{
	struct batch *out = numbered(to), *in = numbered(NULL);
	int sent = 0, got = 0;

	memset(in->number, 0xff, sizeof(in->number));
	while (got < MANY) {
		int n = bh_try_send_batch(from, out->d + sent, sent < MANY ? MANY - sent : 1);

		if (sent < MANY && n > 0)
			sent += n;
		CHECK(sent == MANY || n == -EAGAIN || n > 0);
		n = bh_recv_batch(e->io, in->d + got, MANY - got, SOON);
		CHECK(n > 0 && n <= BH_BATCH_MAX);
		got += n;
		if (sent == MANY)
			break;
	}
	while (got < sent) {
		int n = bh_try_recv_batch(e->io, in->d + got, MANY - got);

		CHECK(n > 0);
		got += n;
	}
	for (uint32_t i = 0; i < MANY; i++)
		CHECK(in->number[i] == i && in->d[i].len == 4 && !in->d[i].segment);
	bh_free(out);
	bh_free(in);
}

TEST(batches_come_in_their_order)
{
	struct end a, b;

	for (int i = 0; i < 2; i++) {
		open_end(&a, anywhere[i]);
		open_end(&b, anywhere[i]);
		check_batches(a.io, &b.address, &b);
		CHECK(bh_set_peer(a.io, b.text) == 0);
		check_batches(a.io, NULL, &b);
		CHECK(bh_close(a.io) == 0 && bh_close(b.io) == 0);
	}
}

TEST(a_batch_says_how_far_it_came)
{
	struct batch *out, *in = numbered(NULL);
	struct end a, b;
	int n;

	open_end(&b, "unix:@bulkhead datagram b");
	open_end(&a, "unix:@bulkhead datagram a");
	out = numbered(&b.address);
	CHECK(bh_send_batch(a.io, out->d, 0, SOON) == -EINVAL);
	CHECK(bh_recv_batch(b.io, in->d, 0, SOON) == -EINVAL);
	CHECK(bh_recv_batch(b.io, in->d, MANY, MOMENT) == -BH_ETIMEDOUT);
	n = bh_send_batch(a.io, out->d, MANY, MOMENT);
	CHECK(n > 0 && n < MANY);
	CHECK(bh_send_batch(a.io, out->d + n, 1, MOMENT) == -BH_ETIMEDOUT);
	CHECK(bh_try_send_batch(a.io, out->d + n, 1) == -EAGAIN);
	for (int got = 0; got < n;) {
		int k = bh_recv_batch(b.io, in->d, MANY, SOON);

		CHECK(k > 0 && in->number[0] == (uint32_t)got);
		check_from(&in->d[0].peer, &a);
		got += k;
	}
	out->d[2].segment = 2; /* UDP alone */
	CHECK(bh_send_batch(a.io, out->d, 3, SOON) == 2);
	CHECK(bh_send_batch(a.io, out->d + 2, 1, SOON) == -EOPNOTSUPP);
	CHECK(bh_close(a.io) == 0 && bh_close(b.io) == 0);
	bh_free(out);
	bh_free(in);
}

/* One piece of memory is several messages on the way; with BH_OPT_GRO it may come as one. */
TEST(segments_are_messages_of_their_own)
{
	char text[] = "aaaabbbbccccdd", buf[16];
	struct bh_datagram d = { .data = text, .len = 14, .segment = 4 };
	struct end a, b;

	open_end(&a, "127.0.0.1:0");
	open_end(&b, "127.0.0.1:0");
	d.peer = b.address;
	CHECK(bh_send_batch(a.io, &d, 1, SOON) == 1);
	for (int i = 0; i < 4; i++) {
		CHECK(bh_recv_from(b.io, buf, sizeof(buf), NULL, SOON) == (i < 3 ? 4 : 2));
		CHECK(buf[0] == 'a' + i);
	}
	CHECK(bh_io_set_option(b.io, BH_OPT_GRO, 1) == 0);
	CHECK(bh_send_batch(a.io, &d, 1, SOON) == 1);
	size_t got = 0;
	while (got < 14) {
		struct bh_datagram in = { .data = buf + got, .size = sizeof(buf) - got };

		CHECK(bh_recv_batch(b.io, &in, 1, SOON) == 1);
		CHECK(in.segment == 0 ? in.len <= 4 : in.segment == 4);
		got += in.len;
	}
	CHECK(got == 14 && !memcmp(buf, text, 14));
	CHECK(bh_try_recv_from(b.io, buf, 1, NULL) == -EAGAIN);
	d.segment = 70000;
	CHECK(bh_send_batch(a.io, &d, 1, SOON) == -EINVAL);
	CHECK(bh_close(a.io) == 0 && bh_close(b.io) == 0);
}

/* -- poll tasks ---------------------------------------------------------------------------- */

struct echo {
	struct bh_async async;
	bh_io io;
	ssize_t n;
	int got, left;
	struct bh_sockaddr from;
	struct bh_datagram d[2];
	char buf[2][8];
};

static enum bh_poll echo(struct bh_cx *cx, void *state)
{
	struct echo *e = state;

	BH_ASYNC_BEGIN(cx, &e->async);
	while (e->left-- > 0) {
		BH_AWAIT(e->n, bh_poll_recv_from(cx, e->io, e->buf[0], 8, &e->from));
		if (e->n < 0)
			BH_ASYNC_RETURN(e->n);
		BH_AWAIT(e->n, bh_poll_send_to(cx, e->io, e->buf[0], (size_t)e->n, &e->from));
		for (int i = 0; i < 2; i++)
			e->d[i] = (struct bh_datagram){ .data = e->buf[i], .size = 8 };
		BH_AWAIT(e->got, bh_poll_recv_batch(cx, e->io, e->d, 2));
		if (e->got < 1)
			BH_ASYNC_RETURN(e->got);
		BH_AWAIT(e->n, bh_poll_send_batch(cx, e->io, e->d, e->got));
		if (e->n != e->got)
			BH_ASYNC_RETURN(e->n);
	}
	bh_poll_result(cx, 7);
	BH_ASYNC_END();
}

TEST(a_poll_task_echoes)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	struct echo e = { .left = 20 };
	struct bh_result res;
	struct end a, b;
	bh_task t;
	char buf[8];

	open_end(&a, "127.0.0.1:0");
	open_end(&b, "127.0.0.1:0");
	opts.give = e.io = b.io;
	CHECK(bh_spawn_poll(&t, echo, &e, sizeof(e), &opts) == 0);
	for (int i = 0; i < 40; i++) {
		CHECK(bh_send_to(a.io, "ping", 4, &b.address, SOON) == 4);
		CHECK(bh_recv_from(a.io, buf, sizeof(buf), NULL, SOON) == 4);
		if (i % 8 == 0)
			CHECK(bh_sleep(BH_MS(2)) == 0);
	}
	CHECK(bh_join(t, &res, SOON) == 0 && res.value == 7);
	CHECK(bh_close(a.io) == 0);
}

RUNTIME_MAIN("datagram")
