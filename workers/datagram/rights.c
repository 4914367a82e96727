/* SPDX-License-Identifier: MIT */
/* rights.c: descriptors over Unix sockets (SCM_RIGHTS). Who owns one at which instruction,
 * incoming.h says. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <bulkhead/net.h>
#include <bulkhead/unix.h>

#include "workers/datagram/attempt.h"
#include "workers/owned/incoming.h"
#include "workers/owned/ioslot.h"

/* -- sending ---------------------------------------------------------------------------- */

struct sending {
	bh_io io;
	const void *buf;
	size_t len;
};

/* From now on there may be another number for it: then closing alone would leave this one
 * in the epoll instance. */
static void share(struct bh_ioslot *s)
{
	if (bh_io_sole(s->kind))
		s->kind = BH_IO_SOCKET;
}

static ssize_t send_fd(int over, int fd, const struct sending *m)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} c = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)m->buf, .iov_len = m->len };
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)
	};
	ssize_t n;

	c.align.cmsg_level = SOL_SOCKET;
	c.align.cmsg_type = SCM_RIGHTS;
	c.align.cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(&c.align), &fd, sizeof(fd));
	do
		n = sendmsg(over, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* The send and the close are two steps: killed between them, the task's end closes it. */
static ssize_t send_io(const struct bh_ioslot *over, void *call)
{
	const struct sending *m = call;
	struct bh_ioslot *s;
	int err = bh_io_of(m->io, &s);

	if (err)
		return err;
	if (over->kind == BH_IO_FILE)
		return -EOPNOTSUPP;
	if (!m->len || s == over || s->kind == BH_IO_LISTENERS)
		return -EINVAL;
	share(s);
	ssize_t n = send_fd(bh_ld_rlx(&over->fd), bh_ld_rlx(&s->fd), m);
	return n < 0 ? n : (err = bh_close(m->io)) ? err : n;
}

#define SEND(io, buf, len)                                    \
	&(struct bh_attempt)                                  \
	{                                                     \
		send_io, &(struct sending){ io, buf, len }, 1 \
	}

ssize_t bh_send_io(bh_io over, bh_io io, const void *buf, size_t len, int64_t deadline)
{
	return bh_attempt(over, SEND(io, buf, len), deadline);
}

ssize_t bh_try_send_io(bh_io over, bh_io io, const void *buf, size_t len)
{
	return bh_attempt_try(over, SEND(io, buf, len));
}

ssize_t bh_poll_send_io(struct bh_cx *cx, bh_io over, bh_io io, const void *buf, size_t len)
{
	return bh_attempt_poll(cx, over, SEND(io, buf, len));
}

/* -- receiving ------------------------------------------------------------------------------ */

struct receiving {
	bh_io *out;
	void *buf;
	size_t len;
};

static bool something_came(int fd)
{
	return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) > 0;
}

static ssize_t receive(int over, const struct receiving *m, int *fd)
{
	struct iovec iov = { .iov_base = m->buf, .iov_len = m->len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	do {
		bh_incoming_one(&h);
		n = recvmsg(over, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*fd = bh_incoming_take(0);
	return *fd < 0 && h.msg_flags & MSG_CTRUNC ? -EMFILE : n;
}

/* What there is no slot for stays on its way. */
static ssize_t recv_io(const struct bh_ioslot *over, void *call)
{
	const struct receiving *m = call;
	int from = bh_ld_rlx(&over->fd), fd = -1, err = 0;
	bh_io io = 0;

	if (over->kind == BH_IO_FILE || over->kind == BH_IO_LISTENERS)
		return -EOPNOTSUPP;
	if (!bh_io_room())
		return something_came(from) ? -BH_ENOSLOT : -EAGAIN;
	bh_io_making(true);
	ssize_t n = receive(from, m, &fd);
	if (fd >= 0)
		err = bh_incoming_adopt(&io, fd);
	bh_io_making(false);
	if (n >= 0 && !err)
		*m->out = io;
	return err ? err : n;
}

#define RECEIVE(out, buf, len)                                   \
	&(struct bh_attempt)                                     \
	{                                                        \
		recv_io, &(struct receiving){ out, buf, len }, 0 \
	}

ssize_t bh_recv_io(bh_io over, bh_io *out, void *buf, size_t len, int64_t deadline)
{
	return bh_attempt(over, RECEIVE(out, buf, len), deadline);
}

ssize_t bh_try_recv_io(bh_io over, bh_io *out, void *buf, size_t len)
{
	return bh_attempt_try(over, RECEIVE(out, buf, len));
}

ssize_t bh_poll_recv_io(struct bh_cx *cx, bh_io over, bh_io *out, void *buf, size_t len)
{
	return bh_attempt_poll(cx, over, RECEIVE(out, buf, len));
}
