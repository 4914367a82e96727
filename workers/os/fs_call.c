/* SPDX-License-Identifier: MIT */
/*
 * fs_call.c: what a job does about files.
 *
 * Descriptors. The number that it is given may be another file's by the time it runs: its
 * parent may be gone, or have closed it. So the job takes a duplicate and looks whether
 * that is the file that was meant; a duplicate nobody can close.
 *
 * What it opens is noted as its own (ipc/protocol/files.h), so it is closed if the job is
 * killed or crashes. Its parent takes it (bh_file_take) while the job is DONE; if that is
 * released with the descriptor still noted as it was, nobody came, and this process closes
 * it, before its next job or while it waits for one.
 */
#undef _FORTIFY_SOURCE /* its headers define some of these inline */
#include "workers/os/fs_call.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workers/owned/files.h"
#include "workers/task/join.h"

enum {
	DIR_MAX = (16 << 20) - 4096
};

/* -- what was opened and is not taken yet ------------------------------------------------ */

struct opened {
	int fd;
	uint64_t by, job;
};

static struct {
	struct opened *at;
	uint32_t n, room;
} opened;

static bool remember(int fd)
{
	if (opened.n == opened.room) {
		uint32_t room = opened.room ? 2 * opened.room : 16;
		struct opened *at = realloc(opened.at, room * sizeof(*at));

		if (!at)
			return false;
		opened.at = at;
		opened.room = room;
	}
	opened.at[opened.n++] = (struct opened){ fd, bh_file_stamp_of(fd), bh_rt.handle };
	return true;
}

/* True: it is nobody's, and nobody will come for it. */
static bool is_left(const struct opened *o)
{
	struct stat st;

	return !bh_tcb_of(&bh_rt.v, o->job) && fstat(o->fd, &st) == 0 &&
	       st.st_ino == bh_ld_rlx(&bh_rt.v.files[o->fd].ino) &&
	       (uint32_t)st.st_dev == bh_ld_rlx(&bh_rt.v.files[o->fd].dev);
}

bool bh_fs_settle(void)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < opened.n; i++) {
		struct opened o = opened.at[i];

		if (bh_file_stamp_of(o.fd) != o.by)
			continue; /* it was taken, or lost, or closed */
		if (bh_tcb_of(&bh_rt.v, o.job)) {
			opened.at[kept++] = o;
			continue;
		}
		if (is_left(&o))
			bh_sys_close(o.fd);
		bh_file_closed(o.fd, o.by);
	}
	opened.n = kept;
	return kept != 0;
}

/* -- descriptors -------------------------------------------------------------------------- */

static int64_t result(int64_t rc)
{
	return rc < 0 ? -errno : rc;
}

/* A duplicate of the file that is meant, noted; or an error. */
static int hold(const struct bh_fs_call *c)
{
	int fd = (int)syscall(SYS_fcntl, c->fd, F_DUPFD_CLOEXEC, bh_files_first());
	struct stat st;

	if (fd < 0)
		return errno == EBADF ? -BH_ESTALE : -errno;
	bh_file_opened(fd);
	if (fstat(fd, &st) == 0 && st.st_ino == c->ino && st.st_dev == c->dev)
		return fd;
	close(fd);
	return -BH_ESTALE;
}

static int64_t do_open(const struct bh_fs_call *c)
{
	int fd;

	do
		fd = open(c->data, c->flags | O_CLOEXEC, (mode_t)c->mode);
	while (fd < 0 && errno == EINTR);
	return result(fd);
}

