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

#include "ipc/base/crash_key.h"
#include "workers/io/io.h"
#include "workers/owned/files.h"
#include "workers/owned/ioslot.h"
#include "workers/wait/coop.h"

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
		ssize_t n = bh_io_send(s, at, left, 0);

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
