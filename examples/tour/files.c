/* SPDX-License-Identifier: MIT */
/* files.c: fs.h: files, in a fiber and in a poll task. */
#include "tour.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOON bh_after(BH_S(10))

static void in_a_fiber(const char *dir)
{
	char path[80], other[80], text[16] = "";
	struct bh_fs_dir *list;
	struct stat st;
	bh_io f;

	snprintf(path, sizeof(path), "%s/note", dir);
	snprintf(other, sizeof(other), "%s/renamed", dir);
	MUST(bh_fs_open(&f, path, O_RDWR | O_CREAT | O_EXCL, 0600, SOON));
	MUST(bh_fs_pwrite(f, "hello, disk", 11, 0, SOON));
	MUST(bh_fs_sync(f, 1, SOON)); /* it is on the disk, or this says why not */
	MUST(bh_fs_pread(f, text, 5, 0, SOON));
	if (bh_fs_try_pread(f, text, 5, 0) < 0 || bh_fs_try_pwrite(f, "h", 1, 0) == 0)
		say("not in memory"); /* perhaps, elsewhere */
	MUST(bh_fs_truncate(f, 5, SOON));
	MUST(bh_fs_fstat(f, &st, SOON));
	MUST(bh_close(f));
	say("%s, %d bytes", text, (int)st.st_size);

	MUST(bh_fs_rename(path, other, SOON));
	say("under its old name: %s", bh_strerror(bh_fs_stat(path, &st, 1, SOON)));
	MUST(bh_fs_readdir(dir, &list, SOON));
	say("in the folder: %zu, %s", list->count, list->entry[0].name);
	bh_free(list);
	MUST(bh_fs_unlink(other, SOON));
	MUST(bh_fs_rmdir(dir, SOON));
}

struct poller {
	struct bh_async async;
	struct bh_fs_op op;
	bh_io f;
	int err;
	ssize_t n;
	struct stat st;
	struct bh_fs_dir *list;
	char dir[80], path[80], other[80], text[16];
};

/* The same without a stack. */
static enum bh_poll poller(struct bh_cx *cx, void *state)
{
	struct poller *p = state;

	BH_ASYNC_BEGIN(cx, &p->async);
	BH_AWAIT(p->err, bh_poll_fs_mkdir(cx, &p->op, p->dir, 0700));
	MUST(p->err);
	BH_AWAIT(p->err, bh_poll_fs_open(cx, &p->op, &p->f, p->path, O_RDWR | O_CREAT, 0600));
	MUST(p->err);
	BH_AWAIT(p->n, bh_poll_fs_pwrite(cx, &p->op, p->f, "hello, disk", 11, 0));
	BH_AWAIT(p->err, bh_poll_fs_sync(cx, &p->op, p->f, 1));
	BH_AWAIT(p->n, bh_poll_fs_pread(cx, &p->op, p->f, p->text, 5, 0));
	BH_AWAIT(p->err, bh_poll_fs_truncate(cx, &p->op, p->f, 5));
	BH_AWAIT(p->err, bh_poll_fs_fstat(cx, &p->op, p->f, &p->st));
	MUST(bh_close(p->f));
	say("%s, %d bytes", p->text, (int)p->st.st_size);
	BH_AWAIT(p->err, bh_poll_fs_rename(cx, &p->op, p->path, p->other));
	BH_AWAIT(p->err, bh_poll_fs_stat(cx, &p->op, p->path, &p->st, 1));
	say("under its old name: %s", bh_strerror(p->err));
	BH_AWAIT(p->err, bh_poll_fs_readdir(cx, &p->op, p->dir, &p->list));
	say("in the folder: %zu, %s", p->list->count, p->list->entry[0].name);
	if (bh_poll_fs_readdir(cx, &p->op, p->dir, &p->list) == -EAGAIN)
		bh_fs_give_up(&p->op); /* or another thought */
	BH_AWAIT(p->err, bh_poll_fs_unlink(cx, &p->op, p->other));
	BH_AWAIT(p->err, bh_poll_fs_rmdir(cx, &p->op, p->dir));
	MUST(p->err);
	BH_ASYNC_END();
}

void tour_files(void)
{
	char dir[] = "/tmp/bulkhead-tour-XXXXXX";
	struct poller p = { .n = 0 };
	bh_task t;

	if (!mkdtemp(dir))
		MUST(-errno);
	MUST(bh_fs_rmdir(dir, SOON));
	MUST(bh_fs_mkdir(dir, 0700, SOON));
	in_a_fiber(dir);

	snprintf(p.dir, sizeof(p.dir), "%s", dir);
	snprintf(p.path, sizeof(p.path), "%s/note", dir);
	snprintf(p.other, sizeof(p.other), "%s/renamed", dir);
	MUST(bh_spawn_poll(&t, poller, &p, sizeof(p), NULL));
	MUST(bh_join(t, NULL, BH_FOREVER));
}
