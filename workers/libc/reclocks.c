/* SPDX-License-Identifier: MIT */
/*
 * reclocks.c: record locks (fcntl, lockf), in place of the C library's (next.h).
 *
 * Linux gives such a lock to the table of descriptors, which is one for all processes of
 * a service: any two of them would get the same exclusive lock. So here the owner is an
 * open file description (F_OFD_SETLK), one that
 *
 *   a task that can move to another worker   named itself: the lock goes with the
 *                                            descriptor, and excludes all others
 *   a job, a pinned task, or none            does not know of: one for each file that its
 *                                            process has locked. All in that process are
 *                                            one owner, as POSIX has it
 *
 * Programs count on the second (SQLite takes a lock by one descriptor and gives it back by
 * another). It has its price, by POSIX as well: when one of them closes any descriptor of
 * a file, their locks on that file are gone.
 *
 * Crash. That description is known as opened by the process (files.c), so it is closed when
 * the process is dead, and the locks with it.
 */
#undef _FORTIFY_SOURCE
#include "workers/libc/reclocks.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "workers/base/rt.h"
#include "workers/libc/next.h"
#include "workers/owned/files.h"

enum {
	HOMES = 256 /* files that one process has locked; beyond that, by its descriptors */
};

/* A file that this process has locked, and the description that holds the locks. */
struct home {
	dev_t dev;
	ino_t ino;
	int fd;
};

static struct home homes[HOMES];
static _Atomic uint32_t n_homes;
static atomic_flag busy = ATOMIC_FLAG_INIT; /* threads of user code may come at once */

static void enter(void)
{
	while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire))
		sched_yield();
}

static void leave(void)
{
	atomic_flag_clear_explicit(&busy, memory_order_release);
}

void bh_reclocks_forget(void)
{
	bh_st_rlx(&n_homes, 0);
	leave();
}

static int ofd(int fd, int cmd, struct flock *l)
{
	l->l_pid = 0;
	return (int)syscall(SYS_fcntl, fd, cmd, l);
}

static void unlock_all(int fd)
{
	struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	ofd(fd, F_OFD_SETLK, &all);
}

static bool is_of(const struct home *h, const struct stat *st)
{
	return h->ino == st->st_ino && h->dev == st->st_dev;
}

static struct home *find(const struct stat *st)
{
	for (uint32_t i = 0; i < bh_ld_rlx(&n_homes); i++)
		if (is_of(&homes[i], st))
			return &homes[i];
	return NULL;
}

/* Still the file that it was? User code may have closed it by a system call. */
static bool stands(const struct home *h)
{
	struct stat st;

	return fstat(h->fd, &st) == 0 && is_of(h, &st);
}

static void drop(struct home *h)
{
	uint64_t by = bh_file_stamp_of(h->fd);

	if (stands(h)) {
		unlock_all(h->fd); /* a child may have inherited it */
		bh_sys_close(h->fd);
		bh_file_closed(h->fd, by);
	}
	*h = homes[bh_ld_rlx(&n_homes) - 1];
	bh_st_rlx(&n_homes, bh_ld_rlx(&n_homes) - 1);
}

/* True if all that runs in this process is one owner for as long as it lives. */
static bool is_bound(void)
{
	return !bh_rt.task || bh_rt.slot >= BH_MAX_WORKERS ||
	       (bh_ld_rlx(&bh_rt.task->state) & BH_PINNED);
}

void bh_reclocks_closing(int fd)
{
	int err = errno;
	struct stat st;

	if (!bh_ld_rlx(&n_homes) || !is_bound() || fstat(fd, &st)) {
		errno = err;
		return;
	}
	enter();
	struct home *h = find(&st);
	if (h)
		drop(h);
	leave();
	errno = err;
}

/* A description of the same file as @fd, that nobody else knows. */
static int reopen(int fd)
{
	char path[32];
	int mode = O_CLOEXEC | O_NOCTTY | O_NONBLOCK, got;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	got = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | mode);
	if (got < 0)
		got = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | mode);
	return bh_file_lift(got);
}

static struct home *make(int fd, const struct stat *st)
{
	uint32_t n = bh_ld_rlx(&n_homes);
	int got = n < HOMES && S_ISREG(st->st_mode) ? reopen(fd) : -1;

