/* SPDX-License-Identifier: MIT */
/* io.h: one attempt at a time on a descriptor of the running task, and waiting for the next
 * (io.c). */
#ifndef BH_WORKERS_IO_IO_H
#define BH_WORKERS_IO_IO_H

#include "workers/owned/ioslot.h"

/* Accepts a connection from the listener, or listeners, of slot @s into a slot of the
 * running task's: 0, -EAGAIN, or why not. */
int bh_io_accept(const struct bh_ioslot *s, bh_io *out);

/* True if @rc, of bh_io_accept(), says that nobody waits there: now, or since the kernel
 * closed the address, ever. */
bool bh_io_no_more(int rc);

/* True if an attempt to read (@dir 0) may find something; the mark is cleared, as
 * it must be before the attempt. False: the descriptor was drained, and nothing has
 * happened since: to wait is all there is to do. */
bool bh_io_may(struct bh_ioslot *s, int dir);

/* The attempt did not drain it: the next one need not wait for an event. */
void bh_io_more(struct bh_ioslot *s, int dir);

/* recv() or read(), without waiting, after the mark was cleared or the last call said
 * -EAGAIN: a count or -errno. Less than @len, of TCP: it is empty, and an edge will tell when it
 * no longer is, unless there is urgent data (pollable.c). @flags: 0, or MSG_PEEK. */
ssize_t bh_io_receive(struct bh_ioslot *s, void *buf, size_t len, int flags);

/* Is one of @events (of poll()) or an error there? */
int bh_io_is_ready(const struct bh_ioslot *s, short events);

/* send() or write(), without waiting; the error is in errno. @flags: 0, or MSG_MORE. */
ssize_t bh_io_send(const struct bh_ioslot *s, const void *buf, size_t len, int flags);

/*
 * Waits until direction @dir (0: read, 1: write) may be ready, after the call on
 * the descriptor said EAGAIN, or bh_io_may() that it would. 0: try again (perhaps
 * in vain), -BH_ETIMEDOUT, -BH_ECANCELED, -BH_ESTOPPING if @new_work and the service is stopping.
 */
int bh_io_wait(bh_io io, struct bh_ioslot *s, int dir, bool new_work, int64_t deadline);

/* After the call on the descriptor said EAGAIN: 1: try again; 0: the running task is
 * woken when direction @dir may be ready. Others may be armed beside it. */
int bh_io_arm(struct bh_ioslot *s, int dir);

/* The task waits for it no longer. */
void bh_io_disarm(struct bh_ioslot *s, int dir);

/* The same for a poll task: 0: try again; -EAGAIN: it is woken. */
struct bh_cx;
int bh_io_arrange(struct bh_cx *cx, struct bh_ioslot *s, int dir);

/* @s waits for the next request of its peer. False: it was asked to leave, to make room
 * for others (room.h). */
bool bh_io_idle(struct bh_ioslot *s);

/* It waits no longer. */
static inline void bh_io_busy(struct bh_ioslot *s)
{
	if (bh_ld_rlx(&s->idle_ms))
		bh_st_rlx(&s->idle_ms, 0);
}

#endif
