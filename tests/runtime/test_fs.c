/* SPDX-License-Identifier: MIT */
/* test_fs.c: files: what the calls do, whose an open file is, and what is left of a call that
 * is given up. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime.h"

#define SOON bh_after(BH_S(30))

enum {
	BIG = 3 << 20 /* beyond what goes by a job's own memory, and no multiple of it */
};

/* A folder of this test's, in the task's memory. */
static char *folder(void)
{
	char *path = bh_alloc(64);

	CHECK(path);
	snprintf(path, 64, "/tmp/bulkhead-fs-XXXXXX");
	CHECK(mkdtemp(path));
	return path;
}

static char *in(const char *dir, const char *name)
{
	char *path = bh_alloc(200);

	CHECK(path && snprintf(path, 200, "%s/%s", dir, name) < 200);
	return path;
}

static int is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	CHECK(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Out of the memory of the system: what is read next comes from the disk. */
static void forget(bh_io f)
{
	CHECK(bh_fs_sync(f, 0, SOON) == 0);
	CHECK(posix_fadvise(bh_io_fd(f), 0, 0, POSIX_FADV_DONTNEED) == 0);
}

/* -- what they do --------------------------------------------------------------------------- */

TEST(what_is_written_is_read)
{
	const char *dir = folder(), *path = in(dir, "file");
	unsigned char *out = bh_alloc(BIG), *back = bh_calloc(1, BIG);
	bh_io f;

	CHECK(out && back);
	for (int i = 0; i < BIG; i++)
		out[i] = (unsigned char)(i * 7 + i / 251);
	CHECK(bh_fs_open(&f, path, O_RDWR | O_CREAT | O_EXCL, 0600, SOON) == 0);
	CHECK(bh_fs_pwrite(f, out, BIG, 3, SOON) == BIG);
	CHECK(bh_fs_pwrite(f, "abc", 3, 0, SOON) == 3);
	for (int cold = 0; cold < 2; cold++) {
		if (cold)
			forget(f);
		memset(back, 0, BIG);
		CHECK(bh_fs_pread(f, back, BIG, 3, SOON) == BIG);
		CHECK(memcmp(out, back, BIG) == 0);
		if (cold)
			forget(f);
		CHECK(bh_fs_pread(f, back, 10, 0, SOON) == 10);
		CHECK(memcmp(back, "abc", 3) == 0 && memcmp(back + 3, out, 7) == 0);
		/* The file ends in it. */
		CHECK(bh_fs_pread(f, back, 100000, BIG - 7, SOON) == 10);
		CHECK(bh_fs_pread(f, back, 10, BIG + 100, SOON) == 0);
	}
	CHECK(bh_fs_try_pread(f, back, 10, 0) == 10);
	ssize_t n = bh_fs_try_pwrite(f, "abc", 3, 0);
	CHECK(n == 3 || n == -EAGAIN);
	CHECK(bh_close(f) == 0);
	CHECK(bh_fs_pread(f, back, 10, 0, SOON) == -BH_ESTALE);
	CHECK(bh_fs_unlink(path, SOON) == 0 && bh_fs_rmdir(dir, SOON) == 0);
}

/* Of a pinned task, and from memory that no other process has. */
static int64_t pinned(void *arg)
{
	const char *path = in(arg, "pinned");
	char *out = malloc(BIG), *back = calloc(1, BIG);
	bh_io f;

	CHECK(out && back);
	memset(out, 'x', BIG);
	out[BIG - 1] = 'y';
	CHECK(bh_fs_open(&f, path, O_RDWR | O_CREAT, 0600, SOON) == 0);
	CHECK(bh_fs_pwrite(f, out, BIG, 0, SOON) == BIG);
	forget(f);
	CHECK(bh_fs_pread(f, back, BIG, 0, SOON) == BIG && memcmp(out, back, BIG) == 0);
	free(out);
	free(back);
	return bh_fs_unlink(path, SOON);
}

TEST(memory_that_a_job_does_not_have_is_copied)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	const char *dir = folder();
	struct bh_result res;
	bh_task t;

	o.pinned = 1;
	CHECK(bh_spawn(&t, pinned, dir, strlen(dir) + 1, &o) == 0);
	CHECK(bh_join(t, &res, SOON) == 0 && res.end == BH_END_RETURNED && res.value == 0);
	CHECK(bh_fs_rmdir(dir, SOON) == 0);
}

