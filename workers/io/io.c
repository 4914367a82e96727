/* SPDX-License-Identifier: MIT */
/*
 * io.c: trying a system call on an I/O slot's descriptor, and waiting when that says
 * EAGAIN: of fibers (bh_io_wait()) and of poll tasks (bh_io_arrange()).
 */
#include "workers/io/io.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "workers/base/clock.h"
#include "workers/base/rt.h"
#include "workers/owned/files.h"
#include "workers/owned/ioslot.h"
#include "workers/wait/suspend.h"

/* -- waiting ------------------------------------------------------------------ */

bool bh_io_may(struct bh_ioslot *s, int dir)
{
	uint64_t r = bh_ld_acq(&s->ready[dir]);

	if (r & BH_IO_READY)
		bh_and(&s->ready[dir], ~BH_IO_READY);
	return r & (BH_IO_READY | BH_IO_CLOSED);
}

void bh_io_more(struct bh_ioslot *s, int dir)
{
	bh_or(&s->ready[dir], BH_IO_READY);
}

static bool stopping(void)
{
	return bh_ld_acq(&bh_rt.v.a->run_state) == BH_RUN_STOPPING;
}

int bh_io_wait(bh_io io, struct bh_ioslot *s, int dir, bool new_work, int64_t deadline)
{
	uint64_t r = bh_ld_acq(&s->ready[dir]);
	int err;

	if (new_work && stopping())
		return -BH_ESTOPPING;
	/* The edge came since the call: clear it before trying again, so that the
	 * next one is seen. CLOSED alone was there before the call, which has shown
	 * that it is not so: an edge sets both. */
	if (r & (BH_IO_READY | BH_IO_CLOSED)) {
		bh_and(&s->ready[dir], ~(r & BH_IO_READY ? BH_IO_READY : BH_IO_CLOSED));
		return 0;
	}
	/* No event would ever come. */
	if (!bh_io_is_own(s))
		return -EBADF;
	/* All that had come is read, so BH_IO_URGENT goes, too. */
	if (!bh_cas(&s->ready[dir], &r, (uint64_t)bh_rt.idx << 32))
		return 0;
	err = bh_rt_suspend(BH_WAIT_IO, io, deadline);
	r = bh_and(&s->ready[dir], BH_IO_CLOSED | BH_IO_URGENT);
	if (new_work && stopping() && !(r & BH_IO_READY))
		return -BH_ESTOPPING;
	/* Data that came with the deadline is taken; what came with an abort, a later wait
	 * (in a clean-up) is to find. */
	if (err == -BH_ECANCELED && (r & BH_IO_READY))
		bh_io_more(s, dir);
	return err == -BH_ETIMEDOUT && (r & BH_IO_READY) ? 0 : err;
}

/* Commit: the CAS on the mark. */
int bh_io_arm(struct bh_ioslot *s, int dir)
{
	uint64_t r = bh_ld_acq(&s->ready[dir]);

	/* The edge came since: the next try clears it. */
	if (r & BH_IO_READY)
		return 1;
	return !bh_cas(&s->ready[dir], &r, (uint64_t)bh_rt.idx << 32);
}

void bh_io_disarm(struct bh_ioslot *s, int dir)
{
	bh_and(&s->ready[dir], BH_IO_READY | BH_IO_CLOSED | BH_IO_URGENT);
}

int bh_io_arrange(struct bh_cx *cx, struct bh_ioslot *s, int dir)
{
	if (bh_io_arm(s, dir)) {
		/* Without this the next edge would not be seen. */
		bh_and(&s->ready[dir], ~BH_IO_READY);
		return 0;
	}
	/* Not wait_on: an inline state may lie there. */
	cx->task->wait = BH_WAIT_SUSPEND;
	return -EAGAIN;
}

bool bh_io_idle(struct bh_ioslot *s)
{
	if (bh_ld_rlx(&s->idle_ms))
		return !bh_ld_acq(&s->leave);
	bh_st_rlx(&s->leave, 0);
	bh_st_rel(&s->idle_ms, bh_rt_age_ms() | 1);
	return true;
}

/* -- reading and writing --------------------------------------------------------- */

int bh_io_is_ready(const struct bh_ioslot *s, short events)
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
		if (!bh_io_is_ready(s, POLLIN | POLLRDHUP))
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

ssize_t bh_io_send(const struct bh_ioslot *s, const void *buf, size_t len, int flags)
{
	int fd = bh_ld_rlx(&s->fd);

	if (s->kind == BH_IO_FILE)
		return write(fd, buf, len);
	return send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL | flags);
}

/* -- accepting ------------------------------------------------------------------- */

static bool somebody_waits(int listener)
{
	return poll(&(struct pollfd){ .fd = listener, .events = POLLIN }, 1, 0) > 0;
}

static bool is_seqpacket(int fd)
{
	int type = 0;
	socklen_t n = sizeof(type);

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) && type == SOCK_SEQPACKET;
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
	else if (is_seqpacket(fd))
		kind = BH_IO_MESSAGES;
	err = bh_io_keep(fd, kind, out);
	bh_io_making(false);
	if (!err)
		bh_st_rlx(&bh_rt.v.ios[bh_handle_idx(*out)].peer,
			  bh_io_key(fd, (struct sockaddr *)&ss, len));
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
