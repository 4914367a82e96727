/* SPDX-License-Identifier: MIT */
/*
 * pollable.c: descriptors of every kind that epoll takes: adopting them, and asking
 * whether they are ready.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workers/io.h"
#include "workers/run.h"

/* True if @fd may be taken over: it is open, and none of those that every process of
 * the service is given. */
static bool is_free(int fd)
{
	const struct bh_plan_service *ps = bh_rt.plan_service;

	return fd >= bh_listen_fd(&bh_rt.v.l) + (int)(ps ? ps->n_listen : 0);
}

int bh_io_adopt(bh_io *out, int fd)
{
	struct stat st;
	int flags;

	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	if (!is_free(fd))
		return fd < 0 ? -EBADF : -EINVAL;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fstat(fd, &st))
		return -errno;
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	return bh_io_open(fd, S_ISSOCK(st.st_mode) ? BH_IO_SOCKET : BH_IO_FILE, out);
}

int bh_io_fd(bh_io io)
{
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	if (err)
		return err;
	/* What the caller does with it may change where a read stops: MSG_OOB, TCP_ULP. */
	if (s->kind == BH_IO_TCP)
		s->kind = BH_IO_STREAM;
	return bh_ld_rlx(&s->fd);
}

/* 1: ready, with an error, too; 0: not. */
static int is_ready(const struct bh_ioslot *s, short events)
{
	struct pollfd p = { .fd = bh_ld_rlx(&s->fd), .events = events };

	return poll(&p, 1, 0) != 0;
}

/*
 * True if a read that gave less than it might has emptied the socket, so that the next
 * one need not try before it waits. That holds for TCP alone, between marks of urgent
 * data. A mark whose event nobody has harvested yet does no harm: that event is still to
 * set BH_IO_READY.
 */
static bool is_drained(const struct bh_ioslot *s)
{
	return s->kind == BH_IO_TCP && !(bh_ld_rlx(&s->ready[0]) & BH_IO_URGENT);
}

ssize_t bh_io_receive(struct bh_ioslot *s, void *buf, size_t len, int flags)
{
	int fd = bh_ld_rlx(&s->fd);
	ssize_t n;

	if (!bh_io_sole(s->kind) && (flags & MSG_PEEK)) {
		if (!is_ready(s, POLLIN | POLLRDHUP))
			return -EAGAIN;
		bh_io_more(s, 0);
		return 1;
	}
	do
		n = s->kind == BH_IO_FILE ? read(fd, buf, len) :
					    recv(fd, buf, len, MSG_DONTWAIT | flags);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (n <= 0 || (size_t)n == len || (flags & MSG_PEEK) || !is_drained(s))
		bh_io_more(s, 0);
	return n < 0 ? -errno : n;
}

ssize_t bh_io_send(const struct bh_ioslot *s, const void *buf, size_t len)
{
	int fd = bh_ld_rlx(&s->fd);

	if (s->kind == BH_IO_FILE)
		return write(fd, buf, len);
	return send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int bh_writable(bh_io io, int64_t deadline)
{
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	if (!err)
		err = bh_coop();
	while (!err && !is_ready(s, POLLOUT))
		err = bh_io_wait(io, s, 1, false, deadline);
	return err;
}

int bh_poll_writable(struct bh_cx *cx, bh_io io)
{
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	if (!err)
		err = bh_coop_poll(cx);
	while (!err && !is_ready(s, POLLOUT))
		err = bh_io_arrange(cx, s, 1);
	return err;
}
