/* SPDX-License-Identifier: MIT */
/*
 * pollable.c: descriptors of every kind that epoll takes: adopting them, and asking
 * whether they are ready.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workers/base/rt.h"
#include "workers/io/io.h"
#include "workers/owned/ioslot.h"
#include "workers/wait/coop.h"

/* True if @fd may be taken over: it is open, and none of those that every process of
 * the service is given. */
static bool is_free(int fd)
{
	const struct bh_plan_service *ps = bh_rt.plan_service;

	return fd >= bh_listen_fd(&bh_rt.v.l) + (int)(ps ? ps->n_listen : 0);
}

static enum bh_io_kind kind_of(int fd, const struct stat *st)
{
	int type = 0, protocol = 0;
	socklen_t n = sizeof(int), m = sizeof(int);

	if (!S_ISSOCK(st->st_mode))
		return BH_IO_FILE;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) ||
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &m) || type == SOCK_STREAM)
		return BH_IO_SOCKET;
	return protocol == IPPROTO_UDP ? BH_IO_UDP : BH_IO_MESSAGES;
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
	return bh_io_open(fd, kind_of(fd, &st), out);
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

int bh_writable(bh_io io, int64_t deadline)
{
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	if (!err)
		err = bh_coop();
	while (!err && !bh_io_is_ready(s, POLLOUT))
		err = bh_io_wait(io, s, 1, false, deadline);
	return err;
}

int bh_poll_writable(struct bh_cx *cx, bh_io io)
{
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	if (!err)
		err = bh_coop_poll(cx);
	while (!err && !bh_io_is_ready(s, POLLOUT))
		err = bh_io_arrange(cx, s, 1);
	return err;
}
