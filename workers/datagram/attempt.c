/* SPDX-License-Identifier: MIT */
#include "workers/datagram/attempt.h"

#include <errno.h>

#include <bulkhead/time.h>

#include "workers/io/io.h"
#include "workers/wait/coop.h"

#define FULL_PAUSE BH_MS(1) /* until the next attempt where no event tells */

/* A read that found something drains nothing for sure. */
static ssize_t once(struct bh_ioslot *s, const struct bh_attempt *a)
{
	ssize_t n = a->once(s, a->call);

	if (n != -EAGAIN && a->dir == 0)
		bh_io_more(s, 0);
	return n;
}

static int pause_until(int64_t deadline)
{
	int64_t next = bh_after(FULL_PAUSE);

	if (deadline <= bh_now())
		return -BH_ETIMEDOUT;
	return bh_sleep_until(next < deadline ? next : deadline);
}

ssize_t bh_attempt(bh_io io, const struct bh_attempt *a, int64_t deadline)
{
	struct bh_ioslot *s;
	ssize_t n = -EAGAIN;
	int err = bh_io_of(io, &s);

	if (!err)
		err = bh_coop();
	if (!err && (a->dir || bh_io_may(s, 0)))
		n = once(s, a);
	while (!err && (n == -EAGAIN || n == -EBUSY)) {
		err = n == -EBUSY ? pause_until(deadline) :
				    bh_io_wait(io, s, a->dir, false, deadline);
		if (!err)
			n = once(s, a);
	}
	return err ? err : n;
}

ssize_t bh_attempt_try(bh_io io, const struct bh_attempt *a)
{
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);
	ssize_t n = err ? err : once(s, a);

	return n == -EBUSY ? -EAGAIN : n;
}

ssize_t bh_attempt_poll(struct bh_cx *cx, bh_io io, const struct bh_attempt *a)
{
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	if (!err)
		err = bh_coop_poll(cx);
	while (!err) {
		ssize_t n = once(s, a);

		if (n != -EAGAIN)
			return n;
		err = bh_io_arrange(cx, s, a->dir);
	}
	return err;
}
