/* SPDX-License-Identifier: MIT */
/*
 * next.h: the C library's functions behind those of the same name that the runtime
 * exports (opens.c, closes.c, reclocks.c). A module and its libraries find the runtime's
 * first; what the C library calls inside itself it does not look up.
 *
 * All are looked up before user code runs: a signal handler may call most of them.
 */
#ifndef BH_WORKERS_LIBC_NEXT_H
#define BH_WORKERS_LIBC_NEXT_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* For programs built with _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);

#define BH_NEXT(X)        \
	X(open)           \
	X(__open_2)       \
	X(openat)         \
	X(__openat_2)     \
	X(creat)          \
	X(socket)         \
	X(socketpair)     \
	X(accept)         \
	X(accept4)        \
	X(pipe)           \
	X(pipe2)          \
	X(dup)            \
	X(dup2)           \
	X(dup3)           \
	X(eventfd)        \
	X(epoll_create)   \
	X(epoll_create1)  \
	X(timerfd_create) \
	X(signalfd)       \
	X(memfd_create)   \
	X(inotify_init)   \
	X(inotify_init1)  \
	X(mkstemp)        \
	X(mkostemp)       \
	X(mkstemps)       \
	X(mkostemps)      \
	X(shm_open)       \
	X(fopen)          \
	X(freopen)        \
	X(tmpfile)        \
	X(opendir) X(close) X(close_range) X(closefrom) X(fclose) X(closedir) X(fcntl) X(lockf)

struct bh_next {
#define BH_NEXT_FIELD(name) __typeof__(name) *name;
	BH_NEXT(BH_NEXT_FIELD)
#undef BH_NEXT_FIELD
};

extern struct bh_next bh_next;

void bh_next_find(void);

/* Libraries' constructors come before bh_next_find(). */
#define NEXT(name) (bh_next.name ? bh_next.name : (bh_next_find(), bh_next.name))

#define BH_EXPORT __attribute__((visibility("default")))

#endif
