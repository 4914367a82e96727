/* SPDX-License-Identifier: MIT */
/*
 * fs.c: calls on files, for fibers and jobs: tried in place where Linux can say that it
 * would wait, else handed to a job (fs_call.c), which is a child of the caller. A job makes
 * them itself.
 *
 * Memory. A job outlives a caller that crashes, is lost or is a poll task and aborted, by
 * a moment: until the kernel has killed it. What it reads or writes in that moment must
 * not be memory that is another task's by then. So it works on memory of its own, its
 * argument and its reply, which are given back when it is gone; or, of many bytes, on that
 * of a fiber which waits here until the job is gone, whatever ends its wait. A fiber that
 * is pinned, or is for this wait, may be lost in it: its memory is not worked on.
 */
#include <errno.h>
#include <string.h>

#include "workers/os/fs_make.h"
#include "workers/task/join.h"
#include "workers/wait/coop.h"
#include "workers/wait/exception.h"
#include "workers/wait/fiber.h"
#include "workers/wait/suspend.h"

enum {
	TRY_MAX = 1 << 20, /* bytes copied before others may run */
};

static bool is_job(void)
{
	return bh_rt.task && bh_rt.task->kind == BH_KIND_BLOCKING;
}

/* Until @job has ended, though the caller was aborted and its time is over. */
static void wait_end(struct bh_tcb *t, bh_task job)
{
	struct bh_fiber *f = bh_fiber_here();
	int64_t limit = f->limit;

	f->limit = BH_FOREVER;
	f->shielded++;
	while (!bh_child_ended(t))
		if (bh_rt_suspend(BH_WAIT_JOIN, job, BH_FOREVER))
			break;
	f->shielded--;
	f->limit = limit;
}

static int64_t give_up(struct bh_tcb *t, bh_task job, int why, bool direct, struct bh_result *res)
{
	bh_abort(job);
	if (!direct) {
		bh_detach(job);
		return why;
	}
	wait_end(t, job);
	int64_t value = bh_fs_finish(job, NULL, res);
	return res->end == BH_END_RETURNED ? value : why;
}

static int64_t by_job(const struct bh_fs_call *c, bh_io *opened, struct bh_result *res,
		      int64_t deadline)
{
	struct bh_tcb *t;
	bh_task job;
	int err;

	if (!bh_fiber_self())
		return -EDEADLK;
	if (deadline == BH_NOWAIT)
		return -BH_ETIMEDOUT;
	err = bh_coop();
	if (!err)
		err = bh_fs_start(&job, c);
	if (!err)
		err = bh_child_of(job, &t);
	if (err)
		return err;
	while (!err && !bh_child_ended(t))
		err = bh_rt_suspend(BH_WAIT_JOIN, job, deadline);
	if (bh_child_ended(t))
		return bh_fs_finish(job, opened, res);
	return give_up(t, job, err, c->buf != NULL, res);
}

static int64_t in_place(struct bh_fs_call *c, bh_io *opened)
{
	int64_t value = bh_fs_do(c);

	return opened && value >= 0 ? bh_fs_keep((int)value, 0, opened) : value;
}

/* Has @c done, which is freed. */
static int64_t run(struct bh_fs_call *c, bh_io *opened, int64_t deadline)
{
	struct bh_result res = { 0 };
	int64_t value = is_job() ? in_place(c, opened) : by_job(c, opened, &res, deadline);

	bh_free(res.data);
	bh_free(c);
	return value;
}

/* -- opening, and what has no buffers ------------------------------------------------------- */

int bh_fs_open(bh_io *out, const char *path, int flags, mode_t mode, int64_t deadline)
{
	struct bh_fs_call *c;
	int err = bh_fs_of_paths(&c, BH_FS_OPEN, path, "");

	if (err)
		return err;
	c->flags = flags;
	c->mode = mode;
	return (int)run(c, out, deadline);
}

int bh_fs_sync(bh_io file, int data_alone, int64_t deadline)
{
	struct bh_fs_call *c;
	int err = bh_fs_of_file(&c, BH_FS_SYNC, file, 0);

	if (err)
		return err;
	c->flags = data_alone;
	return (int)run(c, NULL, deadline);
}

int bh_fs_truncate(bh_io file, off_t len, int64_t deadline)
{
	struct bh_fs_call *c;
	int err = bh_fs_of_file(&c, BH_FS_TRUNCATE, file, 0);

	if (err)
		return err;
	c->offset = len;
	return (int)run(c, NULL, deadline);
}

static int on_paths(enum bh_fs_what what, const char *a, const char *b, mode_t mode,
		    int64_t deadline)
{
	struct bh_fs_call *c;
	int err = bh_fs_of_paths(&c, what, a, b);

	if (err)
		return err;
	c->mode = mode;
	return (int)run(c, NULL, deadline);
}

int bh_fs_rename(const char *from, const char *to, int64_t deadline)
{
	return on_paths(BH_FS_RENAME, from, to, 0, deadline);
}

int bh_fs_unlink(const char *path, int64_t deadline)
{
	return on_paths(BH_FS_UNLINK, path, "", 0, deadline);
}

int bh_fs_mkdir(const char *path, mode_t mode, int64_t deadline)
{
	return on_paths(BH_FS_MKDIR, path, "", mode, deadline);
}

int bh_fs_rmdir(const char *path, int64_t deadline)
{
	return on_paths(BH_FS_RMDIR, path, "", 0, deadline);
}

/* -- asking ------------------------------------------------------------------------------------ */

