/* SPDX-License-Identifier: MIT */
/*
 * closes.c: what closes descriptors, or puts another file at a number, in place of the C
 * library's (next.h).
 *
 * In one table for all, a number that is closed twice may be somebody else's the second
 * time. What an I/O slot names only its owner can close, what every process of the
 * service is given nobody; the answer is EBADF, and a line in the log says who tried. A
 * plain file's number is handed from task to task in many a program, so it is closed.
 *
 * Descriptors 0 to 2 stay open: what all tasks print goes there. To close them succeeds, as
 * for a library that becomes a daemon, and changes nothing.
 */
#undef _FORTIFY_SOURCE
#include <errno.h>

#include "ipc/protocol/files.h"
#include "workers/base/rt.h"
#include "workers/libc/next.h"
#include "workers/libc/popen.h"
#include "workers/libc/reclocks.h"
#include "workers/owned/files.h"
#include "workers/owned/ioslot.h"

static int refused(int fd)
{
	bh_file_refuse(fd);
	errno = EBADF;
	return -1;
}

static int close_own(int fd)
{
	uint32_t idx = bh_file_io(&bh_rt.v, fd);

	bh_close(bh_handle(bh_ld_rlx(&bh_rt.v.ios[idx].gen), idx));
	return 0;
}

/* As POSIX has it, closing a descriptor ends all record locks of the process on its file. */
static enum bh_file_may may_close(int fd, uint64_t *by)
{
	enum bh_file_may may = bh_file_may_close(fd, by);

	if (may == BH_FILE_MAY)
		bh_reclocks_closing(fd);
	return may;
}

BH_EXPORT int close(int fd)
{
	uint64_t by;
	int rc;

	if (!bh_files_here())
		return NEXT(close)(fd);
	switch (may_close(fd, &by)) {
	case BH_FILE_KEPT:
		return 0;
	case BH_FILE_OWN:
		return close_own(fd);
	case BH_FILE_OTHERS:
		return refused(fd);
	case BH_FILE_MAY:
		break;
	}
	rc = NEXT(close)(fd);
	bh_file_closed(fd, by);
	return rc;
}

/* -- a range: what the caller opened itself ----------------------------------------- */

static void close_mine(unsigned int first, unsigned int last)
{
	uint32_t mark = bh_ld_acq(&bh_rt.v.a->files.mark);

	if (last >= mark)
		last = mark - 1;
	for (unsigned int fd = first; mark && fd <= last && fd < bh_rt.v.l.files; fd++)
		if (bh_file_is_mine((int)fd))
			close((int)fd);
}

BH_EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	if (!bh_files_here() || (flags & (int)CLOSE_RANGE_CLOEXEC) || last < first)
		return NEXT(close_range)(first, last, flags);
	/* A process without the service's table could serve nobody. Callers that are told
	 * so go over the numbers themselves. */
	if (flags) {
		errno = ENOSYS;
		return -1;
	}
	close_mine(first, last);
	return 0;
}

BH_EXPORT void closefrom(int first)
{
	if (bh_files_here())
		close_mine(first < 0 ? 0 : (unsigned int)first, ~0u);
	else
		NEXT(closefrom)(first);
}

/* -- another file at a number ----------------------------------------------------------- */

/* 0 to 2 may be redirected: for all. */
static bool may_replace(int fd, uint64_t *by)
{
	enum bh_file_may may = may_close(fd, by);

	return may == BH_FILE_MAY || may == BH_FILE_KEPT;
}

static int replaced(int fd, int to, uint64_t by)
{
	if (fd < 0)
		return fd;
	bh_file_closed(to, by);
	return to > STDERR_FILENO ? bh_file_opened(fd) : fd;
}

BH_EXPORT int dup2(int fd, int to)
{
	uint64_t by;

	if (!bh_files_here() || fd == to)
		return NEXT(dup2)(fd, to);
	return may_replace(to, &by) ? replaced(NEXT(dup2)(fd, to), to, by) : refused(to);
}

BH_EXPORT int dup3(int fd, int to, int flags)
{
	uint64_t by;

	if (!bh_files_here() || fd == to)
		return NEXT(dup3)(fd, to, flags);
	return may_replace(to, &by) ? replaced(NEXT(dup3)(fd, to, flags), to, by) : refused(to);
}

/* -- streams ------------------------------------------------------------------------------ */

/* The stream goes, the number stays: a number of its own is closed with it. */
static bool part(FILE *f, int fd)
{
	int other = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, bh_files_first());

	if (other >= 0)
		f->_fileno = other;
	return other >= 0;
}

static int close_stream(FILE *f)
{
	int fd = bh_files_here() ? fileno(f) : -1, rc;
	uint64_t by = 0;

	if (fd >= 0 && may_close(fd, &by) && !part(f, fd))
		return EOF;
	rc = NEXT(fclose)(f);
	bh_file_closed(fd, by);
	return rc;
}

/* Of a command's stream, it is pclose(). */
BH_EXPORT int fclose(FILE *f)
{
	pid_t command = bh_popen_take(f);
	int rc = close_stream(f);

	return command ? bh_popen_wait(command) : rc;
}

BH_EXPORT int closedir(DIR *d)
{
	int fd = bh_files_here() ? dirfd(d) : -1, rc;
	uint64_t by = 0;

	if (fd >= 0 && may_close(fd, &by))
		return refused(fd);
	rc = NEXT(closedir)(d);
	bh_file_closed(fd, by);
	return rc;
}
