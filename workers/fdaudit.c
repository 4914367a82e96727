/* SPDX-License-Identifier: MIT */
/*
 * fdaudit.c: finding sockets that a dead worker accepted and never wrote down.
 *
 * A socket whose local address a listener serves, that is no listener itself, can
 * only come from accept. If no I/O slot names its number it is either lost, or a
 * live worker is just between accept4() and the slot: then that worker's journal
 * says `accepting`. So candidates are collected, every live worker is waited for
 * until it was seen outside of an accept once (its heartbeat moves on or the flag
 * is down), and what is still the same socket and still unnamed is closed.
 */
#include "workers/fdaudit.h"

#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "workers/rt.h"

enum {
	MAX_LOST = 64,
	MAX_FD = 1 << 20, /* as many as the system lets a process have by default */
	PATIENCE_MS = 250
};

struct lost {
	int fd;
	uint64_t ino;
};

/* Sets the bit of each descriptor that a slot in use names. One pass for all:
 * workers wait to be forked meanwhile. */
static void mark_named(uint64_t *bits)
{
	uint32_t n = bh_ld_acq(&bh_rt.v.io_pool.pool->mark);

	memset(bits, 0, MAX_FD / 8);
	for (uint32_t i = 1; i < n && i < bh_rt.v.l.ios; i++) {
		int fd = bh_ld_acq(&bh_rt.v.ios[i].fd);

		if (bh_ld_acq(&bh_rt.v.ios[i].owner) && fd >= 0 && fd < MAX_FD)
			bits[fd / 64] |= 1ull << (fd % 64);
	}
}

static bool is_named(const uint64_t *bits, int fd)
{
	return fd >= MAX_FD || bits[fd / 64] >> (fd % 64) & 1;
}

/* True if a connection to local address @a may have come in at listener @l. */
static bool came_in_at(const struct sockaddr_storage *a, const struct sockaddr_storage *l)
{
	const struct sockaddr_in *a4 = (const void *)a, *l4 = (const void *)l;
	const struct sockaddr_in6 *a6 = (const void *)a, *l6 = (const void *)l;

	if (a->ss_family != l->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == l4->sin_port && (l4->sin_addr.s_addr == INADDR_ANY ||
							l4->sin_addr.s_addr == a4->sin_addr.s_addr);
	return a->ss_family == AF_INET6 && a6->sin6_port == l6->sin6_port &&
	       (IN6_IS_ADDR_UNSPECIFIED(&l6->sin6_addr) ||
		IN6_ARE_ADDR_EQUAL(&l6->sin6_addr, &a6->sin6_addr));
}

static bool is_accepted(int fd)
{
	struct sockaddr_storage mine, listener;
	socklen_t n = sizeof(mine), one = sizeof(int);
	int listening = 0;

	if (getsockname(fd, (struct sockaddr *)&mine, &n) ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &one) || listening)
		return false;
	for (uint32_t i = 0; i < bh_rt.plan_service->n_listen && i < BH_PLAN_LISTEN; i++) {
		socklen_t m = sizeof(listener);

		if (getsockname(BH_LISTEN_FD + (int)i, (struct sockaddr *)&listener, &m) == 0 &&
		    came_in_at(&mine, &listener))
			return true;
	}
	return false;
}

static uint64_t inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : (uint64_t)st.st_ino;
}

static uint32_t collect(struct lost *lost, const uint64_t *named)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	uint32_t n = 0;

	while (d && n < MAX_LOST && (e = readdir(d))) {
		int fd = atoi(e->d_name);

		if (fd > BH_DOORBELL_FD && !is_named(named, fd) && is_accepted(fd))
			lost[n++] = (struct lost){ .fd = fd, .ino = inode(fd) };
	}
	if (d)
		closedir(d);
	return n;
}

/* Waits until worker @w was outside of an accept at some moment after the call,
 * or cannot be in one. False: it is stuck in there; try again another time. */
static bool passed(const struct bh_worker *w)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	uint64_t beat = bh_ld_acq(&w->heartbeat);

	for (int i = 0; i < PATIENCE_MS; i++) {
		if ((bh_ld_acq(&w->word) & 0xffff) != BH_WORKER_UP ||
		    !bh_ld_acq(&w->journal.accepting) || bh_ld_acq(&w->heartbeat) != beat)
			return true;
		nanosleep(&ms, NULL);
	}
	return false;
}

static bool all_passed(void)
{
	for (uint32_t i = 0; i < bh_rt.v.l.workers; i++)
		if (!passed(&bh_rt.v.workers[i]))
			return false;
	return true;
}

void bh_fd_audit(void)
{
	uint64_t *named = malloc(MAX_FD / 8);
	struct lost lost[MAX_LOST];
	uint32_t n;

	if (!named)
		return;
	mark_named(named);
	n = collect(lost, named);
	if (n && all_passed()) {
		mark_named(named);
		for (uint32_t i = 0; i < n; i++)
			if (inode(lost[i].fd) == lost[i].ino && !is_named(named, lost[i].fd))
				close(lost[i].fd);
	}
	free(named);
}

/* True if @fd is a zygote's end of a control socket whose other end is closed: the
 * kernel does that for the dead, and guardian and kernel share their descriptors,
 * so a kernel's death does not. */
static bool is_stale_control(int fd)
{
	struct pollfd p = { .fd = fd };
	int domain = 0, type = 0;
	socklen_t n = sizeof(int), m = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 && domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &m) == 0 && type == SOCK_SEQPACKET &&
	       poll(&p, 1, 0) == 1 && (p.revents & POLLHUP);
}

/* The first zygote's own stays: no connection may ever get one of the low numbers. */
void bh_fd_close_stale(int own)
{
	uint64_t *named = malloc(MAX_FD / 8);
	DIR *d = named ? opendir("/proc/self/fd") : NULL;
	struct dirent *e;

	if (d)
		mark_named(named);
	while (d && (e = readdir(d))) {
		int fd = atoi(e->d_name);

		if (fd > BH_DOORBELL_FD && fd != own && !is_named(named, fd) &&
		    is_stale_control(fd))
			close(fd);
	}
	if (d)
		closedir(d);
	free(named);
}