static int ask(struct bh_fs_call *c, struct stat *out, int64_t deadline)
{
	struct bh_result res = { 0 };
	int64_t value;

	if (is_job()) {
		c->buf = out;
		value = bh_fs_do(c);
	} else {
		value = by_job(c, NULL, &res, deadline);
		if (value >= 0 && res.len == sizeof(*out))
			memcpy(out, res.data, sizeof(*out));
	}
	bh_free(res.data);
	bh_free(c);
	return (int)value;
}

int bh_fs_stat(const char *path, struct stat *out, int follow, int64_t deadline)
{
	struct bh_fs_call *c;
	int err = bh_fs_of_paths(&c, BH_FS_STAT, path, "");

	if (err)
		return err;
	c->flags = follow;
	return ask(c, out, deadline);
}

int bh_fs_fstat(bh_io file, struct stat *out, int64_t deadline)
{
	struct bh_fs_call *c;
	int err = bh_fs_of_file(&c, BH_FS_FSTAT, file, 0);

	return err ? err : ask(c, out, deadline);
}

static int own_room(size_t len, void **out)
{
	*out = bh_alloc(len);
	return *out ? 0 : -ENOMEM;
}

int bh_fs_readdir(const char *path, struct bh_fs_dir **out, int64_t deadline)
{
	struct bh_result res = { 0 };
	struct bh_fs_call *c;
	int64_t err = bh_fs_of_paths(&c, BH_FS_READDIR, path, "");

	if (err)
		return (int)err;
	if (is_job()) {
		err = bh_fs_list(c, own_room, out);
	} else {
		err = by_job(c, NULL, &res, deadline);
		if (!err)
			*out = res.data;
		else
			bh_free(res.data);
	}
	bh_free(c);
	return (int)err;
}

/* -- reading and writing --------------------------------------------------------------------- */

/* True if a job may work on these bytes of the running fiber's. */
static bool may_lend(const void *buf, size_t len)
{
	uint64_t at = (uintptr_t)buf - (uintptr_t)bh_rt.v.a;

	return at < bh_rt.v.l.bytes && len <= bh_rt.v.l.bytes - at &&
	       !(bh_ld_rlx(&bh_rt.task->state) & BH_PINNED) && !bh_exceptions_live();
}

/* As many of the bytes as one job is given. */
static ssize_t part_by_job(bh_io file, void *buf, size_t len, off_t offset, int64_t deadline,
			   bool write)
{
	bool lend = len > BH_FS_PART && may_lend(buf, len);
	size_t n = lend || len < BH_FS_PART ? len : BH_FS_PART;
	struct bh_result res = { 0 };
	struct bh_fs_call *c;
	int64_t got =
		bh_fs_of_file(&c, write ? BH_FS_PWRITE : BH_FS_PREAD, file, write && !lend ? n : 0);

	if (got)
		return got;
	c->offset = offset;
	c->len = n;
	if (lend)
		c->buf = buf;
	else if (write)
		memcpy(c->data, buf, n);
	got = by_job(c, NULL, &res, deadline);
	if (got > 0 && !lend && !write)
		memcpy(buf, res.data, (size_t)got);
	bh_free(res.data);
	bh_free(c);
	return got;
}

static ssize_t wait_for(bh_io file, void *buf, size_t len, off_t offset, int64_t deadline,
			bool write)
{
	struct bh_ioslot *s;
	size_t done = 0;
	ssize_t n = bh_fs_file_of(file, &s);

	while (!n && done < len) {
		char *at = (char *)buf + done;
		size_t left = len - done;

		n = bh_coop();
		if (!n)
			n = bh_fs_try(s, at, left < TRY_MAX ? left : TRY_MAX, offset + (off_t)done,
				      write);
		if (n == 0 && !write)
			break; /* the end of the file */
		if (n == -EAGAIN && deadline == BH_NOWAIT && done && !write)
			break;
		if (n == -EAGAIN) {
			size_t part = left < BH_FS_PART ? left : BH_FS_PART;

			n = part_by_job(file, at, left, offset + (off_t)done, deadline, write);
			if (n >= 0 && (size_t)n < part) {
				done += (size_t)n;
				break;
			}
		}
		if (n < 0)
			return n;
		if (n == 0)
			return -EIO;
		done += (size_t)n;
		n = 0;
	}
	return n < 0 && n != -EAGAIN ? n : (ssize_t)done;
}

static ssize_t here(bh_io file, void *buf, size_t len, off_t offset, enum bh_fs_what what)
{
	struct bh_fs_call c = { .what = what, .offset = offset, .len = len, .buf = buf };
	struct bh_ioslot *s;
	int err = bh_fs_file_of(file, &s);

	if (err)
		return err;
	bh_fs_about(&c, s);
	return bh_fs_do(&c);
}

ssize_t bh_fs_pread(bh_io file, void *buf, size_t len, off_t offset, int64_t deadline)
{
	if (is_job())
		return here(file, buf, len, offset, BH_FS_PREAD);
	return wait_for(file, buf, len, offset, deadline, false);
}

ssize_t bh_fs_pwrite(bh_io file, const void *buf, size_t len, off_t offset, int64_t deadline)
{
	void *from = (void *)(uintptr_t)buf;

	if (is_job())
		return here(file, from, len, offset, BH_FS_PWRITE);
	return wait_for(file, from, len, offset, deadline, true);
}

static ssize_t try_once(bh_io file, void *buf, size_t len, off_t offset, bool write)
{
	struct bh_ioslot *s;
	int err = bh_fs_file_of(file, &s);

	return err ? err : bh_fs_try(s, buf, len, offset, write);
}

ssize_t bh_fs_try_pread(bh_io file, void *buf, size_t len, off_t offset)
{
	return try_once(file, buf, len, offset, false);
}

ssize_t bh_fs_try_pwrite(bh_io file, const void *buf, size_t len, off_t offset)
{
	return try_once(file, (void *)(uintptr_t)buf, len, offset, true);
}
