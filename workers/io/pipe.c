/* SPDX-License-Identifier: MIT */
/* pipe.c: pipes and FIFOs. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <bulkhead/net.h>
#include <bulkhead/pipe.h>

#include "workers/base/rt.h"
#include "workers/owned/files.h"
#include "workers/owned/incoming.h"
#include "workers/owned/ioslot.h"

static int make(int fd[2])
{
	if (syscall(SYS_pipe2, bh_incoming_pair(), O_NONBLOCK | O_CLOEXEC))
		return -errno;
	fd[0] = bh_incoming_take(0);
	fd[1] = bh_incoming_take(1);
	return 0;
}

int bh_pipe_open(bh_io *reader, bh_io *writer)
{
	bh_io r, w;
	int fd[2];
	int err = bh_rt.task ? make(fd) : bh_rt_no_task(-EPERM);

	if (err)
		return err;
	err = bh_incoming_adopt(&r, fd[0]);
	if (err) {
		bh_incoming_drop(fd[1]);
		return err;
	}
	err = bh_incoming_adopt(&w, fd[1]);
	if (err) {
		bh_close(r);
		return err;
	}
	*reader = r;
	*writer = w;
	return 0;
}

static int flags_of(enum bh_fifo how)
{
	switch (how) {
	case BH_FIFO_READ:
		return O_RDONLY;
	case BH_FIFO_WRITE:
		return O_WRONLY;
	case BH_FIFO_BOTH:
		return O_RDWR;
	default:
		return -EINVAL;
	}
}

int bh_fifo_open(bh_io *out, const char *path, enum bh_fifo how)
{
	int flags = bh_rt.task ? flags_of(how) : bh_rt_no_task(-EPERM);
	struct stat st;

	if (flags < 0)
		return flags;
	/* A device must not even be opened. */
	if (stat(path, &st))
		return -errno;
	if (!S_ISFIFO(st.st_mode))
		return -EINVAL;
	int fd = bh_file_opened(
		(int)syscall(SYS_openat, AT_FDCWD, path, flags | O_NONBLOCK | O_CLOEXEC));
	return fd < 0 ? -errno : bh_incoming_adopt(out, fd);
}
