/* SPDX-License-Identifier: MIT */
/*
 * lines.c: a service that prints, in each way and place there is, for lines.sh. With the
 * option `file` main prints a line to stdout and waits until that file is there.
 */
#include <bulkhead/bulkhead.h>

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int init(void)
{
	fputs("by init\n", stderr);
	return 0;
}

static int worker_init(void)
{
	fputs("by worker_init\n", stderr);
	return 0;
}

static int64_t talk(void *unused)
{
	(void)unused;
	fprintf(stderr, "%s\n", "whole");
	fputs("in ", stderr);
	putc('p', stderr);
	fprintf(stderr, "ie%s", "ces\ntwo lines ");
	fputs("at once\n", stderr);
	errno = ENOENT;
	perror("perror");
	if (fileno(stderr) == STDERR_FILENO && errno == ENOENT)
		fputs("errno and fileno\n", stderr);
	if (write(STDERR_FILENO, "raw\n", 4) != 4)
		return 1;
	fputs("before a wait", stderr);
	if (bh_sleep(BH_MS(10)))
		return 1;
	fputs("after it\n", stderr);
	for (int i = 0; i < 1000; i++)
		fputs("0123456789", stderr);
	putc('\n', stderr);
	return 0;
}

static int64_t crash(void *unused)
{
	(void)unused;
	fputs("last words", stderr);
	abort();
}

static int64_t asserts(void *unused)
{
	(void)unused;
	assert(unused && "is there");
	return 0;
}

static int64_t leave(void *unused)
{
	(void)unused;
	fputs("at exit", stderr);
	exit(3);
}

static void *print(void *unused)
{
	fputs("by a thread\n", stderr);
	return unused;
}

static int64_t others(void *unused)
{
	pthread_t t;

	(void)unused;
	if (pthread_create(&t, NULL, print, NULL) || pthread_join(t, NULL))
		return 1;
	pid_t pid = fork();

	if (!pid) {
		fputs("by a child\n", stderr);
		_exit(0);
	}
	return waitpid(pid, NULL, 0) != pid || system("echo by a program >&2");
}

static int64_t job(void *unused)
{
	(void)unused;
	fputs("by a job\n", stderr);
	return 0;
}

static void call(bh_fiber_fn fn, const char *name)
{
	struct bh_spawn_opts o = { .size = sizeof(o), .name = name };
	bh_task t;

	if (bh_spawn(&t, fn, NULL, 0, &o) || bh_join(t, NULL, BH_FOREVER))
		puts("it was not run");
}

static int64_t run(void *unused)
{
	struct bh_spawn_opts o = { .size = sizeof(o), .name = "lines.job" };
	const char *file = bh_option("file");
	bh_task t;

	(void)unused;
	puts("data");
	while (file && access(file, F_OK))
		if (bh_sleep(BH_MS(20)))
			return 1;
	call(talk, "lines.talk");
	call(crash, "lines.crash");
	call(asserts, "lines.asserts");
	call(leave, "lines.leave");
	call(others, "lines.others");
	if (bh_spawn_blocking(&t, job, NULL, 0, &o) || bh_join(t, NULL, BH_FOREVER))
		puts("it was not run");
	return 0;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "lines",
	.init = init,
	.main = run,
	.worker_init = worker_init,
};
