/* SPDX-License-Identifier: MIT */
/* fs_poll.c: calls on files, for poll tasks: the first poll starts a job, later ones look
 * whether it has ended. */
#include <errno.h>
#include <string.h>

#include "workers/os/fs_make.h"
#include "workers/task/join.h"
#include "workers/wait/coop.h"

/* How far the job of @op is. */
static int64_t look(struct bh_cx *cx, struct bh_fs_op *op, bh_io *opened, struct bh_result *res)
{
	struct bh_tcb *t;
	int64_t value = bh_child_of(op->job, &t);

	if (!value && !bh_child_ended(t)) {
		/* Not wait_on: an inline state may lie there. Its end wakes the parent. */
		cx->task->wait = BH_WAIT_SUSPEND;
		return -EAGAIN;
	}
	if (!value)
		value = bh_fs_finish(op->job, opened, res);
	op->job = 0;
	return value;
}

/* Starts @c, which was just made (@err) and is freed, or goes on with what is under way. */
static int64_t go_on(struct bh_cx *cx, struct bh_fs_op *op, int err, struct bh_fs_call *c,
		     bh_io *opened, struct bh_result *res)
{
	*res = (struct bh_result){ 0 };
	if (!err)
		err = bh_coop_poll(cx);
	if (!err && c)
		err = bh_fs_start(&op->job, c);
	bh_free(c);
	return err ? err : look(cx, op, opened, res);
}

static int64_t simply(struct bh_cx *cx, struct bh_fs_op *op, int err, struct bh_fs_call *c,
		      bh_io *opened)
{
	struct bh_result res;
	int64_t value = go_on(cx, op, err, c, opened, &res);

	bh_free(res.data);
	return value;
}

void bh_fs_give_up(struct bh_fs_op *op)
{
	if (op->job) {
		bh_abort(op->job);
		if (bh_detach(op->job) == 0)
			op->job = 0;
	}
	op->job = 0;
}

/* -- opening, and what has no buffers ---------------------------------------------------- */

int bh_poll_fs_open(struct bh_cx *cx, struct bh_fs_op *op, bh_io *out, const char *path, int flags,
		    mode_t mode)
{
	struct bh_fs_call *c = NULL;
	int err = op->job ? 0 : bh_fs_of_paths(&c, BH_FS_OPEN, path, "");

	if (c) {
		c->flags = flags;
		c->mode = mode;
	}
	return (int)simply(cx, op, err, c, out);
}

int bh_poll_fs_sync(struct bh_cx *cx, struct bh_fs_op *op, bh_io file, int data_alone)
{
	struct bh_fs_call *c = NULL;
	int err = op->job ? 0 : bh_fs_of_file(&c, BH_FS_SYNC, file, 0);

	if (c)
		c->flags = data_alone;
	return (int)simply(cx, op, err, c, NULL);
}

int bh_poll_fs_truncate(struct bh_cx *cx, struct bh_fs_op *op, bh_io file, off_t len)
{
	struct bh_fs_call *c = NULL;
	int err = op->job ? 0 : bh_fs_of_file(&c, BH_FS_TRUNCATE, file, 0);

	if (c)
		c->offset = len;
	return (int)simply(cx, op, err, c, NULL);
}

static int on_paths(struct bh_cx *cx, struct bh_fs_op *op, enum bh_fs_what what, const char *a,
		    const char *b, mode_t mode)
{
	struct bh_fs_call *c = NULL;
	int err = op->job ? 0 : bh_fs_of_paths(&c, what, a, b);

	if (c)
		c->mode = mode;
	return (int)simply(cx, op, err, c, NULL);
}

int bh_poll_fs_rename(struct bh_cx *cx, struct bh_fs_op *op, const char *from, const char *to)
{
	return on_paths(cx, op, BH_FS_RENAME, from, to, 0);
}

int bh_poll_fs_unlink(struct bh_cx *cx, struct bh_fs_op *op, const char *path)
{
	return on_paths(cx, op, BH_FS_UNLINK, path, "", 0);
}

