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
#include "workers/wait/fiber.h"
#include "workers/wait/suspend.h"

#define FULL_PAUSE BH_MS(1) /* of a Unix listener whose backlog is full: no event tells */

#define HEAD_START BH_MS(250) /* RFC 8305: Connection Attempt Delay */

enum {
	RACE = 16 /* addresses that are tried */
};

static enum bh_io_kind kind_of(const struct bh_address *a, int type)
{
	if (type == SOCK_SEQPACKET)
		return BH_IO_MESSAGES;
	return a->ss.ss_family == AF_UNIX ? BH_IO_STREAM : BH_IO_TCP;
}

static int open_socket(const struct bh_address *a, int type, bh_io *out)
{
	enum bh_io_kind kind = kind_of(a, type);
	int one = 1, fd, err;

	bh_io_making(true);
	fd = bh_sys_socket(a->ss.ss_family, type);
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

/* -- one of several ------------------------------------------------------------------ */

struct race {
	const struct bh_addresses *list;
	size_t next;     /* to be tried */
	int64_t then_ns; /* not before */
	size_t n;        /* under way */
	bh_io io[RACE];
	struct bh_address a[RACE];
	int last; /* what the one that failed last said */
};

/* Forgets entry @i, which has failed: the next one need not wait. */
static void drop(struct race *r, size_t i, int err)
{
	bh_close(r->io[i]);
	r->n--;
	r->io[i] = r->io[r->n];
	r->a[i] = r->a[r->n];
	r->last = err;
	r->then_ns = 0;
}

/* How far entry @i is: 0; -EAGAIN: a wake-up is arranged; or an error. */
static int progress(struct race *r, size_t i)
{
	struct bh_cx cx = { .task = bh_rt.task };
	struct bh_ioslot *s;
	int err = bh_io_of(r->io[i], &s);

	while (!err && (err = attempt(s, &r->a[i])) == -EAGAIN)
		if ((err = bh_io_arrange(&cx, s, 1)) == -EAGAIN)
			break;
	return err;
}

/* The next address enters. */
static void enter(struct race *r)
{
	const char *address = r->list->address[r->next++];
	int type, err = bh_address_parse_typed(address, &r->a[r->n], &type);

	if (!err)
		err = open_socket(&r->a[r->n], type, &r->io[r->n]);
	if (err) {
		r->last = err;
		return;
	}
	r->n++;
	r->then_ns = bh_after(HEAD_START);
}

/* The entry that is connected; RACE: none yet. */
static size_t winner(struct race *r)
{
	for (size_t i = 0; i < r->n;) {
		int err = progress(r, i);

		if (!err)
			return i;
		if (err == -EAGAIN)
			i++;
		else
			drop(r, i, err);
	}
	return RACE;
}

/* Until an entry may have got further, or the next one's time has come. */
static int wait_in(struct race *r, bool more, int64_t deadline)
{
	int64_t until = more && r->then_ns < deadline ? r->then_ns : deadline;
	int err = bh_rt_suspend(BH_WAIT_SUSPEND, 0, until);

	return err == -BH_ETIMEDOUT && until < deadline && bh_now() >= until ? 0 : err;
}

static int run_race(struct race *r, bh_io *out, int64_t deadline)
{
	for (;;) {
		bool more = r->next < r->list->count && r->next < RACE;

		if (more && (!r->n || r->then_ns <= bh_now()))
			enter(r);
		size_t first = winner(r);
		if (first != RACE) {
			*out = r->io[first];
			r->io[first] = 0;
			return 0;
		}
		more = r->next < r->list->count && r->next < RACE;
		if (!r->n && !more)
			return r->last;
		if (!r->n || (more && r->then_ns <= bh_now()))
			continue;
		int err = wait_in(r, more, deadline);
		if (err)
			return err;
	}
}

int bh_connect_any(bh_io *out, const struct bh_addresses *list, int64_t deadline)
{
	struct race r = { .list = list, .last = -ENOENT };
	struct bh_ioslot *s;
	int err;

	if (!bh_fiber_self())
		return bh_rt_no_task(bh_rt.task ? -EDEADLK : -EPERM);
	err = bh_coop();
	if (!err)
		err = run_race(&r, out, deadline);
	for (size_t i = 0; i < r.n; i++)
		if (r.io[i])
			bh_close(r.io[i]);
	if (!err && !bh_io_of(*out, &s)) /* nobody waits for it now */
		bh_and(&s->ready[1], BH_IO_READY | BH_IO_CLOSED | BH_IO_URGENT);
	return err;
}

static int by_name(bh_io *out, const char *address, int64_t deadline)
{
	struct bh_addresses *list;
	int err = bh_resolve(address, &list, deadline);

	if (err)
		return err;
	err = bh_connect_any(out, list, deadline);
	bh_free(list);
	return err;
}

/* -- one ------------------------------------------------------------------------------- */

int bh_connect(bh_io *out, const char *address, int64_t deadline)
{
	struct bh_address a;
	struct bh_ioslot *s;
	bh_io io;
	int type;
	int err = bh_rt.task ? bh_address_parse_typed(address, &a, &type) : bh_rt_no_task(-EPERM);

	if (err == -EINVAL)
		return by_name(out, address, deadline);
	if (!err)
		err = bh_coop();
	if (!err)
		err = open_socket(&a, type, &io);
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
	int type, err = bh_address_parse_typed(address, &a, &type);

	if (!err)
		err = bh_coop_poll(cx);
	if (!err && !*io)
		err = open_socket(&a, type, io);
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
