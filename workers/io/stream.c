/* SPDX-License-Identifier: MIT */
/*
 * stream.c: what is more than one read or one write of a stream: vectors, files,
 * exact counts, and closing one half.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "workers/io/io.h"
#include "workers/owned/ioslot.h"
#include "workers/wait/coop.h"

enum {
	WINDOW = 16,         /* parts of a vector handed over at once */
	FILE_PART = 1 << 20, /* bytes of a file, before others may run */
};

/* -- one attempt: a count, or -errno --------------------------------------------- */

static ssize_t try_readv(struct bh_ioslot *s, const struct iovec *iov, int n)
{
	struct msghdr m = { .msg_iov = (void *)(uintptr_t)iov, .msg_iovlen = (size_t)n };
	int fd = bh_ld_rlx(&s->fd);
	ssize_t got;

	if (n < 0)
		return -EINVAL;
	do
		got = s->kind == BH_IO_FILE ? readv(fd, iov, n) : recvmsg(fd, &m, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return -EAGAIN;
	bh_io_more(s, 0); /* there may be */
	return got < 0 ? -errno : got;
}

static ssize_t try_writev(struct bh_ioslot *s, struct iovec *iov, int n)
{
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)n };
	int fd = bh_ld_rlx(&s->fd);
	ssize_t put;

	do
		put = s->kind == BH_IO_FILE ? writev(fd, iov, n) :
					      sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	return put < 0 ? -errno : put;
}

static ssize_t try_sendfile(struct bh_ioslot *s, int file, off_t *offset, size_t len)
{
	ssize_t n;

	do
		n = sendfile(bh_ld_rlx(&s->fd), file, offset, len < FILE_PART ? len : FILE_PART);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* -- what is left of a vector ------------------------------------------------------ */

struct cursor {
	const struct iovec *iov;
	int n;
	size_t at; /* of the first */
};

static void advance(struct cursor *c, size_t by)
{
	while (c->n > 0 && by >= c->iov->iov_len - c->at) {
		by -= c->iov->iov_len - c->at;
		c->iov++;
		c->n--;
		c->at = 0;
	}
	c->at += by;
}

static int window(const struct cursor *c, struct iovec *w)
{
	int n = c->n < WINDOW ? c->n : WINDOW;

	for (int i = 0; i < n; i++)
		w[i] = c->iov[i];
	w[0].iov_base = (char *)w[0].iov_base + c->at;
	w[0].iov_len -= c->at;
	return n;
}

/* -- fibers --------------------------------------------------------------------------- */

static int begin(bh_io io, struct bh_ioslot **s)
{
	int err = bh_io_of(io, s);

	return err ? err : bh_coop();
}

ssize_t bh_readv(bh_io io, const struct iovec *iov, int n, int64_t deadline)
{
	struct bh_ioslot *s;
	int err = begin(io, &s);

	while (!err) {
		ssize_t got = try_readv(s, iov, n);

		if (got != -EAGAIN)
			return got;
		err = bh_io_wait(io, s, 0, false, deadline);
	}
	return err;
}

ssize_t bh_read_exact(bh_io io, void *buf, size_t len, int64_t deadline)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = bh_read(io, (char *)buf + have, len - have, deadline);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

ssize_t bh_writev(bh_io io, const struct iovec *iov, int n, int64_t deadline)
{
	struct cursor c = { .iov = iov, .n = n };
	struct iovec w[WINDOW];
	struct bh_ioslot *s;
	ssize_t sum = 0;
	int err = begin(io, &s);

	for (advance(&c, 0); !err && c.n > 0;) {
		ssize_t put = try_writev(s, w, window(&c, w));

		if (put == -EAGAIN) {
			err = bh_io_wait(io, s, 1, false, deadline);
		} else if (put < 0) {
			return put;
		} else {
			sum += put;
			advance(&c, (size_t)put);
		}
	}
	return err ? err : sum;
}

ssize_t bh_sendfile(bh_io io, int file, off_t *offset, size_t len, int64_t deadline)
{
	struct bh_ioslot *s;
	size_t sent = 0;
	int err = begin(io, &s);

	while (!err && sent < len) {
		ssize_t n = try_sendfile(s, file, offset, len - sent);

		if (n == -EAGAIN) {
			err = bh_io_wait(io, s, 1, false, deadline);
		} else if (n <= 0) {
			return n < 0 ? n : (ssize_t)sent;
		} else {
			sent += (size_t)n;
			err = bh_coop();
		}
	}
	return err && sent < len ? err : (ssize_t)sent;
}

int bh_shutdown(bh_io io, enum bh_half half)
{
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	/* Linux would end the listening, for everybody. */
	if (!err && (s->kind == BH_IO_LISTENER || s->kind == BH_IO_LISTENERS))
		return -ENOTCONN;
	if (!err && shutdown(bh_ld_rlx(&s->fd), (int)half))
		err = -errno;
	return err;
}

/* -- poll tasks ------------------------------------------------------------------------- */

static int poll_begin(struct bh_cx *cx, bh_io io, struct bh_ioslot **s)
{
	int err = bh_io_of(io, s);

	return err ? err : bh_coop_poll(cx);
}

ssize_t bh_poll_readv(struct bh_cx *cx, bh_io io, const struct iovec *iov, int n)
{
	struct bh_ioslot *s;
	int err = poll_begin(cx, io, &s);

	while (!err) {
		ssize_t got = try_readv(s, iov, n);

		if (got != -EAGAIN)
			return got;
		err = bh_io_arrange(cx, s, 0);
	}
	return err;
}

ssize_t bh_poll_writev(struct bh_cx *cx, bh_io io, const struct iovec *iov, int n)
{
	struct cursor c = { .iov = iov, .n = n };
	struct iovec w[WINDOW];
	struct bh_ioslot *s;
	int err = poll_begin(cx, io, &s);

	advance(&c, 0);
	while (!err && c.n > 0) {
		ssize_t put = try_writev(s, w, window(&c, w));

		if (put != -EAGAIN)
			return put;
		err = bh_io_arrange(cx, s, 1);
	}
	return err;
}

ssize_t bh_poll_sendfile(struct bh_cx *cx, bh_io io, int file, off_t *offset, size_t len)
{
	struct bh_ioslot *s;
	int err = poll_begin(cx, io, &s);

	while (!err) {
		ssize_t n = try_sendfile(s, file, offset, len);

		if (n != -EAGAIN)
			return n;
		err = bh_io_arrange(cx, s, 1);
	}
	return err;
}
