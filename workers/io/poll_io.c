/* SPDX-License-Identifier: MIT */
/*
 * poll_io.c: sockets and sleep for poll tasks: try, and if that would wait, arrange
 * for a wake-up and say -EAGAIN.
 *
 * A poll task may wait for several things at a time, so a slot may stay marked ready
 * while its task sleeps for another one; the mark is cleared when the next try says
 * EAGAIN, and then a try follows once more.
 */
#include <errno.h>
#include <sys/socket.h>

#include "workers/base/rt.h"
#include "workers/io/io.h"
#include "workers/owned/ioslot.h"
#include "workers/wait/coop.h"

static bool stopping(void)
{
	return bh_ld_acq(&bh_rt.v.a->run_state) == BH_RUN_STOPPING;
}

static int begin(struct bh_cx *cx, bh_io io, struct bh_ioslot **s)
{
	int err = bh_io_of(io, s);

	return err ? err : bh_coop_poll(cx);
}

ssize_t bh_poll_read(struct bh_cx *cx, bh_io io, void *buf, size_t len)
{
	struct bh_ioslot *s;
	int err = begin(cx, io, &s);

	while (!err) {
		ssize_t n = bh_io_receive(s, buf, len, 0);

		if (n != -EAGAIN)
			return n;
		err = bh_io_arrange(cx, s, 0);
	}
	return err;
}

ssize_t bh_poll_write(struct bh_cx *cx, bh_io io, const void *buf, size_t len)
{
	struct bh_ioslot *s;
	int err = begin(cx, io, &s);

	while (!err) {
		ssize_t n = bh_io_send(s, buf, len, 0);

		if (n >= 0)
			return n;
		if (errno == EAGAIN)
			err = bh_io_arrange(cx, s, 1);
		else if (errno != EINTR)
			return -errno;
	}
	return err;
}

int bh_poll_readable(struct bh_cx *cx, bh_io io)
{
	struct bh_ioslot *s;
	int err = begin(cx, io, &s);
	char c;

	while (!err) {
		if (bh_io_receive(s, &c, 1, MSG_PEEK) != -EAGAIN) {
			bh_io_busy(s);
			return 0; /* data, the end, or an error: the read will tell */
		}
		if (stopping())
			return -BH_ESTOPPING;
		err = bh_io_idle(s) ? bh_io_arrange(cx, s, 0) : -BH_ENOSLOT;
	}
	return err;
}

int bh_poll_accept(struct bh_cx *cx, bh_io listener, bh_io *out)
{
	struct bh_ioslot *s;
	int err = begin(cx, listener, &s);

	while (!err) {
		bool last = stopping(); /* what had come in before that is still taken */
		int rc = bh_io_accept(s, out);

		if (!bh_io_no_more(rc))
			return rc;
		err = last ? -BH_ESTOPPING : bh_io_arrange(cx, s, 0);
	}
	return err;
}

int bh_poll_sleep_until(struct bh_cx *cx, int64_t deadline)
{
	if (bh_coop_poll(cx))
		return -EAGAIN;
	if (deadline <= bh_now())
		return 0;
	bh_poll_at(cx, deadline);
	return -EAGAIN;
}