int bh_poll_fs_mkdir(struct bh_cx *cx, struct bh_fs_op *op, const char *path, mode_t mode)
{
	return on_paths(cx, op, BH_FS_MKDIR, path, "", mode);
}

int bh_poll_fs_rmdir(struct bh_cx *cx, struct bh_fs_op *op, const char *path)
{
	return on_paths(cx, op, BH_FS_RMDIR, path, "", 0);
}

/* -- asking -------------------------------------------------------------------------------- */

static int ask(struct bh_cx *cx, struct bh_fs_op *op, int err, struct bh_fs_call *c,
	       struct stat *out)
{
	struct bh_result res;
	int64_t value = go_on(cx, op, err, c, NULL, &res);

	if (value >= 0 && res.len == sizeof(*out))
		memcpy(out, res.data, sizeof(*out));
	bh_free(res.data);
	return (int)value;
}

int bh_poll_fs_stat(struct bh_cx *cx, struct bh_fs_op *op, const char *path, struct stat *out,
		    int follow)
{
	struct bh_fs_call *c = NULL;
	int err = op->job ? 0 : bh_fs_of_paths(&c, BH_FS_STAT, path, "");

	if (c)
		c->flags = follow;
	return ask(cx, op, err, c, out);
}

int bh_poll_fs_fstat(struct bh_cx *cx, struct bh_fs_op *op, bh_io file, struct stat *out)
{
	struct bh_fs_call *c = NULL;
	int err = op->job ? 0 : bh_fs_of_file(&c, BH_FS_FSTAT, file, 0);

	return ask(cx, op, err, c, out);
}

int bh_poll_fs_readdir(struct bh_cx *cx, struct bh_fs_op *op, const char *path,
		       struct bh_fs_dir **out)
{
	struct bh_fs_call *c = NULL;
	struct bh_result res;
	int64_t err = op->job ? 0 : bh_fs_of_paths(&c, BH_FS_READDIR, path, "");

	err = go_on(cx, op, (int)err, c, NULL, &res);
	if (!err)
		*out = res.data;
	else
		bh_free(res.data);
	return (int)err;
}

/* -- reading and writing ---------------------------------------------------------------------- */

/* What goes without waiting; else a call for a part of it. */
static ssize_t part(struct bh_fs_call **out, bh_io file, void *buf, size_t len, off_t offset,
		    bool write)
{
	size_t n = len < BH_FS_PART ? len : BH_FS_PART;
	struct bh_ioslot *s;
	ssize_t rc = bh_fs_file_of(file, &s);

	if (!rc)
		rc = bh_fs_try(s, buf, len < 1 << 20 ? len : 1 << 20, offset, write);
	if (rc != -EAGAIN)
		return rc;
	rc = bh_fs_of_file(out, write ? BH_FS_PWRITE : BH_FS_PREAD, file, write ? n : 0);
	if (rc)
		return rc;
	(*out)->offset = offset;
	(*out)->len = n;
	if (write)
		memcpy((*out)->data, buf, n);
	return -EAGAIN;
}

static ssize_t transfer(struct bh_cx *cx, struct bh_fs_op *op, bh_io file, void *buf, size_t len,
			off_t offset, bool write)
{
	struct bh_fs_call *c = NULL;
	struct bh_result res;
	ssize_t n = op->job ? -EAGAIN : part(&c, file, buf, len, offset, write);

	if (n != -EAGAIN || (!op->job && !c))
		return n;
	n = go_on(cx, op, 0, c, NULL, &res);
	if (n > 0 && !write) {
		if ((size_t)n > len)
			n = (ssize_t)len;
		memcpy(buf, res.data, (size_t)n);
	}
	bh_free(res.data);
	return n;
}

ssize_t bh_poll_fs_pread(struct bh_cx *cx, struct bh_fs_op *op, bh_io file, void *buf, size_t len,
			 off_t offset)
{
	return transfer(cx, op, file, buf, len, offset, false);
}

ssize_t bh_poll_fs_pwrite(struct bh_cx *cx, struct bh_fs_op *op, bh_io file, const void *buf,
			  size_t len, off_t offset)
{
	return transfer(cx, op, file, (void *)(uintptr_t)buf, len, offset, true);
}