	if (got < 0)
		return NULL;
	bh_file_opened_here(got);
	homes[n] = (struct home){ .dev = st->st_dev, .ino = st->st_ino, .fd = got };
	bh_st_rlx(&n_homes, n + 1);
	return &homes[n];
}

/* The descriptor to lock file @st of @fd by. */
static int home_of(int fd, const struct stat *st, bool taking)
{
	int by = fd;

	if (!is_bound())
		return fd;
	enter();
	struct home *h = find(st);

	if (h && !stands(h)) {
		drop(h);
		h = NULL;
	}
	if (!h && taking)
		h = make(fd, st);
	if (h)
		by = h->fd;
	leave();
	return by;
}

static bool may(int flags, int type)
{
	int mode = flags & O_ACCMODE;

	if (flags & O_PATH)
		return false;
	return type == F_RDLCK ? mode != O_WRONLY : type == F_WRLCK ? mode != O_RDONLY : true;
}

static bool is_writable(int fd)
{
	return (syscall(SYS_fcntl, fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}

/* A position relative to the caller's descriptor is not so to another. */
static bool settle(int fd, struct flock *l)
{
	off_t at = l->l_whence == SEEK_CUR ? lseek(fd, 0, SEEK_CUR) : 0;

	if (at < 0)
		return false;
	if (l->l_whence == SEEK_CUR) {
		l->l_whence = SEEK_SET;
		l->l_start += at;
	}
	return true;
}

static int as_ofd(int cmd)
{
	return cmd == F_SETLK ? F_OFD_SETLK : cmd == F_SETLKW ? F_OFD_SETLKW : F_OFD_GETLK;
}

static int lock(int fd, int cmd, struct flock *l)
{
	int flags = (int)syscall(SYS_fcntl, fd, F_GETFL), home = fd, rc;
	struct flock at = *l;
	struct stat st;

	if (flags < 0 || fstat(fd, &st))
		return -1;
	if (cmd != F_GETLK && !may(flags, l->l_type)) {
		errno = EBADF;
		return -1;
	}
	home = home_of(fd, &st, cmd != F_GETLK && l->l_type != F_UNLCK);
	/* Nobody may write it any more, but this descriptor may. */
	if (home != fd && l->l_type == F_WRLCK && cmd != F_GETLK && !is_writable(home))
		home = fd;
	if (home != fd && !settle(fd, &at))
		return -1;
	rc = ofd(home, as_ofd(cmd), &at);
	if (rc == 0 && cmd == F_GETLK) {
		if (at.l_type == F_UNLCK)
			l->l_type = F_UNLCK; /* and all else as it was */
		else
			*l = at;
	}
	return rc;
}

BH_EXPORT int fcntl(int fd, int cmd, ...)
{
	va_list ap;

	va_start(ap, cmd);
	void *arg = va_arg(ap, void *);
	va_end(ap);
	if (!bh_files_here())
		return NEXT(fcntl)(fd, cmd, arg);
	switch (cmd) {
	case F_SETLK:
	case F_SETLKW:
	case F_GETLK:
		return arg ? lock(fd, cmd, arg) : (errno = EFAULT, -1);
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return bh_file_opened(NEXT(fcntl)(fd, cmd, arg));
	default:
		return NEXT(fcntl)(fd, cmd, arg);
	}
}

BH_EXPORT int lockf(int fd, int cmd, off_t len)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = len };

	if (!bh_files_here())
		return NEXT(lockf)(fd, cmd, len);
	switch (cmd) {
	case F_ULOCK:
		l.l_type = F_UNLCK;
		return lock(fd, F_SETLK, &l);
	case F_LOCK:
		return lock(fd, F_SETLKW, &l);
	case F_TLOCK:
		return lock(fd, F_SETLK, &l);
	case F_TEST:
		l.l_type = F_RDLCK;
		if (lock(fd, F_GETLK, &l))
			return -1;
		if (l.l_type == F_UNLCK)
			return 0;
		errno = EACCES;
		return -1;
	default:
		errno = EINVAL;
		return -1;
	}
}

__attribute__((alias("fcntl"), visibility("default"))) int fcntl64(int fd, int cmd, ...);
__attribute__((alias("lockf"), visibility("default"))) int lockf64(int fd, int cmd, off64_t len);