static int64_t do_read(int fd, const struct bh_fs_call *c)
{
	uint64_t done = 0;

	while (done < c->len) {
		ssize_t n =
			pread(fd, (char *)c->buf + done, c->len - done, c->offset + (off_t)done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		done += n > 0 ? (uint64_t)n : 0;
	}
	return (int64_t)done;
}

static int64_t do_write(int fd, const struct bh_fs_call *c)
{
	const char *from = c->buf ? c->buf : c->data;
	uint64_t done = 0;

	while (done < c->len) {
		ssize_t n = pwrite(fd, from + done, c->len - done, c->offset + (off_t)done);

		if (n == 0)
			return -EIO;
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (uint64_t)n : 0;
	}
	return (int64_t)done;
}

static int64_t on_file(int fd, const struct bh_fs_call *c)
{
	switch (c->what) {
	case BH_FS_PREAD:
		return do_read(fd, c);
	case BH_FS_PWRITE:
		return do_write(fd, c);
	case BH_FS_SYNC:
		return result(c->flags ? fdatasync(fd) : fsync(fd));
	case BH_FS_TRUNCATE:
		return result(ftruncate(fd, c->offset));
	default:
		return result(fstat(fd, c->buf));
	}
}

/* The second of two paths. */
static const char *second(const struct bh_fs_call *c)
{
	return c->data + strlen(c->data) + 1;
}

static int64_t on_path(struct bh_fs_call *c)
{
	switch (c->what) {
	case BH_FS_OPEN:
		return do_open(c);
	case BH_FS_STAT:
		return result(c->flags ? stat(c->data, c->buf) : lstat(c->data, c->buf));
	case BH_FS_RENAME:
		return result(rename(c->data, second(c)));
	case BH_FS_UNLINK:
		return result(unlink(c->data));
	case BH_FS_MKDIR:
		return result(mkdir(c->data, (mode_t)c->mode));
	case BH_FS_RMDIR:
		return result(rmdir(c->data));
	default:
		return -EINVAL;
	}
}

int64_t bh_fs_do(struct bh_fs_call *c)
{
	int64_t value;
	int fd;

	if (c->fd < 0)
		return on_path(c);
	fd = hold(c);
	if (fd < 0)
		return fd;
	value = on_file(fd, c);
	close(fd);
	return value;
}

/* -- directories --------------------------------------------------------------------------- */

/* Entries as they come, in private memory: a struct bh_fs_entry, whose `name` is an offset in
 * `names`. */
struct listing {
	struct bh_fs_entry *entry;
	char *names;
	size_t count, room, used, size;
};

static int grow(void **at, size_t *room, size_t need, size_t unit)
{
	size_t to = *room ? *room : 64;
	void *p;

	if (need <= *room)
		return 0;
	while (to < need)
		to *= 2;
	p = realloc(*at, to * unit);
	if (!p)
		return -ENOMEM;
	*at = p;
	*room = to;
	return 0;
}

static int add(struct listing *l, const struct dirent *d)
{
	size_t n = strlen(d->d_name) + 1;
	int err = grow((void **)&l->entry, &l->room, l->count + 1, sizeof(*l->entry));

	if (!err)
		err = grow((void **)&l->names, &l->size, l->used + n, 1);
	if (err)
		return err;
	l->entry[l->count++] = (struct bh_fs_entry){ .name = (const char *)(uintptr_t)l->used,
						     .ino = d->d_ino,
						     .type = d->d_type };
	memcpy(l->names + l->used, d->d_name, n);
	l->used += n;
	return l->count * sizeof(*l->entry) + l->used > DIR_MAX ? -E2BIG : 0;
}

static int collect(struct listing *l, const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *e;
	int err = d ? 0 : -errno;

	while (!err && (errno = 0, e = readdir(d))) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			err = add(l, e);
		errno = 0;
	}
	if (!err)
		err = -errno;
	if (d)
		closedir(d);
	return err;
}

/* Names behind the entries, so that all of it is one piece. */
static int pack(const struct listing *l, int (*room)(size_t len, void **out),
		struct bh_fs_dir **out)
{
	struct bh_fs_dir *dir;
	size_t entries = l->count * sizeof(*l->entry);
	void *at;
	int err = room(sizeof(*dir) + entries + l->used, &at);

	if (err)
		return err;
	dir = at;
	dir->count = l->count;
	char *names = (char *)(dir->entry + l->count);
	if (l->used)
		memcpy(names, l->names, l->used);
	for (size_t i = 0; i < l->count; i++) {
		dir->entry[i] = l->entry[i];
		dir->entry[i].name = names + (uintptr_t)l->entry[i].name;
	}
	*out = dir;
	return 0;
}

int64_t bh_fs_list(const struct bh_fs_call *c, int (*room)(size_t len, void **out),
		   struct bh_fs_dir **out)
{
	struct listing l = { 0 };
	int err = collect(&l, c->data);

	if (!err)
		err = pack(&l, room, out);
	free(l.entry);
	free(l.names);
	return err;
}

/* -- the job ---------------------------------------------------------------------------------- */

int64_t bh_fs_job(void *call)
{
	struct bh_fs_call *c = call;
	bool reads = c->what == BH_FS_PREAD && !c->buf;
	bool asks = c->what == BH_FS_STAT || c->what == BH_FS_FSTAT;
	struct bh_fs_dir *dir;
	int64_t value;

	if (c->what == BH_FS_READDIR)
		return bh_fs_list(c, bh_reply_room, &dir);
	if (reads || asks) {
		int err = bh_reply_room(reads ? c->len : sizeof(struct stat), &c->buf);

		if (err)
			return err;
	}
	value = bh_fs_do(c);
	if (c->what == BH_FS_OPEN && value >= 0 && !remember((int)value)) {
		close((int)value);
		return -ENOMEM;
	}
	return value;
}
