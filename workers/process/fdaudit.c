/* SPDX-License-Identifier: MIT */
/*
 * fdaudit.c: finding descriptors that a dead worker or zygote made and never wrote
 * down.
 *
 * Two kinds of sockets are such candidates if no I/O slot names their number:
 *
 *   at a listener's port (or Unix name) of this service: they come from accept, or
 *   are such a listener. Lost, or a live worker is just between accept4() and the
 *   slot: then that worker's journal says `accepting`;
 *
 *   virgin, without an address and a peer, of the kinds that bh_connect() and
 *   bh_open_datagram() make. Lost,
 *   or as above, or a task's own, of which nobody here knows: then it is about to
 *   connect or adopt it (net.h asks that of it), and done with that when its poll
 *   is over.
 *
 * So candidates are collected, every live worker is waited for until it was seen
 * outside of an accept (with virgins: of a poll) once, and what is still the same
 * socket, still unnamed and still a candidate is closed.
 */
#include "workers/process/fdaudit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ipc/base/address.h"
#include "ipc/protocol/files.h"
#include "ipc/system/control.h"
#include "workers/base/rt.h"
#include "workers/owned/files.h"

enum {
	MAX_LOST = 64,
	MAX_FD = 1 << 20, /* as many as the system lets a process have by default */
	WALK = 1024,      /* descriptors looked at in one call */
	PATIENCE_MS = 10, /* workers wait to be forked meanwhile */
};

struct lost {
	int fd;
	uint64_t ino;
};

/* What the I/O slots, the plan and the workers know. */
struct known {
	uint64_t named[MAX_FD / 64];              /* a bit for each descriptor that a slot in
						       use names */
	uint32_t n_keys;                          /* of addresses (address.h) that */
	uint32_t keys[BH_PORTS + BH_PLAN_LISTEN]; /* listeners were opened at */
};

/* -- the table ------------------------------------------------------------------- */

/* Calls @visit for each descriptor beyond those that are given. poll() tells which
 * numbers are open; listing /proc would take a descriptor. */
static void each_fd(void (*visit)(void *ctx, int fd), void *ctx)
{
	struct pollfd p[WALK];
	struct rlimit limit;
	int end = MAX_FD;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < MAX_FD)
		end = (int)limit.rlim_cur;
	for (int at = bh_listen_fd(&bh_rt.v.l), n; at < end; at += n) {
		n = end - at < WALK ? end - at : WALK;
		for (int i = 0; i < n; i++)
			p[i] = (struct pollfd){ .fd = at + i };
		if (poll(p, (nfds_t)n, 0) < 0)
			continue;
		for (int i = 0; i < n; i++)
			if (!(p[i].revents & POLLNVAL))
				visit(ctx, at + i);
	}
}

static uint64_t inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : (uint64_t)st.st_ino;
}

static int socket_option(int fd, int name)
{
	int value = -1;
	socklen_t n = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &n) ? -1 : value;
}

/* -- lost sockets ------------------------------------------------------------------ */

static void add_key(struct known *k, uint32_t key)
{
	if (key)
		k->keys[k->n_keys++] = key;
}

/* One pass over the slots for all of it. */
static void look_up(struct known *k)
{
	uint32_t n = bh_ld_acq(&bh_rt.v.io_pool.pool->mark);

	memset(k, 0, sizeof(*k));
	for (uint32_t i = 0; i < bh_rt.plan_service->n_listen && i < BH_PLAN_LISTEN; i++)
		add_key(k, bh_address_key_of(bh_listen_fd(&bh_rt.v.l) + (int)i));
	for (uint32_t i = 0; i < BH_PORTS; i++)
		add_key(k, bh_ld_acq(&bh_rt.v.a->ports[i]));
	for (uint32_t i = 1; i < n && i < bh_rt.v.l.ios; i++) {
		const struct bh_ioslot *s = &bh_rt.v.ios[i];
		int fd = bh_ld_acq(&s->fd);

		if (bh_ld_acq(&s->owner) && fd >= 0 && fd < MAX_FD)
			k->named[fd / 64] |= 1ull << (fd % 64);
	}
}

static bool is_named(const struct known *k, int fd)
{
	if ((uint32_t)fd < bh_rt.v.l.files && bh_ld_acq(&bh_rt.v.files[fd].by))
		return true; /* by the task or process that opened it */
	return fd >= MAX_FD || k->named[fd / 64] >> (fd % 64) & 1;
}

/* True if @fd can only come from a listener of this service, or is one. */
static bool is_ours(const struct known *k, int fd)
{
	uint32_t key = bh_address_key_of(fd);

	for (uint32_t i = 0; key && i < k->n_keys; i++)
		if (k->keys[i] == key)
			return socket_option(fd, SO_TYPE) != SOCK_DGRAM;
	return false;
}

/* True if @fd may have been made by bh_connect() or bh_open_datagram(), or by bh_listen() as
 * a probe, and not been used since. */
static bool is_virgin(int fd)
{
	int domain = socket_option(fd, SO_DOMAIN), type = socket_option(fd, SO_TYPE);
	struct bh_address peer = { .len = sizeof(peer.ss) };

	if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX)
		return false;
	if (type != SOCK_STREAM && type != SOCK_DGRAM &&
	    (type != SOCK_SEQPACKET || domain != AF_UNIX))
		return false;
	return fcntl(fd, F_GETFL) & O_NONBLOCK && fcntl(fd, F_GETFD) & FD_CLOEXEC &&
	       !bh_address_key_of(fd) && getpeername(fd, (struct sockaddr *)&peer.ss, &peer.len) &&
	       errno == ENOTCONN;
}