TEST(names_and_folders)
{
	const char *dir = folder(), *a = in(dir, "a"), *b = in(dir, "b"), *sub = in(dir, "sub");
	struct bh_fs_dir *list;
	struct stat st;
	bh_io f;

	CHECK(bh_fs_mkdir(sub, 0700, SOON) == 0 && bh_fs_mkdir(sub, 0700, SOON) == -EEXIST);
	CHECK(bh_fs_open(&f, a, O_WRONLY, 0, SOON) == -ENOENT);
	CHECK(bh_fs_open(&f, a, O_WRONLY | O_CREAT, 0600, SOON) == 0);
	CHECK(bh_fs_pwrite(f, "12345", 5, 0, SOON) == 5 && bh_fs_truncate(f, 3, SOON) == 0);
	CHECK(bh_fs_fstat(f, &st, SOON) == 0 && st.st_size == 3 && S_ISREG(st.st_mode));
	CHECK(bh_fs_pread(f, &st, 1, 0, SOON) == -EBADF); /* it is open for writing */
	CHECK(bh_fs_sync(f, 1, SOON) == 0 && bh_close(f) == 0);
	CHECK(bh_fs_rename(a, b, SOON) == 0 && bh_fs_rename(a, b, SOON) == -ENOENT);
	CHECK(bh_fs_stat(a, &st, 1, SOON) == -ENOENT);
	CHECK(bh_fs_stat(b, &st, 1, SOON) == 0 && st.st_size == 3);
	CHECK(symlink("nowhere", a) == 0);
	CHECK(bh_fs_stat(a, &st, 1, SOON) == -ENOENT);
	CHECK(bh_fs_stat(a, &st, 0, SOON) == 0 && S_ISLNK(st.st_mode));
	CHECK(bh_fs_readdir(dir, &list, SOON) == 0 && list->count == 3);
	for (size_t i = 0; i < 3; i++) {
		const struct bh_fs_entry *e = &list->entry[i];

		CHECK(!strcmp(e->name, "a")   ? e->type == DT_LNK :
		      !strcmp(e->name, "b")   ? e->type == DT_REG :
		      !strcmp(e->name, "sub") ? e->type == DT_DIR :
						0);
	}
	bh_free(list);
	CHECK(bh_fs_rmdir(dir, SOON) == -ENOTEMPTY);
	CHECK(bh_fs_unlink(a, SOON) == 0 && bh_fs_unlink(b, SOON) == 0);
	CHECK(bh_fs_rmdir(sub, SOON) == 0);
	CHECK(bh_fs_readdir(dir, &list, SOON) == 0 && list->count == 0);
	CHECK(bh_fs_rmdir(dir, SOON) == 0);
	CHECK(bh_fs_readdir(dir, &list, SOON) == -ENOENT);
}

TEST(a_folder_with_many_files_is_listed)
{
	const char *dir = folder();
	struct bh_fs_dir *list;
	unsigned long sum = 0;
	char path[200];

	for (int i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), "%s/a-name-of-some-length-%d", dir, i);
		CHECK(mknod(path, S_IFREG | 0600, 0) == 0);
	}
	CHECK(bh_fs_readdir(dir, &list, SOON) == 0 && list->count == 3000);
	for (size_t i = 0; i < list->count; i++) {
		sum += strtoul(list->entry[i].name + strlen("a-name-of-some-length-"), NULL, 10);
		snprintf(path, sizeof(path), "%s/%s", dir, list->entry[i].name);
		CHECK(unlink(path) == 0);
	}
	CHECK(sum == 3000ul * 2999 / 2 && rmdir(dir) == 0);
}

