/* SPDX-License-Identifier: MIT */
/*
 * opens.c: what opens descriptors, in place of the C library's (next.h), so that it is
 * known who did.
 *
 * Not seen: what comes by SCM_RIGHTS, from libraries that make their system calls
 * themselves, and what the C library opens for its own use. That stays open when its
 * opener dies.
 */
#undef _FORTIFY_SOURCE
#include <stdarg.h>

#include "workers/libc/next.h"
#include "workers/owned/files.h"

/* What has an int, or nothing, after its named arguments. */
#define MODE(flags, last)                                                  \
	({                                                                 \
		va_list ap;                                                \
		mode_t m = 0;                                              \
		if ((flags)&O_CREAT || ((flags)&O_TMPFILE) == O_TMPFILE) { \
			va_start(ap, last);                                \
			m = va_arg(ap, mode_t);                            \
			va_end(ap);                                        \
		}                                                          \
		m;                                                         \
	})

#define ALIAS(name) __attribute__((alias(#name), visibility("default")))

BH_EXPORT int open(const char *path, int flags, ...)
{
	return bh_file_opened(NEXT(open)(path, flags, MODE(flags, flags)));
}

BH_EXPORT int openat(int dir, const char *path, int flags, ...)
{
	return bh_file_opened(NEXT(openat)(dir, path, flags, MODE(flags, flags)));
}

BH_EXPORT int __open_2(const char *path, int flags)
{
	return bh_file_opened(NEXT(__open_2)(path, flags));
}

BH_EXPORT int __openat_2(int dir, const char *path, int flags)
{
	return bh_file_opened(NEXT(__openat_2)(dir, path, flags));
}

BH_EXPORT int creat(const char *path, mode_t mode)
{
	return bh_file_opened(NEXT(creat)(path, mode));
}

BH_EXPORT int socket(int domain, int type, int protocol)
{
	return bh_file_opened(NEXT(socket)(domain, type, protocol));
}

static int two(int rc, int fd[2])
{
	if (rc)
		return rc;
	fd[0] = bh_file_opened(fd[0]);
	fd[1] = bh_file_opened(fd[1]);
	return 0;
}

BH_EXPORT int socketpair(int domain, int type, int protocol, int fd[2])
{
	return two(NEXT(socketpair)(domain, type, protocol, fd), fd);
}

BH_EXPORT int pipe(int fd[2])
{
	return two(NEXT(pipe)(fd), fd);
}

BH_EXPORT int pipe2(int fd[2], int flags)
{
	return two(NEXT(pipe2)(fd, flags), fd);
}

BH_EXPORT int accept(int fd, struct sockaddr *address, socklen_t *len)
{
	return bh_file_opened(NEXT(accept)(fd, address, len));
}

BH_EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	return bh_file_opened(NEXT(accept4)(fd, address, len, flags));
}

BH_EXPORT int dup(int fd)
{
	return bh_file_opened(NEXT(dup)(fd));
}

BH_EXPORT int eventfd(unsigned int value, int flags)
{
	return bh_file_opened(NEXT(eventfd)(value, flags));
}

BH_EXPORT int epoll_create(int size)
{
	return bh_file_opened(NEXT(epoll_create)(size));
}

BH_EXPORT int epoll_create1(int flags)
{
	return bh_file_opened(NEXT(epoll_create1)(flags));
}

BH_EXPORT int timerfd_create(clockid_t clock, int flags)
{
	return bh_file_opened(NEXT(timerfd_create)(clock, flags));
}

BH_EXPORT int signalfd(int fd, const sigset_t *mask, int flags)
{
	int got = NEXT(signalfd)(fd, mask, flags);

	return got == fd ? got : bh_file_opened(got);
}

BH_EXPORT int memfd_create(const char *name, unsigned int flags)
{
	return bh_file_opened(NEXT(memfd_create)(name, flags));
}

BH_EXPORT int inotify_init(void)
{
	return bh_file_opened(NEXT(inotify_init)());
}

BH_EXPORT int inotify_init1(int flags)
{
	return bh_file_opened(NEXT(inotify_init1)(flags));
}

BH_EXPORT int mkstemp(char *path)
{
	return bh_file_opened(NEXT(mkstemp)(path));
}

BH_EXPORT int mkostemp(char *path, int flags)
{
	return bh_file_opened(NEXT(mkostemp)(path, flags));
}

BH_EXPORT int mkstemps(char *path, int tail)
{
	return bh_file_opened(NEXT(mkstemps)(path, tail));
}

BH_EXPORT int mkostemps(char *path, int tail, int flags)
{
	return bh_file_opened(NEXT(mkostemps)(path, tail, flags));
}

BH_EXPORT int shm_open(const char *name, int flags, mode_t mode)
{
	return bh_file_opened(NEXT(shm_open)(name, flags, mode));
}

/* -- streams: the number is the C library's to choose ------------------------------- */

static FILE *opened_stream(FILE *f)
{
	int fd = f && bh_files_here() ? fileno(f) : -1;

	if (fd > STDERR_FILENO)
		bh_file_opened(fd);
	return f;
}

BH_EXPORT FILE *fopen(const char *path, const char *mode)
{
	return opened_stream(NEXT(fopen)(path, mode));
}

BH_EXPORT FILE *freopen(const char *path, const char *mode, FILE *f)
{
	return opened_stream(NEXT(freopen)(path, mode, f));
}

BH_EXPORT FILE *tmpfile(void)
{
	return opened_stream(NEXT(tmpfile)());
}

BH_EXPORT DIR *opendir(const char *path)
{
	DIR *d = NEXT(opendir)(path);

	if (d)
		bh_file_opened(dirfd(d));
	return d;
}

/* -- the names of large files, which are the same here --------------------------------- */

_Static_assert(sizeof(off_t) == sizeof(off64_t), "64-bit systems alone");

ALIAS(open) int open64(const char *path, int flags, ...);
ALIAS(openat) int openat64(int dir, const char *path, int flags, ...);
int __open64_2(const char *path, int flags);
ALIAS(__open_2) int __open64_2(const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);
ALIAS(__openat_2) int __openat64_2(int dir, const char *path, int flags);
ALIAS(creat) int creat64(const char *path, mode_t mode);
ALIAS(mkstemp) int mkstemp64(char *path);
ALIAS(mkostemp) int mkostemp64(char *path, int flags);
ALIAS(mkstemps) int mkstemps64(char *path, int tail);
ALIAS(mkostemps) int mkostemps64(char *path, int tail, int flags);
ALIAS(fopen) FILE *fopen64(const char *path, const char *mode);
ALIAS(freopen) FILE *freopen64(const char *path, const char *mode, FILE *f);
ALIAS(tmpfile) FILE *tmpfile64(void);
