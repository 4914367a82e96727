/* SPDX-License-Identifier: MIT */
/* fs_make.h: a call on files, from the caller's side: of fibers (fs.c) and of poll tasks
 * (fs_poll.c). */
#ifndef BH_WORKERS_OS_FS_MAKE_H
#define BH_WORKERS_OS_FS_MAKE_H

#include "workers/os/fs_call.h"
#include "workers/owned/ioslot.h"

enum {
	BH_FS_PART = 60 << 10, /* bytes that go by the job's own memory; with what is about
				  them they fill a block */
};

/* The slot of an open file of the running task's: 0, -BH_ESTALE, -EBADF. */
int bh_fs_file_of(bh_io file, struct bh_ioslot **s);

/* Make a call, in the task's memory: to be given back by bh_free(). */
int bh_fs_of_paths(struct bh_fs_call **out, enum bh_fs_what what, const char *a, const char *b);
int bh_fs_of_file(struct bh_fs_call **out, enum bh_fs_what what, bh_io file, size_t have);

/* Says in @c which file @s is. */
void bh_fs_about(struct bh_fs_call *c, const struct bh_ioslot *s);

/* Spawns the job that does @c, which is copied. */
int bh_fs_start(bh_task *job, const struct bh_fs_call *c);

/* Takes what came of @job, a child that has ended: its value, or an error. @opened: where a
 * bh_io for what it opened goes; NULL: it opens nothing. res->data is the caller's. */
int64_t bh_fs_finish(bh_task job, bh_io *opened, struct bh_result *res);

/* Makes a bh_io of the running task's of descriptor @fd, which @job opened (0: the task
 * itself). On error it is closed. */
int64_t bh_fs_keep(int fd, bh_task job, bh_io *out);

/* Reads or writes what goes without waiting: a count, -EAGAIN, or another error. */
ssize_t bh_fs_try(const struct bh_ioslot *s, void *buf, size_t len, off_t offset, bool write);

#endif