TEST(a_full_disk_is_said)
{
	bh_io f;
	char *some = bh_calloc(1, BIG);

	CHECK(bh_fs_open(&f, "/dev/full", O_WRONLY, 0, SOON) == 0);
	CHECK(bh_fs_pwrite(f, "x", 1, 0, SOON) == -ENOSPC);
	CHECK(bh_fs_pwrite(f, some, BIG, 0, SOON) == -ENOSPC);
	CHECK(bh_close(f) == 0);
}

TEST(what_is_no_file_is_refused)
{
	bh_io listener;
	char c;

	CHECK(bh_listen(&listener, "127.0.0.1:0") == 0);
	CHECK(bh_fs_pread(listener, &c, 1, 0, SOON) == -EBADF);
	CHECK(bh_close(listener) == 0);
	bh_io f;
	CHECK(bh_fs_open(&f, "/dev/null", O_RDWR, 0, SOON) == 0);
	CHECK(bh_read(f, &c, 1, SOON) == -ENOTSOCK);
	CHECK(bh_fs_open(&listener, NULL, O_RDONLY, 0, SOON) == -EINVAL);
	CHECK(bh_fs_pread(f, &c, 1, -1, SOON) == -EINVAL);
	CHECK(bh_close(f) == 0);
}

TEST(nowait_reads_what_is_in_memory_alone)
{
	const char *dir = folder(), *path = in(dir, "f");
	struct stat st;
	char c[4];
	bh_io f;

	CHECK(bh_fs_stat(dir, &st, 1, BH_NOWAIT) == -BH_ETIMEDOUT);
	CHECK(bh_fs_open(&f, path, O_RDWR | O_CREAT, 0600, SOON) == 0);
	CHECK(bh_fs_pwrite(f, "1234", 4, 0, SOON) == 4);
	CHECK(bh_fs_pread(f, c, 4, 0, BH_NOWAIT) == 4);
	forget(f);
	ssize_t n = bh_fs_pread(f, c, 4, 0, BH_NOWAIT);
	CHECK(n == -BH_ETIMEDOUT || n == 4); /* some file systems keep it */
	CHECK(unlink(path) == 0 && rmdir(dir) == 0);
}

/* -- whose it is ------------------------------------------------------------------------------ */

enum end {
	RETURN,
	CRASH,
	FOR_EVER
};

struct opener {
	_Atomic int *fd;
	enum end end;
};

static int64_t opens(void *arg)
{
	struct opener *o = arg;
	bh_io f;

	CHECK(bh_fs_open(&f, "/etc/passwd", O_RDONLY, 0, SOON) == 0);
	*o->fd = bh_io_fd(f);
	CHECK(*o->fd > 2 && is_open(*o->fd) && (fcntl(*o->fd, F_GETFD) & FD_CLOEXEC));
	if (o->end == CRASH)
		raise(SIGSEGV);
	return o->end == FOR_EVER ? bh_suspend(BH_FOREVER) : 0;
}

TEST(a_file_is_closed_with_its_task)
{
	struct opener o = { .fd = bh_calloc(1, sizeof(int)) };
	struct bh_result res;
	bh_task t;

	for (o.end = RETURN; o.end <= FOR_EVER; o.end++) {
		*o.fd = 0;
		CHECK(bh_spawn(&t, opens, &o, sizeof(o), NULL) == 0);
		EVENTUALLY(*o.fd);
		if (o.end == FOR_EVER)
			CHECK(bh_abort(t) == 0);
		CHECK(bh_join(t, &res, SOON) == 0);
		CHECK((res.end == BH_END_CRASHED) == (o.end == CRASH));
		EVENTUALLY(!is_open(*o.fd)); /* of a crashed one by the zygote */
	}
}

static int64_t reads_given(void *arg)
{
	char c[4];

	CHECK(bh_fs_pread(*(bh_io *)arg, c, 4, 0, SOON) == 4);
	return memcmp(c, "root", 4);
}

TEST(a_file_can_be_given_away)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	struct bh_result res;
	bh_task t;
	bh_io f;
	char c;

	CHECK(bh_fs_open(&f, "/etc/passwd", O_RDONLY, 0, SOON) == 0);
	o.give = f;
	CHECK(bh_spawn(&t, reads_given, &f, sizeof(f), &o) == 0);
	CHECK(bh_fs_pread(f, &c, 1, 0, SOON) == -BH_ESTALE);
	CHECK(bh_join(t, &res, SOON) == 0 && res.value == 0);
}

