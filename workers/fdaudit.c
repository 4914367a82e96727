/* SPDX-License-Identifier: MIT */
/*
 * fdaudit.c: finding sockets that a dead worker accepted and never wrote down.
 *
 * A socket whose local address is a listener's, that is no listener itself, can
 * only come from accept. If no I/O slot names its number it is either lost, or a
 * live worker is just between accept4() and the slot: then that worker's journal
 * says `accepting`. So candidates are collected, every live worker is waited for
 * until it was seen outside of an accept once (its heartbeat moves on or the flag
 * is down), and what is still the same socket and still unnamed is closed.
 */
#include "workers/fdaudit.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "workers/rt.h"

enum {
	MAX_LOST = 64,
	PATIENCE_MS = 20
};

struct lost {
	int fd;
	uint64_t ino;
};

static bool named(int fd)
{
	uint32_t n = bh_ld_acq(&bh_rt.v.io_pool.pool->mark);

	for (uint32_t i = 1; i < n && i < bh_rt.v.l.ios; i++)
		if (bh_ld_acq(&bh_rt.v.ios[i].owner) && bh_ld_acq(&bh_rt.v.ios[i].fd) == fd)
			return true;
	return false;
}

static bool is_accepted(int fd)
{
	struct sockaddr_storage mine, listener;
	socklen_t n = sizeof(mine), one = sizeof(int);
	int listening = 0;

	memset(&mine, 0, sizeof(mine));
	if (getsockname(fd, (struct sockaddr *)&mine, &n) ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &one) || listening)
		return false;
	for (uint32_t i = 0; i < bh_rt.plan_service->n_listen && i < BH_PLAN_LISTEN; i++) {
		socklen_t m = sizeof(listener);

		memset(&listener, 0, sizeof(listener));
		if (getsockname(BH_LISTEN_FD + (int)i, (struct sockaddr *)&listener, &m) == 0 &&
		    m == n && !memcmp(&mine, &listener, n))
			return true;
	}
	return false;
}

static uint64_t inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : (uint64_t)st.st_ino;
}

static uint32_t collect(struct lost *lost)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	uint32_t n = 0;

	while (d && n < MAX_LOST && (e = readdir(d))) {
		int fd = atoi(e->d_name);

		if (fd > BH_DOORBELL_FD && fd != dirfd(d) && is_accepted(fd) && !named(fd))
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

void bh_fd_audit(void)
{
	struct lost lost[MAX_LOST];
	uint32_t n = collect(lost);

	if (!n)
		return;
	for (uint32_t i = 0; i < bh_rt.v.l.workers; i++)
		if (!passed(&bh_rt.v.workers[i]))
			return;
	for (uint32_t i = 0; i < n; i++)
		if (inode(lost[i].fd) == lost[i].ino && !named(lost[i].fd))
			close(lost[i].fd);
}
