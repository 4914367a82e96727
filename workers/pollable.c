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
		return -EPERM;
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

	return err ? err : bh_ld_rlx(&s->fd);
}

/* 1: ready, with an error, too; 0: not. */
static int is_ready(const struct bh_ioslot *s, short events)
{
	struct pollfd p = { .fd = bh_ld_rlx(&s->fd), .events = events };

	return poll(&p, 1, 0) != 0;
}

ssize_t bh_io_receive(struct bh_ioslot *s, void *buf, size_t len, int flags)
{
	int fd = bh_ld_rlx(&s->fd);
	ssize_t n;

	if (s->kind != BH_IO_STREAM && (flags & MSG_PEEK)) {
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
	/* What was adopted may hand over one message at a time. */
	if (n <= 0 || (size_t)n == len || (flags & MSG_PEEK) || s->kind != BH_IO_STREAM)
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