static int64_t as_job(void *arg)
{
	const char *path = in(arg, "by-a-job");
	struct bh_fs_dir *list;
	struct stat st;
	char c[3];
	bh_io f;

	CHECK(bh_fs_open(&f, path, O_RDWR | O_CREAT, 0600, BH_NOWAIT) == 0);
	CHECK(bh_fs_pwrite(f, "job", 3, 0, BH_NOWAIT) == 3);
	CHECK(bh_fs_pread(f, c, 3, 0, BH_NOWAIT) == 3 && !memcmp(c, "job", 3));
	CHECK(bh_fs_fstat(f, &st, BH_NOWAIT) == 0 && st.st_size == 3);
	CHECK(bh_fs_readdir(arg, &list, BH_NOWAIT) == 0 && list->count == 1);
	CHECK(!strcmp(list->entry[0].name, "by-a-job"));
	CHECK(bh_fs_unlink(path, BH_NOWAIT) == 0);
	return bh_io_fd(f);
}

TEST(a_job_calls_in_place)
{
	const char *dir = folder();
	struct bh_result res;
	bh_task t;

	CHECK(bh_spawn_blocking(&t, as_job, dir, strlen(dir) + 1, NULL) == 0);
	CHECK(bh_join(t, &res, SOON) == 0 && res.end == BH_END_RETURNED);
	CHECK(!is_open((int)res.value)); /* the job's own, closed with it */
	CHECK(rmdir(dir) == 0);
}

/* -- what is given up --------------------------------------------------------------------------- */

static int no_job_runs(void)
{
	struct bh_stats st = { .size = sizeof(st) };

	CHECK(bh_stats_get(&st) == 0);
	return st.blocking_idle == st.blocking_processes && !st.blocking_waiting;
}

TEST(a_deadline_ends_an_open_that_waits)
{
	const char *dir = folder(), *path = in(dir, "fifo");
	int before;
	bh_io f;

	CHECK(mkfifo(path, 0600) == 0);
	before = open_files();
	for (int i = 0; i < 5; i++)
		CHECK(bh_fs_open(&f, path, O_RDONLY, 0, bh_after(BH_MS(20))) == -BH_ETIMEDOUT);
	EVENTUALLY(no_job_runs());
	CHECK(open(path, O_WRONLY | O_NONBLOCK) < 0 && errno == ENXIO); /* nobody waits there */
	EVENTUALLY(open_files() <= before);
	CHECK(unlink(path) == 0 && rmdir(dir) == 0);
}

static int64_t waits_in_open(void *arg)
{
	bh_io f;

	return bh_fs_open(&f, arg, O_RDONLY, 0, BH_FOREVER);
}

TEST(an_abort_ends_it_too)
{
	const char *dir = folder(), *path = in(dir, "fifo");
	struct bh_result res;
	bh_task t;

	CHECK(mkfifo(path, 0600) == 0);
	CHECK(bh_spawn(&t, waits_in_open, path, strlen(path) + 1, NULL) == 0);
	CHECK(bh_sleep(BH_MS(20)) == 0 && bh_abort(t) == 0);
	CHECK(bh_join(t, &res, SOON) == 0 && res.value == -BH_ECANCELED);
	CHECK(unlink(path) == 0 && rmdir(dir) == 0);
}

/* Kills the service's processes for jobs. */
static void kill_jobs(void)
{
	DIR *d = opendir("/proc");
	const struct dirent *e;
	char path[300], comm[64];
	FILE *f;

	CHECK(d);
	while ((e = readdir(d))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		if (pid <= 0 || getsid(pid) != getsid(0) || !(f = fopen(path, "r")))
			continue;
		if (fgets(comm, sizeof(comm), f) && !strncmp(comm, "bh:", 3) && strstr(comm, ":b"))
			kill(pid, SIGKILL);
		fclose(f);
	}
	closedir(d);
}

