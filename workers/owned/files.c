/* SPDX-License-Identifier: MIT */
/* files.c: which descriptor is whose. */
#undef _FORTIFY_SOURCE /* its headers define some of these inline */
#include "workers/owned/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "ipc/protocol/files.h"
#include "ipc/system/control.h"
#include "workers/base/doorbell.h"
#include "workers/base/rt.h"

static _Atomic pid_t self;

/* For people to see. */
static void note_limit(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0)
		bh_st_rlx(&bh_rt.v.a->files.limit,
			  lim.rlim_cur < UINT32_MAX ? (uint32_t)lim.rlim_cur : UINT32_MAX);
}

void bh_files_enter(void)
{
	self = getpid();
	if (!bh_rt.me && bh_rt.v.a)
		note_limit();
}

bool bh_files_here(void)
{
	return self && self == getpid();
}

int bh_files_first(void)
{
	const struct bh_plan_service *ps = bh_rt.plan_service;

	/* After the listeners comes the lifeline. */
	return bh_listen_fd(&bh_rt.v.l) + (int)(ps ? ps->n_listen + 1 : 0);
}

int bh_file_lift(int fd)
{
	int high, null;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	high = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, bh_files_first());
	int err = errno;
	null = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
	/* One step: the number is never free for somebody's accept. */
	if (null >= 0 && null != fd)
		syscall(SYS_dup3, null, fd, 0);
	else
		bh_sys_close(fd);
	if (null > STDERR_FILENO)
		bh_sys_close(null);
	errno = err;
	return high;
}

int bh_sys_socket(int family, int type)
{
	type |= SOCK_NONBLOCK | SOCK_CLOEXEC;
	return bh_file_lift((int)syscall(SYS_socket, family, type, 0));
}

/* Unlike any that was made before. */
static uint64_t new_stamp(void)
{
	static _Atomic uint32_t count;
	uint32_t n = bh_add(&count, 1) + 1;

	return bh_file_stamp(bh_rt.slot, bh_rt.epoch, n ? n : 1);
}

static void note(int fd, uint64_t task)
{
	int err = errno;
	struct stat st;

	if (bh_rt.me && fstat(fd, &st) == 0)
		bh_file_note(&bh_rt.v, fd, new_stamp(), task, st.st_ino, (uint32_t)st.st_dev);
	errno = err;
}

int bh_file_opened(int fd)
{
	if (fd < 0 || !bh_files_here())
		return fd;
	fd = bh_file_lift(fd);
	if (fd >= 0)
		note(fd, bh_rt.task ? bh_rt.handle : 0);
	return fd;
}

void bh_file_opened_here(int fd)
{
	note(fd, 0);
}

uint64_t bh_file_stamp_of(int fd)
{
	uint64_t by =
		fd >= 0 && (uint32_t)fd < bh_rt.v.l.files ? bh_ld_acq(&bh_rt.v.files[fd].by) : 0;

	return bh_file_known(by) ? by : 0;
}

bool bh_file_take_from(int fd, uint64_t task)
{
	uint64_t by = bh_file_stamp_of(fd);

	return by && bh_ld_rlx(&bh_rt.v.files[fd].task) == task &&
	       bh_file_take(&bh_rt.v, fd, by, new_stamp(), bh_rt.handle);
}

static int socket_option(int fd, int name)
{
	int value = -1;
	socklen_t n = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &n) ? -1 : value;
}

bool bh_file_is_control(int fd)
{
	return fd >= bh_listen_fd(&bh_rt.v.l) && socket_option(fd, SO_DOMAIN) == AF_UNIX &&
	       socket_option(fd, SO_TYPE) == SOCK_SEQPACKET &&
	       socket_option(fd, SO_PRIORITY) == BH_CTL_MARK;
}

enum bh_file_may bh_file_may_close(int fd, uint64_t *by)
{
	uint32_t io;

	*by = 0;
	if (fd < 0 || !bh_rt.v.a)
		return BH_FILE_MAY;
	if (fd <= STDERR_FILENO)
		return BH_FILE_KEPT;
	if (fd < bh_files_first())
		return BH_FILE_OTHERS;
	if ((io = bh_file_io(&bh_rt.v, fd))) {
		uint64_t owner = bh_ld_acq(&bh_rt.v.ios[io].owner);

		return bh_rt.task && owner == bh_rt.handle ? BH_FILE_OWN : BH_FILE_OTHERS;
	}
	*by = bh_file_stamp_of(fd);
	if (!*by && bh_file_is_control(fd))
		return BH_FILE_OTHERS;
	return BH_FILE_MAY;
}

void bh_file_closed(int fd, uint64_t by)
{
	int err = errno;

	if (by)
		bh_file_drop(&bh_rt.v, fd, by);
	errno = err;
}

void bh_file_refuse(int fd)
{
	struct bh_files *f = &bh_rt.v.a->files;
	uint32_t io = bh_file_io(&bh_rt.v, fd);

	const struct bh_tcb *of =
		io ? bh_tcb_of(&bh_rt.v, bh_ld_acq(&bh_rt.v.ios[io].owner)) : NULL;

	bh_st_rlx(&f->refused_by, bh_rt.task ? bh_rt.task->type + 1u : 0);
	bh_st_rlx(&f->refused_of, of ? of->type + 1u : 0);
	bh_st_rlx(&f->refused_fd, fd);
	bh_add(&f->refused, 1);
	if (bh_rt.me)
		bh_doorbell();
}

bool bh_file_is_mine(int fd)
{
	uint64_t by = bh_file_stamp_of(fd), task = by ? bh_ld_rlx(&bh_rt.v.files[fd].task) : 0;

	if (!by || !bh_rt.me)
		return false;
	return task ? bh_rt.task && task == bh_rt.handle :
		      by >> 32 == bh_file_stamp(bh_rt.slot, bh_rt.epoch, 0) >> 32;
}
