/* SPDX-License-Identifier: MIT */
/* sockopt.c: addresses and options of sockets. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ipc/base/address.h"
#include "workers/io/io.h"
#include "workers/owned/ioslot.h"

/* Unix addresses of both types look alike: the socket tells. */
static int text_of(const struct bh_address *a, int fd, char *text, size_t size)
{
	static const char seqpacket[] = "seqpacket:";
	size_t skip = strlen("unix:");
	char full[BH_ADDRESS_MAX];
	int type = 0, len;
	socklen_t type_n = sizeof(type);

	if (a->ss.ss_family != AF_UNIX || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_n) ||
	    type != SOCK_SEQPACKET)
		return bh_address_text(a, text, size);
	len = bh_address_text(a, full, sizeof(full));
	if (len < 0)
		return len;
	len = snprintf(text, size, "%s%s", seqpacket, full + skip);
	return (size_t)len < size ? len : -ENOSPC;
}

int bh_local_address(bh_io io, char *text, size_t size)
{
	struct bh_address a;
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	if (!err)
		err = bh_address_of(bh_ld_rlx(&s->fd), &a);
	return err ? err : text_of(&a, bh_ld_rlx(&s->fd), text, size);
}

int bh_peer_address(bh_io io, char *text, size_t size)
{
	struct bh_address a = { .len = sizeof(a.ss) };
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	if (!err && getpeername(bh_ld_rlx(&s->fd), (struct sockaddr *)&a.ss, &a.len))
		err = -errno;
	return err ? err : text_of(&a, bh_ld_rlx(&s->fd), text, size);
}

static int set(int fd, int level, int name, const void *value, socklen_t size)
{
	return setsockopt(fd, level, name, value, size) ? -errno : 0;
}

static int set_int(int fd, int level, int name, int value)
{
	return set(fd, level, name, &value, sizeof(value));
}

static int set_keepalive(int fd, int seconds)
{
	int err = 0;

	if (seconds)
		err = set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
	return err ? err : set_int(fd, SOL_SOCKET, SO_KEEPALIVE, seconds != 0);
}

/* A linger time would make close() wait, and with it every task of the worker: so it
 * is none, or the reset. */
static int set_reset(int fd, int on)
{
	struct linger l = { .l_onoff = on, .l_linger = 0 };

	return set(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

int bh_io_set_option(bh_io io, enum bh_io_option option, int value)
{
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	if (err)
		return err;
	int fd = bh_ld_rlx(&s->fd);
	if (value < 0)
		return -EINVAL;
	switch (option) {
	case BH_OPT_NODELAY:
		return set_int(fd, IPPROTO_TCP, TCP_NODELAY, value != 0);
	case BH_OPT_KEEPALIVE:
		return set_keepalive(fd, value);
	case BH_OPT_SEND_BUFFER:
		return set_int(fd, SOL_SOCKET, SO_SNDBUF, value);
	case BH_OPT_RECEIVE_BUFFER:
		return set_int(fd, SOL_SOCKET, SO_RCVBUF, value);
	case BH_OPT_RESET:
		return set_reset(fd, value != 0);
	case BH_OPT_BROADCAST:
		return set_int(fd, SOL_SOCKET, SO_BROADCAST, value != 0);
	case BH_OPT_GRO:
		return set_int(fd, SOL_UDP, UDP_GRO, value != 0);
	default:
		return -EINVAL;
	}
}
