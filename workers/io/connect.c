/* SPDX-License-Identifier: MIT */
/*
 * connect.c: opening connections.
 *
 * The socket is in its I/O slot before it is connected. So one that is lost (its
 * worker died between the two, see fdaudit.c) has no peer yet, and a worker's death
 * later on leaves a slot to be walked like any other.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "ipc/base/address.h"
#include "workers/base/rt.h"
#include "workers/io/io.h"
#include "workers/owned/files.h"
#include "workers/owned/ioslot.h"
#include "workers/wait/coop.h"

#define FULL_PAUSE BH_MS(1) /* of a Unix listener whose backlog is full: no event tells */

static int open_stream(const struct bh_address *a, bh_io *out)
{
	enum bh_io_kind kind = a->ss.ss_family == AF_UNIX ? BH_IO_STREAM : BH_IO_TCP;
	int one = 1, fd, err;

	bh_io_making(true);
	fd = bh_sys_stream(a->ss.ss_family);
	if (fd < 0)
		fd = -errno;
	err = bh_io_keep(fd, kind, out);
	bh_io_making(false);
	if (!err && kind == BH_IO_TCP)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return err;
}

/* Begins to connect, or asks how far that has come: Linux answers the same call with
 * either. 0; -EAGAIN: under way; -EBUSY: the backlog of a Unix listener is full. */
static int attempt(const struct bh_ioslot *s, const struct bh_address *a)
{
	if (connect(bh_ld_rlx(&s->fd), (const struct sockaddr *)&a->ss, a->len) == 0)
		return 0;
	switch (errno) {
	case EISCONN:
		return 0;
	case EINPROGRESS:
	case EALREADY:
	case EINTR:
		return -EAGAIN;
	case EAGAIN:
		return a->ss.ss_family == AF_UNIX ? -EBUSY : -EAGAIN;
	default:
		return -errno;
	}
}

static int pause_until(int64_t deadline)
{
	int64_t next = bh_after(FULL_PAUSE);

	if (deadline <= bh_now())
		return -BH_ETIMEDOUT;
	return bh_sleep_until(next < deadline ? next : deadline);
}

int bh_connect(bh_io *out, const char *address, int64_t deadline)
{
	struct bh_address a;
	struct bh_ioslot *s;
	bh_io io;
	int err = bh_rt.task ? bh_address_parse(address, &a) : bh_rt_no_task(-EPERM);

	if (!err)
		err = bh_coop();
	if (!err)
		err = open_stream(&a, &io);
	if (err)
		return err;
	err = bh_io_of(io, &s);
	while (!err) {
		int rc = attempt(s, &a);

		if (rc == -EAGAIN) {
			err = bh_io_wait(io, s, 1, false, deadline);
		} else if (rc == -EBUSY) {
			err = pause_until(deadline);
		} else {
			err = rc;
			break;
		}
	}
	if (err)
		bh_close(io);
	else
		*out = io;
	return err;
}

int bh_poll_connect(struct bh_cx *cx, bh_io *io, const char *address)
{
	struct bh_address a;
	struct bh_ioslot *s;
	int err = bh_address_parse(address, &a);

	if (!err)
		err = bh_coop_poll(cx);
	if (!err && !*io)
		err = open_stream(&a, io);
	if (!err)
		err = bh_io_of(*io, &s);
	if (err)
		return err;
	while ((err = attempt(s, &a)) == -EAGAIN)
		if (bh_io_arrange(cx, s, 1))
			return -EAGAIN;
	if (err) {
		bh_close(*io);
		*io = 0;
	}
	return err;
}