struct search {
	struct known known;
	bool virgins; /* among the lost */
	uint32_t n;
	struct lost lost[MAX_LOST];
};

static bool is_candidate(const struct search *s, int fd)
{
	return fd >= bh_listen_fd(&bh_rt.v.l) + (int)bh_rt.plan_service->n_listen &&
	       !is_named(&s->known, fd) && (is_ours(&s->known, fd) || is_virgin(fd));
}

static void collect(void *ctx, int fd)
{
	struct search *s = ctx;

	if (s->n == MAX_LOST || !is_candidate(s, fd))
		return;
	s->virgins |= is_virgin(fd);
	s->lost[s->n++] = (struct lost){ .fd = fd, .ino = inode(fd) };
}

/* True if worker @w is in no accept; with @polls, runs no task either. */
static bool is_outside(const struct bh_slot *w, bool polls)
{
	return !bh_slot_is_up(bh_ld_acq(&w->word)) ||
	       !(bh_ld_acq(&w->journal.accepting) || (polls && bh_ld_acq(&w->current)));
}

/* Waits until worker @w was outside at some moment after the call. False: it is stuck
 * in there; try again another time. */
static bool passed(const struct bh_slot *w, bool polls)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	uint64_t beat = bh_ld_acq(&w->heartbeat);

	for (int i = 0; i < PATIENCE_MS; i++) {
		if (is_outside(w, polls) || bh_ld_acq(&w->heartbeat) != beat)
			return true;
		nanosleep(&ms, NULL);
	}
	return false;
}

static bool all_passed(bool polls)
{
	for (uint32_t i = 0; i < BH_SLOTS; i = bh_slot_after(&bh_rt.v, i))
		if (!passed(&bh_rt.v.workers[i], polls))
			return false;
	return true;
}

bool bh_fd_audit(void)
{
	struct search *s = malloc(sizeof(*s));
	bool sure = true;

	if (!s)
		return false;
	s->n = 0;
	s->virgins = false;
	look_up(&s->known);
	each_fd(collect, s);
	if (s->n && (sure = all_passed(s->virgins))) {
		look_up(&s->known);
		for (uint32_t i = 0; i < s->n; i++)
			if (inode(s->lost[i].fd) == s->lost[i].ino &&
			    is_candidate(s, s->lost[i].fd))
				bh_sys_close(s->lost[i].fd);
	}
	free(s);
	return sure;
}

/* -- files of the dead ----------------------------------------------------------------- */

/* What the kernel found to be nobody's any more. Killed after the close, the successor
 * finds another file at the number, or none. */
static void close_lost(int fd)
{
	struct bh_file *f = &bh_rt.v.files[fd];
	struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
	uint64_t lost = BH_FILE_LOST;
	struct stat st;

	/* A dead worker was just given it: from here on it is recognised. */
	if (!bh_ld_rlx(&f->ino) && fstat(fd, &st) == 0) {
		bh_st_rlx(&f->dev, (uint32_t)st.st_dev);
		bh_st_rel(&f->ino, st.st_ino);
	}
	if (fd >= bh_files_first() && !bh_file_io(&bh_rt.v, fd) && fstat(fd, &st) == 0 &&
	    st.st_ino == bh_ld_rlx(&f->ino) && (uint32_t)st.st_dev == bh_ld_rlx(&f->dev) &&
	    bh_ld_acq(&f->by) == BH_FILE_LOST) {
		/* A process that the dead one executed may have the file open, too, and is
		 * no more an owner of its locks than after a plain fork(). */
		if (S_ISREG(st.st_mode))
			fcntl(fd, F_OFD_SETLK, &all);
		bh_sys_close(fd);
		bh_count(&bh_rt.v.a->files.closed, 1);
	}
	bh_cas(&f->by, &lost, 0);
}

void bh_fd_close_lost(void)
{
	uint32_t end = bh_ld_acq(&bh_rt.v.a->files.mark);

	for (uint32_t i = 0; i < end && i < bh_rt.v.l.files; i++)
		if (bh_ld_acq(&bh_rt.v.files[i].by) == BH_FILE_LOST)
			close_lost((int)i);
}

/* -- control sockets ------------------------------------------------------------------ */

/* The other end is closed: the kernel does that for the dead, and guardian and
 * kernel share their descriptors, so a kernel's death does not. The twin's, which
 * may live, is not looked at. */
static void close_stale(void *own, int fd)
{
	struct pollfd p = { .fd = fd };

	if (fd != *(int *)own && fd != bh_ld_rlx(&bh_rt.v.a->clones.twin_ctl) &&
	    bh_file_is_control(fd) && poll(&p, 1, 0) == 1 && (p.revents & POLLHUP))
		bh_sys_close(fd);
}

/* The first zygote's own stays: no connection may ever get one of the low numbers. */
void bh_fd_close_stale(int own)
{
	each_fd(close_stale, &own);
}

/* -- pidfds ------------------------------------------------------------------------------ */

bool bh_fd_is_pidfd(int fd)
{
	char path[32], link[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t n = fd >= bh_listen_fd(&bh_rt.v.l) ? readlink(path, link, sizeof(link) - 1) : 0;
	link[n > 0 ? n : 0] = '\0';
	return !strcmp(link, "anon_inode:[pidfd]");
}

void bh_fd_drop_pidfd(_Atomic int32_t *word)
{
	int fd = bh_ld_rlx(word);

	if (bh_fd_is_pidfd(fd))
		bh_sys_close(fd);
	bh_st_rlx(word, 0);
}
