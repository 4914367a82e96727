/* SPDX-License-Identifier: MIT */
/*
 * open.c: sockets for datagrams. As of a stream (workers/io/connect.c), the socket is in its
 * slot before it has an address or a peer; one whose worker died before that is found by its
 * having neither.
 */
#include <errno.h>
#include <string.h>

#include <bulkhead/datagram.h>

#include "ipc/base/address.h"
#include "workers/base/rt.h"
#include "workers/owned/files.h"
#include "workers/owned/ioslot.h"

static int open_socket(int family, bh_io *out)
{
	int fd, err;

	bh_io_making(true);
	fd = bh_sys_socket(family, SOCK_DGRAM);
	if (fd < 0)
		fd = -errno;
	err = bh_io_keep(fd, family == AF_UNIX ? BH_IO_MESSAGES : BH_IO_UDP, out);
	bh_io_making(false);
	return err;
}

/* A Unix socket without a name gets no answers: Linux chooses one that is free. */
static int name(int fd, const struct bh_address *local)
{
	struct bh_address any = { .ss.ss_family = AF_UNIX, .len = sizeof(sa_family_t) };

	if (local->len)
		return bh_address_bind(fd, local);
	return local->ss.ss_family == AF_UNIX ? bh_address_bind(fd, &any) : 0;
}

static int set_peer(int fd, const struct bh_address *peer)
{
	return connect(fd, (const struct sockaddr *)&peer->ss, peer->len) ? -errno : 0;
}

/* Their addresses; of one that is not there, the family alone. */
static int parse(const char *local, const char *peer, struct bh_address a[2])
{
	const char *text[2] = { local, peer };
	int err = local || peer ? 0 : -EINVAL;

	memset(a, 0, 2 * sizeof(*a));
	for (int i = 0; i < 2 && !err; i++)
		if (text[i])
			err = bh_address_parse(text[i], &a[i]);
	for (int i = 0; i < 2 && !err; i++)
		if (!text[i])
			a[i].ss.ss_family = a[!i].ss.ss_family;
	return err || a[0].ss.ss_family == a[1].ss.ss_family ? err : -EINVAL;
}

int bh_open_datagram(bh_io *out, const char *local, const char *peer)
{
	struct bh_address a[2];
	struct bh_ioslot *s;
	bh_io io = 0;
	int err = bh_rt.task ? parse(local, peer, a) : bh_rt_no_task(-EPERM);

	if (!err)
		err = open_socket(a[0].ss.ss_family, &io);
	if (!err)
		err = bh_io_of(io, &s);
	if (!err)
		err = name(bh_ld_rlx(&s->fd), &a[0]);
	if (!err && peer)
		err = set_peer(bh_ld_rlx(&s->fd), &a[1]);
	if (!err)
		*out = io;
	else if (io)
		bh_close(io);
	return err;
}

int bh_set_peer(bh_io io, const char *peer)
{
	struct bh_address a = { .ss.ss_family = AF_UNSPEC, .len = sizeof(a.ss) };
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	if (!err && !bh_io_is_bounded(s->kind))
		err = -EOPNOTSUPP;
	if (!err && peer)
		err = bh_address_parse(peer, &a);
	return err ? err : set_peer(bh_ld_rlx(&s->fd), &a);
}
