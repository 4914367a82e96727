/* SPDX-License-Identifier: MIT */
/*
 * gone.c: noticing that a peer has hung up, while something else is waited for.
 *
 * The reading mark of the slot serves for it (ipc/protocol/ready.h): what a hang-up says to epoll
 * says that there is something to read, too. What has come and is not read makes no edge
 * any more, so READY becomes CLOSED here, which also means "try to read, it may be in
 * vain": the reader that comes later tries, and the next edge sets READY again.
 */
#include "workers/owned/gone.h"

#include <errno.h>
#include <poll.h>

#include "workers/base/rt.h"
#include "workers/owned/ioslot.h"

/* An error alone is no end for a socket: it may be one of a queue of them. */
static bool hung_up(const struct bh_ioslot *s, enum bh_gone when)
{
	short ends = s->kind == BH_IO_FILE ? POLLHUP | POLLERR : POLLHUP;
	struct pollfd p = { .fd = bh_ld_rlx(&s->fd),
			    .events = when == BH_GONE_EOF ? POLLRDHUP : 0 };

	return poll(&p, 1, 0) > 0 && (p.revents & (ends | POLLRDHUP));
}

/* Commit: the CAS on the mark. */
int bh_gone_arm(struct bh_ioslot *s, enum bh_gone when)
{
	uint64_t old = bh_ld_acq(&s->ready[0]), to, came;

	if (when != BH_GONE_EOF && when != BH_GONE_RESET)
		return -EINVAL;
	if (!bh_io_is_own(s))
		return -EBADF;
	do {
		came = old & (BH_IO_READY | BH_IO_CLOSED);
		to = (uint64_t)bh_rt.idx << 32 | (old & BH_IO_URGENT) | (came ? BH_IO_CLOSED : 0);
	} while (!bh_cas(&s->ready[0], &old, to));
	/* Armed before the look: an end that comes after it wakes. Nothing has come since a
	 * read found nothing: no need to look. */
	return came && hung_up(s, when) ? -ECONNRESET : 0;
}

void bh_gone_disarm(struct bh_ioslot *s)
{
	bh_and(&s->ready[0], BH_IO_READY | BH_IO_CLOSED | BH_IO_URGENT);
}

int bh_poll_gone(struct bh_cx *cx, bh_io io, enum bh_gone when)
{
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	if (!err)
		err = bh_gone_arm(s, when);
	if (err)
		return err == -ECONNRESET ? 0 : err;
	/* Not wait_on: an inline state may lie there. */
	cx->task->wait = BH_WAIT_SUSPEND;
	return -EAGAIN;
}
