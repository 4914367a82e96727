/* SPDX-License-Identifier: MIT */
/* test_unix.c: unix.h and pipe.h: descriptors that are handed over, seqpacket, pipes, FIFOs. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime.h"

#define SOON   bh_after(BH_S(30))
#define MOMENT bh_after(BH_MS(20))

static void open_pair(int type, bh_io io[2])
{
	int fd[2];

	CHECK(socketpair(AF_UNIX, type, 0, fd) == 0);
	CHECK(bh_io_adopt(&io[0], fd[0]) == 0 && bh_io_adopt(&io[1], fd[1]) == 0);
}

static void close_pair(bh_io io[2])
{
	CHECK(bh_close(io[0]) == 0 && bh_close(io[1]) == 0);
}

/* Numbers that name the file @ino. */
static int names_of(ino_t ino)
{
	struct stat st;
	int n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += fstat(fd, &st) == 0 && st.st_ino == ino;
	return n;
}

static ino_t file_of(bh_io io)
{
	struct stat st;

	CHECK(fstat(bh_io_fd(io), &st) == 0);
	return st.st_ino;
}

/* -- handing over ------------------------------------------------------------------------- */

TEST(a_descriptor_changes_its_owner)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	bh_io over[2], talk[2], got;
	char buf[8];

	for (int i = 0; i < 3; i++) {
		open_pair(types[i], over);
		open_pair(SOCK_STREAM, talk);
		CHECK(bh_write(talk[0], "before", 6, SOON) == 6);
		ino_t file = file_of(talk[1]);
		CHECK(bh_send_io(over[0], talk[1], "take", 4, SOON) == 4);
		CHECK(bh_close(talk[1]) == -BH_ESTALE && names_of(file) == 0);
		CHECK(bh_recv_io(over[1], &got, buf, sizeof(buf), SOON) == 4);
		CHECK(!memcmp(buf, "take", 4) && got && names_of(file) == 1);
		CHECK(bh_read(got, buf, sizeof(buf), SOON) == 6 && !memcmp(buf, "before", 6));
		CHECK(bh_read(got, buf, sizeof(buf), MOMENT) == -BH_ETIMEDOUT);
		CHECK(bh_write(got, "back", 4, SOON) == 4);
		CHECK(bh_read(talk[0], buf, sizeof(buf), SOON) == 4);
		CHECK(bh_close(got) == 0 && bh_read(talk[0], buf, 1, SOON) == 0);
		CHECK(bh_close(talk[0]) == 0);
		close_pair(over);
	}
}

TEST(bytes_may_come_without_one)
{
	bh_io over[2], got = 5;
	char buf[8];

	open_pair(SOCK_STREAM, over);
	CHECK(bh_try_recv_io(over[1], &got, buf, sizeof(buf)) == -EAGAIN);
	CHECK(bh_recv_io(over[1], &got, buf, sizeof(buf), MOMENT) == -BH_ETIMEDOUT && got == 5);
	CHECK(bh_write(over[0], "plain", 5, SOON) == 5);
	CHECK(bh_recv_io(over[1], &got, buf, sizeof(buf), SOON) == 5 && got == 0);
	CHECK(bh_close(over[0]) == 0);
	CHECK(bh_recv_io(over[1], &got, buf, sizeof(buf), SOON) == 0 && got == 0);
	CHECK(bh_close(over[1]) == 0);
}

TEST(what_is_not_sent_stays)
{
	bh_io over[2], io, other, pipe_end[2];
	char c;

	open_pair(SOCK_STREAM, over);
	CHECK(bh_io_adopt(&io, eventfd(0, 0)) == 0);
	CHECK(bh_send_io(over[0], io, "", 0, SOON) == -EINVAL);
	CHECK(bh_send_io(over[0], over[0], "x", 1, SOON) == -EINVAL);
	CHECK(bh_send_io(over[0], io + 1, "x", 1, SOON) == -BH_ESTALE);
	CHECK(bh_pipe_open(&pipe_end[0], &pipe_end[1]) == 0);
	CHECK(bh_send_io(pipe_end[1], io, "x", 1, SOON) == -EOPNOTSUPP);
	CHECK(bh_try_recv_io(pipe_end[0], &other, &c, 1) == -EOPNOTSUPP);
	close_pair(pipe_end);
	static const char fill[4096];
	CHECK(bh_write(over[0], fill, sizeof(fill), SOON) == sizeof(fill));
	while (bh_write(over[0], fill, sizeof(fill), MOMENT) == sizeof(fill))
		;
	CHECK(bh_try_send_io(over[0], io, "x", 1) == -EAGAIN);
	CHECK(bh_send_io(over[0], io, "x", 1, MOMENT) == -BH_ETIMEDOUT);
	CHECK(bh_close(over[1]) == 0);
	CHECK(bh_send_io(over[0], io, "x", 1, SOON) == -EPIPE);
	CHECK(bh_io_fd(io) >= 0 && bh_close(io) == 0 && bh_close(over[0]) == 0);
}