TEST(the_death_of_the_process_is_an_error)
{
	const char *dir = folder(), *path = in(dir, "fifo");
	struct bh_result res;
	bh_task t;

	CHECK(mkfifo(path, 0600) == 0);
	CHECK(bh_spawn(&t, waits_in_open, path, strlen(path) + 1, NULL) == 0);
	CHECK(bh_sleep(BH_MS(50)) == 0);
	int64_t end = bh_after(BH_S(30));
	int err;
	do {
		kill_jobs();
		err = bh_join(t, &res, bh_after(BH_MS(50)));
	} while (err == -BH_ETIMEDOUT && bh_now() < end);
	CHECK(err == 0 && res.value == -EIO);
	CHECK(unlink(path) == 0 && rmdir(dir) == 0);
}

/* Whether it came in time or not: once the call has answered, nothing touches the buffer. */
TEST(a_long_read_that_is_given_up_is_over)
{
	const char *dir = folder(), *path = in(dir, "long");
	unsigned char *buf = bh_calloc(1, BIG);
	int in_time = 0, late = 0;
	bh_io f;

	memset(buf, 7, BIG);
	CHECK(bh_fs_open(&f, path, O_RDWR | O_CREAT, 0600, SOON) == 0);
	CHECK(bh_fs_pwrite(f, buf, BIG, 0, SOON) == BIG);
	for (int i = 0; i < 40; i++) {
		forget(f);
		memset(buf, 0, BIG);
		ssize_t n = bh_fs_pread(f, buf, BIG, 0, bh_after(BH_US(50 * i)));
		CHECK(n == BIG || n == -BH_ETIMEDOUT);
		n == BIG ? in_time++ : late++;
		memset(buf, 9, BIG);
		CHECK(bh_sleep(BH_MS(2)) == 0);
		for (int at = 0; at < BIG; at += 4096)
			CHECK(buf[at] == 9);
	}
	printf("long reads: %d in time, %d given up\n", in_time, late);
	CHECK(late > 0);
	CHECK(bh_close(f) == 0 && unlink(path) == 0 && rmdir(dir) == 0);
}

/* -- poll tasks ----------------------------------------------------------------------------------- */

struct poller {
	struct bh_async async;
	struct bh_fs_op op;
	bh_io f;
	struct bh_fs_dir *list;
	struct stat st;
	ssize_t n;
	int err;
	off_t at;
	char dir[64], a[80], b[80], sub[80], buf[100];
	char *big;
};

static enum bh_poll poller(struct bh_cx *cx, void *state)
{
	struct poller *p = state;

	BH_ASYNC_BEGIN(cx, &p->async);
	BH_AWAIT(p->err, bh_poll_fs_open(cx, &p->op, &p->f, p->a, O_RDONLY, 0));
	CHECK(p->err == -ENOENT);
	BH_AWAIT(p->err, bh_poll_fs_open(cx, &p->op, &p->f, p->a, O_RDWR | O_CREAT, 0600));
	CHECK(p->err == 0);
	CHECK((p->big = bh_calloc(1, BIG)));
	memset(p->big, 'z', BIG);
	for (p->at = 0; p->at < BIG; p->at += p->n) {
		BH_AWAIT(p->n, bh_poll_fs_pwrite(cx, &p->op, p->f, p->big + p->at,
						 (size_t)(BIG - p->at), p->at));
		CHECK(p->n > 0);
	}
	BH_AWAIT(p->err, bh_poll_fs_sync(cx, &p->op, p->f, 0));
	CHECK(p->err == 0 && posix_fadvise(bh_io_fd(p->f), 0, 0, POSIX_FADV_DONTNEED) == 0);
	memset(p->big, 0, BIG);
	for (p->at = 0; p->at < BIG; p->at += p->n) {
		BH_AWAIT(p->n, bh_poll_fs_pread(cx, &p->op, p->f, p->big + p->at, BIG, p->at));
		CHECK(p->n > 0 && p->big[p->at] == 'z' && p->big[p->at + p->n - 1] == 'z');
	}
	CHECK(p->at == BIG);
	BH_AWAIT(p->n, bh_poll_fs_pread(cx, &p->op, p->f, p->buf, 10, BIG));
	CHECK(p->n == 0);
	BH_AWAIT(p->err, bh_poll_fs_truncate(cx, &p->op, p->f, 5));
	CHECK(p->err == 0);
	BH_AWAIT(p->err, bh_poll_fs_fstat(cx, &p->op, p->f, &p->st));
	CHECK(p->err == 0 && p->st.st_size == 5);
	BH_AWAIT(p->err, bh_poll_fs_rename(cx, &p->op, p->a, p->b));
	CHECK(p->err == 0);
	BH_AWAIT(p->err, bh_poll_fs_stat(cx, &p->op, p->b, &p->st, 1));
	CHECK(p->err == 0 && p->st.st_size == 5);
	BH_AWAIT(p->err, bh_poll_fs_mkdir(cx, &p->op, p->sub, 0700));
	CHECK(p->err == 0);
	BH_AWAIT(p->err, bh_poll_fs_readdir(cx, &p->op, p->dir, &p->list));
	CHECK(p->err == 0 && p->list->count == 2);
	BH_AWAIT(p->err, bh_poll_fs_unlink(cx, &p->op, p->b));
	CHECK(p->err == 0);
	BH_AWAIT(p->err, bh_poll_fs_rmdir(cx, &p->op, p->sub));
	CHECK(p->err == 0);
	BH_AWAIT(p->err, bh_poll_fs_rmdir(cx, &p->op, p->dir));
	CHECK(p->err == 0 && p->op.job == 0);
	BH_ASYNC_END();
}

