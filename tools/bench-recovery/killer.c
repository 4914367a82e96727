/* SPDX-License-Identifier: MIT */
/*
 * killer.c: kills the worker that the page names, again and again, and measures
 * from before kill() to the first poll in its successor.
 *
 *     recovery-killer PAGE TASKS KILLS
 *
 * Between two kills it waits so long that the worker counts as healthy.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "page.h"

enum {
	PAUSE_MS = 120,
	PATIENCE_MS = 10000,
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pause_us(long us)
{
	struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Kills once; the ns it took, or -1. */
static int64_t once(struct page *page)
{
	int32_t pid = atomic_load(&page->pid);
	int64_t begin = now_ns();

	if (pid <= 0 || kill(pid, SIGKILL))
		return -1;
	while (atomic_load(&page->pid) == pid) {
		if (now_ns() - begin > PATIENCE_MS * INT64_C(1000000))
			return -1;
		pause_us(500);
	}
	return atomic_load(&page->polled_ns) - begin;
}

int main(int argc, char **argv)
{
	unsigned long tasks = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	int kills = argc == 4 ? atoi(argv[3]) : 0, fd;
	struct page *page;
	int64_t *took;

	if (kills <= 0) {
		fputs("usage: recovery-killer PAGE TASKS KILLS\n", stderr);
		return 100;
	}
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	took = calloc((size_t)kills, sizeof(*took));
	if (page == MAP_FAILED || !took)
		return 111;
	for (int i = 0; atomic_load(&page->pid) == 0 && i < PATIENCE_MS * 6; i++)
		pause_us(1000);
	pause_us(2000000);
	if (atomic_load(&page->sleepers) < tasks) {
		fprintf(stderr, "only %u tasks sleep\n", atomic_load(&page->sleepers));
		return 1;
	}
	for (int i = 0; i < kills; i++) {
		pause_us(PAUSE_MS * 1000);
		took[i] = once(page);
		if (took[i] < 0) {
			fprintf(stderr, "kill %d: no worker came back\n", i);
			return 1;
		}
	}
	qsort(took, (size_t)kills, sizeof(*took), ascending);
	printf("%8lu tasks: p50 %.0f us, p99 %.0f us, max %.0f us (%d kills)\n", tasks,
	       (double)took[kills / 2] / 1e3, (double)took[(kills - 1) * 99 / 100] / 1e3,
	       (double)took[kills - 1] / 1e3, kills);
	free(took);
	return 0;
}
