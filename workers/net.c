/* SPDX-License-Identifier: MIT */
/*
 * net.c: accepting, reading, writing. Each tries its system call first, and waits (io.c)
 * only when that says EAGAIN.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/crash_key.h"
#include "workers/files.h"
#include "workers/io.h"
#include "workers/run.h"

/* From the moment a descriptor may exist until a slot names it, the journal says
 * so. */
void bh_io_making(bool on)
{
	bh_compiler_barrier();
	bh_st_rlx(&bh_rt.me->journal.accepting, on);
	bh_compiler_barrier();
}

int bh_io_keep(int fd, enum bh_io_kind kind, bh_io *out)
{
	int err = fd < 0 ? fd : bh_io_open(fd, kind, out);

	if (err && fd >= 0)
		bh_sys_close(fd);
	return err;
}

/* A Unix socket's peer has no address of its own, but a user. */
static uint64_t peer_key(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct ucred user;
	socklen_t n = sizeof(user);

	if (len < sizeof(sa->sa_family) || sa->sa_family != AF_UNIX)
		return bh_crash_key_of(sa, len);
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &n) ? 0 : BH_KEY_UID | user.uid;
}

uint64_t bh_io_peer(bh_io io)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct bh_ioslot *s;

	if (bh_io_of(io, &s))
		return 0;
	uint64_t key = bh_ld_rlx(&s->peer);
	int fd = bh_ld_rlx(&s->fd);
	if (key || s->kind != BH_IO_SOCKET || getpeername(fd, (struct sockaddr *)&ss, &len))
		return key;
	return peer_key(fd, (struct sockaddr *)&ss, len);
}

static bool somebody_waits(int listener)
{
	return poll(&(struct pollfd){ .fd = listener, .events = POLLIN }, 1, 0) > 0;
}

/* A connection that there is no slot for stays in the listener's queue: taken from there,
 * it could only be closed. */
static int accept_once(int listener, bh_io *out)
{
	enum bh_io_kind kind = BH_IO_STREAM;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int one = 1, fd, err;

	if (!bh_io_room())
		return somebody_waits(listener) ? -BH_ENOSLOT : -EAGAIN;
	bh_io_making(true);
	fd = bh_file_lift((int)syscall(SYS_accept4, listener, (struct sockaddr *)&ss, &len,
				       SOCK_NONBLOCK | SOCK_CLOEXEC));
	if (fd < 0)
		fd = -errno;
	else if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0)
		kind = BH_IO_TCP;
	err = bh_io_keep(fd, kind, out);
	bh_io_making(false);
	if (!err)
		bh_st_rlx(&bh_rt.v.ios[bh_handle_idx(*out)].peer,
			  peer_key(fd, (struct sockaddr *)&ss, len));
	return err;
}

/* Errors of a connection that was gone before it was accepted. */
static bool try_next(int err)
{
	return err == -ECONNABORTED || err == -EINTR || err == -EPROTO || err == -ENETDOWN ||
	       err == -EHOSTUNREACH || err == -ENETUNREACH;
}

static int accept_from(int listener, bh_io *out)
{
	int rc;

	do {
		rc = accept_once(listener, out);
	} while (try_next(rc));
	return rc;
}

bool bh_io_no_more(int rc)
{
	return rc == -EAGAIN || (rc == -EINVAL && bh_stopping());
}

/* Beginning behind the one that gave the last connection, so that none keeps the clients
 * of others waiting. */
static int accept_from_any(bh_io *out)
{
	static uint32_t at; /* of this process */
	int given = bh_listen_fd(&bh_rt.v.l), rc = -EAGAIN;
	uint32_t n = bh_rt.plan_service->n_listen;

	for (uint32_t i = 0; i < n && i < BH_PLAN_LISTEN && bh_io_no_more(rc); i++) {
		at = (at + 1) % n;
		rc = accept_from(given + (int)at, out);
	}
	return rc;
}

int bh_io_accept(const struct bh_ioslot *s, bh_io *out)
{
	return s->kind == BH_IO_LISTENERS ? accept_from_any(out) :
					    accept_from(bh_ld_rlx(&s->fd), out);
}

int bh_accept(bh_io listener, bh_io *out, int64_t deadline)
{
	struct bh_ioslot *s;
	int err = bh_io_of(listener, &s);

	if (!err)
		err = bh_coop();
	while (!err) {
		int rc = bh_io_accept(s, out);

		if (!bh_io_no_more(rc))
			return rc;
		err = bh_io_wait(listener, s, 0, true, deadline);
		/* What came in before the stop did is work under way. */
		if (err == -BH_ESTOPPING && !bh_io_no_more(rc = bh_io_accept(s, out)))
			return rc;
	}
	return err;
}

ssize_t bh_read(bh_io io, void *buf, size_t len, int64_t deadline)
{
	struct bh_ioslot *s;
	ssize_t n = -EAGAIN;
	int err = bh_io_of(io, &s);

	if (!err)
		err = bh_coop();
	if (!err && bh_io_may(s, 0))
		n = bh_io_receive(s, buf, len, 0);
	while (!err && n == -EAGAIN) {
		err = bh_io_wait(io, s, 0, false, deadline);
		if (!err)
			n = bh_io_receive(s, buf, len, 0);
	}
	return err ? err : n;
}

ssize_t bh_write(bh_io io, const void *buf, size_t len, int64_t deadline)
{
	const char *at = buf;
	size_t left = len;
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	if (!err)
		err = bh_coop();
	while (!err) {
		ssize_t n = bh_io_send(s, at, left);

		if (n >= 0) {
			at += n;
			left -= (size_t)n;
			if (!left)
				return (ssize_t)len;
		} else if (errno == EAGAIN) {
			err = bh_io_wait(io, s, 1, false, deadline);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return err;
}

int bh_readable(bh_io io, int64_t deadline)
{
	struct bh_ioslot *s;
	ssize_t n = -EAGAIN;
	int err = bh_io_of(io, &s);
	char c;

	if (err)
		return err;
	err = bh_coop();
	if (!err && bh_io_may(s, 0))
		n = bh_io_receive(s, &c, 1, MSG_PEEK);
	/* Data, the end, or an error: the read will tell. */
	while (!err && n == -EAGAIN) {
		err = bh_io_idle(s) ? bh_io_wait(io, s, 0, true, deadline) : -BH_ENOSLOT;
		if (!err)
			n = bh_io_receive(s, &c, 1, MSG_PEEK);
	}
	if (err != -BH_ESTALE) /* closed meanwhile: the slot is another's */
		bh_io_busy(s);
	return err;
}
