/* SPDX-License-Identifier: MIT */
/* fs_make.c: making a call on files, having it done by a job, and taking what came of it. */
#include "workers/os/fs_make.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "workers/owned/files.h"
#include "workers/task/join.h"
#include "workers/task/task.h"

/* -- a call ---------------------------------------------------------------------------- */

/* A call with @have bytes of data, in the task's memory; NULL: there is none. */
static struct bh_fs_call *make(enum bh_fs_what what, size_t have)
{
	struct bh_fs_call *c = bh_alloc(sizeof(*c) + have);

	if (c) {
		*c = (struct bh_fs_call){ .what = what, .fd = -1 };
		c->have = (uint32_t)have;
	}
	return c;
}

int bh_fs_of_paths(struct bh_fs_call **out, enum bh_fs_what what, const char *a, const char *b)
{
	size_t an, bn;

	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	if (!a || !b)
		return -EINVAL;
	an = strlen(a) + 1;
	bn = strlen(b) + 1;
	if (an > 4096 || bn > 4096)
		return -ENAMETOOLONG;
	*out = make(what, an + bn);
	if (!*out)
		return -ENOMEM;
	memcpy((*out)->data, a, an);
	memcpy((*out)->data + an, b, bn);
	return 0;
}

int bh_fs_file_of(bh_io file, struct bh_ioslot **s)
{
	int err = bh_io_of(file, s);

	if (!err && (*s)->kind != BH_IO_DISK)
		err = -EBADF;
	return err;
}

void bh_fs_about(struct bh_fs_call *c, const struct bh_ioslot *s)
{
	c->fd = bh_ld_rlx(&s->fd);
	c->ino = bh_ld_rlx(&s->ino);
	c->dev = bh_ld_rlx(&s->peer);
}

int bh_fs_of_file(struct bh_fs_call **out, enum bh_fs_what what, bh_io file, size_t have)
{
	struct bh_ioslot *s;
	int err = bh_fs_file_of(file, &s);

	if (err)
		return err;
	*out = make(what, have);
	if (!*out)
		return -ENOMEM;
	bh_fs_about(*out, s);
	return 0;
}

/* -- by a job --------------------------------------------------------------------------- */

int bh_fs_start(bh_task *job, const struct bh_fs_call *c)
{
	static const char *const names[] = {
		[BH_FS_OPEN] = "fs.open",         [BH_FS_PREAD] = "fs.pread",
		[BH_FS_PWRITE] = "fs.pwrite",     [BH_FS_SYNC] = "fs.sync",
		[BH_FS_TRUNCATE] = "fs.truncate", [BH_FS_STAT] = "fs.stat",
		[BH_FS_FSTAT] = "fs.fstat",       [BH_FS_RENAME] = "fs.rename",
		[BH_FS_UNLINK] = "fs.unlink",     [BH_FS_MKDIR] = "fs.mkdir",
		[BH_FS_RMDIR] = "fs.rmdir",       [BH_FS_READDIR] = "fs.readdir",
	};
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;

	o.name = names[c->what];
	return bh_spawn_blocking(job, bh_fs_job, c, sizeof(*c) + c->have, &o);
}

int64_t bh_fs_keep(int fd, bh_task job, bh_io *out)
{
	if (job && !bh_file_take_from(fd, job))
		return -EIO; /* its process died since, and it was closed with that */
	int err = bh_io_open(fd, BH_IO_DISK, out);

	if (err)
		close(fd);
	return err;
}

int64_t bh_fs_finish(bh_task job, bh_io *opened, struct bh_result *res)
{
	struct bh_tcb *t;
	int64_t value = bh_child_of(job, &t);

	if (value)
		return value;
	if (opened && t->end == BH_END_RETURNED && t->value >= 0)
		value = bh_fs_keep((int)t->value, job, opened);
	int err = bh_join(job, res, BH_FOREVER);
	if (err)
		return err;
	if (res->end != BH_END_RETURNED)
		return res->end == BH_END_CANCELED ? -BH_ECANCELED : -EIO;
	return opened && res->value >= 0 ? value : res->value;
}

/* -- in place ------------------------------------------------------------------------------ */

ssize_t bh_fs_try(const struct bh_ioslot *s, void *buf, size_t len, off_t offset, bool write)
{
	struct iovec iov = { buf, len };
	int fd = bh_ld_rlx(&s->fd);
	ssize_t n;

	if (offset < 0)
		return -EINVAL; /* -1 would be "at its position" */
	do
		n = write ? pwritev2(fd, &iov, 1, offset, RWF_NOWAIT) :
			    preadv2(fd, &iov, 1, offset, RWF_NOWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	/* Not every file, not every Linux, not every filter: a job can say more. */
	return errno == EOPNOTSUPP || errno == ENOSYS || errno == EPERM ? -EAGAIN : -errno;
}