TEST(a_poll_task_has_all_of_it)
{
	const char *dir = folder();
	struct poller p = { .n = 0 };
	struct bh_result res;
	bh_task t;

	snprintf(p.dir, sizeof(p.dir), "%s", dir);
	snprintf(p.a, sizeof(p.a), "%s/a", dir);
	snprintf(p.b, sizeof(p.b), "%s/b", dir);
	snprintf(p.sub, sizeof(p.sub), "%s/sub", dir);
	CHECK(bh_spawn_poll(&t, poller, &p, sizeof(p), NULL) == 0);
	CHECK(bh_join(t, &res, SOON) == 0 && res.end == BH_END_RETURNED);
}

struct leaver {
	struct bh_fs_op op;
	bh_io f;
	_Atomic int *begun;
	int give_up;
};

/* Opens, and looks never again. */
static enum bh_poll leaver(struct bh_cx *cx, void *state)
{
	struct leaver *l = state;

	if (*l->begun)
		return BH_PENDING;
	int rc = bh_poll_fs_open(cx, &l->op, &l->f, "/etc/passwd", O_RDONLY, 0);
	CHECK(rc == -EAGAIN || rc == 0); /* a fast one has ended by now */
	if (l->give_up) {
		bh_fs_give_up(&l->op);
		CHECK(l->op.job == 0);
		bh_fs_give_up(&l->op);
		return BH_READY;
	}
	*l->begun = 1;
	return BH_PENDING;
}

static int64_t nothing(void *unused)
{
	(void)unused;
	return 0;
}

static int job_is_done(void)
{
	bh_task t;

	return bh_spawn_blocking(&t, nothing, NULL, 0, NULL) == 0 && bh_join(t, NULL, SOON) == 0;
}

TEST(what_nobody_takes_is_closed)
{
	struct leaver l = { .begun = bh_calloc(1, sizeof(int)) };
	int before = open_files();
	bh_task t;

	for (int i = 0; i < 30; i++) {
		l.give_up = i % 2;
		*l.begun = 0;
		CHECK(bh_spawn_poll(&t, leaver, &l, sizeof(l), NULL) == 0);
		if (!l.give_up) {
			EVENTUALLY(*l.begun);
			if (i % 4) /* else perhaps before it is open */
				CHECK(bh_sleep(BH_MS(2)) == 0);
			CHECK(bh_abort(t) == 0);
		}
		CHECK(bh_join(t, NULL, SOON) == 0);
	}
	/* Its process has work, so it is not by its end that they are closed. */
	EVENTUALLY(job_is_done() && open_files() <= before);
}

RUNTIME_MAIN("fs")
