/* SPDX-License-Identifier: MIT */
/* listen.c: opening listeners. */
#include "workers/io/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/base/address.h"
#include "workers/base/rt.h"
#include "workers/io/io.h"
#include "workers/owned/files.h"
#include "workers/owned/ioslot.h"

/* A listener that the launcher opened: a number of its own for the same socket,
 * since one number can be registered only once. -ENOENT: it has none such. */
static int inherited(const char *address)
{
	const struct bh_plan_service *ps = bh_rt.plan_service;

	for (uint32_t i = 0; ps && i < ps->n_listen && i < BH_PLAN_LISTEN; i++)
		if (!address || !strcmp(address, ps->listen[i].address) ||
		    !strcmp(address, ps->listen[i].actual)) {
			int given = bh_listen_fd(&bh_rt.v.l);
			int fd = (int)syscall(SYS_fcntl, given + (int)i, F_DUPFD_CLOEXEC, given);

			bh_or(&bh_rt.v.a->listened, 1u << i);
			return fd < 0 ? -errno : fd;
		}
	return -ENOENT;
}

/* All that the launcher opened: a number that is ready when one of them is. The descriptors
 * in it are the service's, and stay open. -ENOENT: there is but one, or none. */
static int inherited_all(void)
{
	const struct bh_plan_service *ps = bh_rt.plan_service;
	uint32_t n = ps ? ps->n_listen : 0;

	if (n < 2)
		return -ENOENT;
	int all = epoll_create1(EPOLL_CLOEXEC);

	bh_or(&bh_rt.v.a->listened, (1u << n) - 1);
	for (uint32_t i = 0; all >= 0 && i < n && i < BH_PLAN_LISTEN; i++) {
		struct epoll_event ev = { .events = EPOLLIN };

		if (epoll_ctl(all, EPOLL_CTL_ADD, bh_listen_fd(&bh_rt.v.l) + (int)i, &ev)) {
			int err = -errno;

			close(all);
			return err;
		}
	}
	return all < 0 ? -errno : all;
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

static int open_listener(const char *address)
{
	struct bh_address a;
	int one = 1, type, err = bh_address_parse_typed(address, &a, &type);

	if (err)
		return err;
	int fd = bh_sys_socket(a.ss.ss_family, type);
	if (fd < 0)
		return -errno;
	if (a.ss.ss_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	err = bh_address_bind(fd, &a);
	if (!err) {
		bh_port_note(bh_address_key_of(fd)); /* before one can come in at it */
		err = listen(fd, SOMAXCONN) ? -errno : 0;
	}
	if (err) {
		bh_sys_close(fd);
		return err;
	}
	return fd;
}

int bh_listen(bh_io *out, const char *address)
{
	int fd, err;

	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	fd = address ? -ENOENT : inherited_all();
	if (fd != -ENOENT)
		return bh_io_keep(fd, BH_IO_LISTENERS, out);
	bh_io_making(true);
	fd = inherited(address);
	if (fd == -ENOENT && address)
		fd = open_listener(address);
	err = bh_io_keep(fd, BH_IO_LISTENER, out);
	bh_io_making(false);
	return err;
}

int bh_local_port(bh_io io)
{
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	if (err)
		return err;
	uint32_t port = bh_address_key_of(bh_ld_rlx(&s->fd));
	return port && port < 65536 ? (int)port : -EINVAL;
}