/* On its way it is closed with the socket that it is in. */
TEST(what_nobody_takes_is_closed)
{
	bh_io over[2], talk[2];
	char c;

	for (int reads = 0; reads < 2; reads++) {
		open_pair(SOCK_STREAM, over);
		open_pair(SOCK_STREAM, talk);
		CHECK(bh_send_io(over[0], talk[1], "x", 1, SOON) == 1);
		if (reads)
			CHECK(bh_read(over[1], &c, 1, SOON) == 1);
		else
			close_pair(over);
		CHECK(bh_read(talk[0], &c, 1, SOON) == 0);
		if (reads)
			close_pair(over);
		CHECK(bh_close(talk[0]) == 0);
	}
}

TEST(a_file_is_none_and_is_closed)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} c = { .align = { .cmsg_level = SOL_SOCKET,
			   .cmsg_type = SCM_RIGHTS,
			   .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct iovec iov = { .iov_base = (char[]){ 'b' }, .iov_len = 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)
	};
	char path[] = "/tmp/bh-unix.XXXXXX", b;
	bh_io over[2], got;
	struct stat st;
	int fd = mkstemp(path);

	open_pair(SOCK_STREAM, over);
	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	memcpy(CMSG_DATA(&c.align), &fd, sizeof(fd));
	CHECK(sendmsg(bh_io_fd(over[0]), &m, 0) == 1);
	CHECK(close(fd) == 0 && unlink(path) == 0);
	CHECK(bh_recv_io(over[1], &got, &b, 1, SOON) == -EPERM && names_of(st.st_ino) == 0);
	close_pair(over);
}

struct relay {
	bh_io over;
	int crash; /* 1: when it has sent it on; 2: when it has taken it */
};

static int64_t relay(void *arg)
{
	const struct relay *r = arg;
	bh_io got;
	char c;

	CHECK(bh_recv_io(r->over, &got, &c, 1, SOON) == 1 && got);
	if (r->crash == 2)
		abort();
	CHECK(bh_send_io(r->over, got, "y", 1, SOON) == 1);
	if (r->crash == 1)
		abort();
	return 0;
}

TEST(a_crash_of_one_side_costs_what_it_owns)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	bh_io over[2], talk[2], got;
	struct bh_result res;
	bh_task t;
	char c;

	for (int crash = 0; crash < 3; crash++) {
		struct relay r = { .crash = crash };

		open_pair(SOCK_SEQPACKET, over);
		open_pair(SOCK_STREAM, talk);
		ino_t file = file_of(talk[1]);
		opts.give = r.over = over[1];
		CHECK(bh_spawn(&t, relay, &r, sizeof(r), &opts) == 0);
		CHECK(bh_send_io(over[0], talk[1], "x", 1, SOON) == 1);
		CHECK(bh_join(t, &res, SOON) == 0);
		CHECK(res.end == (crash ? BH_END_CRASHED : BH_END_RETURNED));
		EVENTUALLY(names_of(file) == 0);
		if (crash == 2) {
			CHECK(bh_recv_io(over[0], &got, &c, 1, SOON) == 0 && !got);
		} else {
			CHECK(bh_recv_io(over[0], &got, &c, 1, SOON) == 1 && got);
			CHECK(names_of(file) == 1 && bh_close(got) == 0);
		}
		CHECK(bh_read(talk[0], &c, 1, SOON) == 0);
		CHECK(bh_close(talk[0]) == 0 && bh_close(over[0]) == 0);
	}
}

struct polled {
	struct bh_async async;
	bh_io over, got;
	ssize_t n;
	char c;
};

static enum bh_poll pass_on(struct bh_cx *cx, void *state)
{
	struct polled *p = state;

	BH_ASYNC_BEGIN(cx, &p->async);
	BH_AWAIT(p->n, bh_poll_recv_io(cx, p->over, &p->got, &p->c, 1));
	if (p->n != 1)
		BH_ASYNC_RETURN(p->n);
	BH_AWAIT(p->n, bh_poll_send_io(cx, p->over, p->got, "y", 1));
	bh_poll_result(cx, p->n);
	BH_ASYNC_END();
}

