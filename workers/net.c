/* SPDX-License-Identifier: MIT */
/*
 * net.c: the calls of net.h. Each tries its system call first, and waits (io.c)
 * only when that says EAGAIN.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "workers/io.h"
#include "workers/run.h"

/* "HOST:PORT" or "[V6]:PORT", numeric. */
static int parse(const char *address, struct sockaddr_storage *ss, socklen_t *len)
{
	const char *colon = strrchr(address, ':');
	char host[72], *end;
	long port;

	if (!colon || colon == address || (size_t)(colon - address) >= sizeof(host))
		return -EINVAL;
	port = strtol(colon + 1, &end, 10);
	if (*end || end == colon + 1 || port < 0 || port > 65535)
		return -EINVAL;
	memset(ss, 0, sizeof(*ss));
	memcpy(host, address, (size_t)(colon - address));
	host[colon - address] = '\0';
	if (host[0] == '[') {
		struct sockaddr_in6 *a6 = (void *)ss;
		size_t n = strlen(host);

		if (host[n - 1] != ']')
			return -EINVAL;
		host[n - 1] = '\0';
		a6->sin6_family = AF_INET6;
		a6->sin6_port = htons((uint16_t)port);
		*len = sizeof(*a6);
		return inet_pton(AF_INET6, host + 1, &a6->sin6_addr) == 1 ? 0 : -EINVAL;
	}
	struct sockaddr_in *a4 = (void *)ss;
	a4->sin_family = AF_INET;
	a4->sin_port = htons((uint16_t)port);
	*len = sizeof(*a4);
	return inet_pton(AF_INET, host, &a4->sin_addr) == 1 ? 0 : -EINVAL;
}

/* A listener that the launcher opened: a number of its own for the same socket,
 * since one number can be registered only once. -ENOENT: it has none such. */
static int inherited(const char *address)
{
	const struct bh_plan_service *ps = bh_rt.plan_service;

	for (uint32_t i = 0; ps && i < ps->n_listen && i < BH_PLAN_LISTEN; i++)
		if (!address || !strcmp(address, ps->listen[i].address) ||
		    !strcmp(address, ps->listen[i].actual)) {
			int fd = fcntl(BH_LISTEN_FD + (int)i, F_DUPFD_CLOEXEC, BH_LISTEN_FD);
			return fd < 0 ? -errno : fd;
		}
	return -ENOENT;
}

/* Never taken back, as connections outlive their listener. Without room, sockets
 * lost at this port stay open. Commit: the CAS. */
void bh_port_note(uint32_t port)
{
	for (uint32_t i = 0; i < BH_PORTS; i++) {
		uint32_t free = 0;

		if (bh_ld_acq(&bh_rt.v.a->ports[i]) == port ||
		    bh_cas(&bh_rt.v.a->ports[i], &free, port) || free == port)
			return;
	}
}

static uint32_t port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len))
		return 0;
	if (ss.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&ss)->sin_port);
	return ss.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&ss)->sin6_port) : 0;
}

static int open_listener(const char *address)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int one = 1, err = parse(address, &ss, &len);

	if (err)
		return err;
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	err = bind(fd, (struct sockaddr *)&ss, len) ? -errno : 0;
	if (!err) {
		bh_port_note(port_of(fd)); /* before a connection can come in at it */
		err = listen(fd, SOMAXCONN) ? -errno : 0;
	}
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* From the moment a descriptor may exist until a slot names it, the journal says
 * so. */
static void accepting(uint32_t on)
{
	bh_compiler_barrier();
	bh_st_rlx(&bh_rt.me->journal.accepting, on);
	bh_compiler_barrier();
}

static int adopt(int fd, enum bh_io_kind kind, bh_io *out)
{
	int err = fd < 0 ? fd : bh_io_open(fd, kind, out);

	if (err && fd >= 0)
		close(fd);
	return err;
}

int bh_listen(bh_io *out, const char *address)
{
	int fd, err;

	if (!bh_rt.task)
		return -EPERM;
	accepting(1);
	fd = inherited(address);
	if (fd == -ENOENT && address)
		fd = open_listener(address);
	err = adopt(fd, BH_IO_LISTENER, out);
	accepting(0);
	return err;
}

static int accept_once(int listener, bh_io *out)
{
	int one = 1, fd, err;

	accepting(1);
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	else
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	err = adopt(fd, BH_IO_STREAM, out);
	accepting(0);
	return err;
}

/* Errors of a connection that was gone before it was accepted. */
static bool try_next(int err)
{
	return err == -ECONNABORTED || err == -EINTR || err == -EPROTO || err == -ENETDOWN ||
	       err == -EHOSTUNREACH || err == -ENETUNREACH;
}

int bh_io_accept(int listener, bh_io *out)
{
	int rc;

	do {
		rc = accept_once(listener, out);
	} while (try_next(rc));
	return rc;
}

int bh_accept(bh_io listener, bh_io *out, int64_t deadline)
{
	struct bh_ioslot *s;
	int err = bh_io_of(listener, &s);

	if (!err)
		err = bh_coop();
	while (!err) {
		if (bh_ld_acq(&bh_rt.v.a->run_state) == BH_RUN_STOPPING)
			return -BH_ESTOPPING;
		int rc = bh_io_accept(bh_ld_rlx(&s->fd), out);

		if (rc != -EAGAIN)
			return rc;
		err = bh_io_wait(listener, s, 0, true, deadline);
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
		ssize_t n = send(bh_ld_rlx(&s->fd), at, left, MSG_DONTWAIT | MSG_NOSIGNAL);

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

	if (!err)
		err = bh_coop();
	if (!err && bh_io_may(s, 0))
		n = bh_io_receive(s, &c, 1, MSG_PEEK);
	/* Data, the end, or an error: the read will tell. */
	while (!err && n == -EAGAIN) {
		err = bh_io_wait(io, s, 0, true, deadline);
		if (!err)
			n = bh_io_receive(s, &c, 1, MSG_PEEK);
	}
	return err;
}

int bh_port(bh_io io)
{
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	if (err)
		return err;
	uint32_t port = port_of(bh_ld_rlx(&s->fd));
	return port ? (int)port : -EINVAL;
}