TEST(a_poll_task_passes_one_on)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	struct polled p = { 0 };
	bh_io over[2], io;
	struct bh_result res;
	uint64_t three = 3, got = 0;
	bh_task t;
	char c;

	open_pair(SOCK_SEQPACKET, over);
	opts.give = p.over = over[1];
	CHECK(bh_spawn_poll(&t, pass_on, &p, sizeof(p), &opts) == 0);
	CHECK(bh_io_adopt(&io, eventfd(0, 0)) == 0);
	CHECK(bh_write(io, &three, 8, SOON) == 8);
	CHECK(bh_send_io(over[0], io, "x", 1, SOON) == 1);
	CHECK(bh_recv_io(over[0], &io, &c, 1, SOON) == 1 && c == 'y');
	CHECK(bh_read(io, &got, 8, SOON) == 8 && got == 3);
	CHECK(bh_join(t, &res, SOON) == 0 && res.value == 1);
	CHECK(bh_close(io) == 0 && bh_close(over[0]) == 0);
}

/* -- seqpacket --------------------------------------------------------------------------------- */

TEST(seqpacket_keeps_bounds)
{
	static const char at[] = "seqpacket:@bulkhead test";
	char text[BH_ADDRESS_MAX], buf[16];
	bh_io listener, a, b;

	CHECK(bh_listen(&listener, at) == 0 && bh_connect(&a, at, SOON) == 0);
	CHECK(bh_connect(&b, "unix:@bulkhead test", SOON) == -ECONNREFUSED);
	CHECK(bh_accept(listener, &b, SOON) == 0);
	CHECK(bh_local_address(listener, text, sizeof(text)) > 0 && !strcmp(text, at));
	CHECK(bh_peer_address(a, text, sizeof(text)) > 0 && !strcmp(text, at));
	CHECK(bh_local_address(listener, text, 20) == -ENOSPC);
	CHECK(bh_write(a, "one", 3, SOON) == 3 && bh_send_to(a, "two!", 4, NULL, SOON) == 4);
	CHECK(bh_read(b, buf, sizeof(buf), SOON) == 3);
	CHECK(bh_recv_from(b, buf, 2, NULL, SOON) == 4);
	CHECK(bh_readable(b, MOMENT) == -BH_ETIMEDOUT);
	CHECK(bh_close(a) == 0 && bh_readable(b, SOON) == 0);
	CHECK(bh_recv_from(b, buf, 2, NULL, SOON) == 0);
	CHECK(bh_send_to(b, "x", 1, NULL, SOON) == -EPIPE);
	CHECK(bh_close(b) == 0 && bh_close(listener) == 0);
	CHECK(bh_connect(&a, at, SOON) == -ECONNREFUSED);
}

/* -- pipes ---------------------------------------------------------------------------------------- */

TEST(a_pipe_has_two_ends)
{
	bh_io in, out;
	char buf[8];

	CHECK(bh_pipe_open(&in, &out) == 0);
	CHECK(bh_read(in, buf, 8, MOMENT) == -BH_ETIMEDOUT);
	CHECK(bh_write(out, "abc", 3, SOON) == 3 && bh_read(in, buf, 8, SOON) == 3);
	CHECK(bh_write(out, "d", 1, SOON) == 1 && bh_close(out) == 0);
	CHECK(bh_read(in, buf, 8, SOON) == 1 && bh_read(in, buf, 8, SOON) == 0);
	CHECK(bh_close(in) == 0);
	CHECK(bh_pipe_open(&in, &out) == 0 && bh_close(in) == 0);
	CHECK(bh_write(out, "x", 1, SOON) == -EPIPE && bh_close(out) == 0);
}

TEST(a_fifo_is_opened_from_both_sides)
{
	char dir[] = "/tmp/bh-fifo.XXXXXX", path[60];
	bh_io in, out;
	char c;

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/fifo", dir);
	CHECK(bh_fifo_open(&in, path, BH_FIFO_READ) == -ENOENT);
	CHECK(bh_fifo_open(&in, dir, BH_FIFO_READ) == -EINVAL);
	CHECK(mkfifo(path, 0600) == 0);
	CHECK(bh_fifo_open(&in, path, 0) == -EINVAL);
	CHECK(bh_fifo_open(&out, path, BH_FIFO_WRITE) == -ENXIO);
	CHECK(bh_fifo_open(&in, path, BH_FIFO_READ) == 0);
	CHECK(bh_read(in, &c, 1, SOON) == 0);
	CHECK(bh_fifo_open(&out, path, BH_FIFO_WRITE) == 0);
	CHECK(bh_write(out, "x", 1, SOON) == 1 && bh_read(in, &c, 1, SOON) == 1);
	CHECK(bh_close(in) == 0 && bh_fifo_open(&in, path, BH_FIFO_BOTH) == 0);
	CHECK(bh_close(out) == 0 && bh_read(in, &c, 1, MOMENT) == -BH_ETIMEDOUT);
	CHECK(bh_close(in) == 0 && unlink(path) == 0 && rmdir(dir) == 0);
}

RUNTIME_MAIN("unix")
