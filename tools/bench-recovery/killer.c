/* SPDX-License-Identifier: MIT */
/*
 * killer.c: kills the worker that the page names, again and again, and measures
 * from before kill() to the first poll in its successor.
 *
 *     recovery-killer PAGE TASKS KILLS
 *
 * Between two kills the killer waits until the worker counts as healthy. Every other
 * kill measures instead the time until the death can be known (the process's
 * descriptor is readable): the part that is Linux's.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench-recovery/page.h"

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

/* Kills once; the ns until the first poll in the next one, or until the death can be
 * seen, or -1. */
static int64_t once(struct page *page, bool death)
{
	int32_t pid = atomic_load(&page->pid);
	struct pollfd pfd = { .events = POLLIN };
	int64_t begin, dead_at = 0;

	pfd.fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	begin = now_ns();
	if (pfd.fd < 0 || kill(pid, SIGKILL))
		return -1;
	if (death && poll(&pfd, 1, PATIENCE_MS) == 1)
		dead_at = now_ns();
	close(pfd.fd);
	while (atomic_load(&page->pid) == pid) {
		if (now_ns() - begin > PATIENCE_MS * INT64_C(1000000))
			return -1;
		pause_us(500);
	}
	return (death ? dead_at : atomic_load(&page->polled_ns)) - begin;
}

static void tell(const char *what, int64_t *took, int n)
{
	qsort(took, (size_t)n, sizeof(*took), ascending);
	printf("%s p50 %.0f us, p99 %.0f us, max %.0f us", what, (double)took[n / 2] / 1e3,
	       (double)took[(n - 1) * 99 / 100] / 1e3, (double)took[n - 1] / 1e3);
}

int main(int argc, char **argv)
{
	unsigned long tasks = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	int kills = argc == 4 ? atoi(argv[3]) : 0, fd;
	struct page *page;
	int64_t *took, *seen;

	if (kills <= 0) {
		fputs("usage: recovery-killer PAGE TASKS KILLS\n", stderr);
		return 100;
	}
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	took = calloc((size_t)kills, sizeof(*took));
	seen = calloc((size_t)kills, sizeof(*seen));
	if (page == MAP_FAILED || !took || !seen)
		return 111;
	for (int i = 0; atomic_load(&page->pid) == 0 && i < PATIENCE_MS * 6; i++)
		pause_us(1000);
	pause_us(2000000);
	if (atomic_load(&page->sleepers) < tasks) {
		fprintf(stderr, "only %u tasks sleep\n", atomic_load(&page->sleepers));
		return 1;
	}
	for (int i = 0; i < 2 * kills; i++) {
		int64_t *to = i % 2 ? &seen[i / 2] : &took[i / 2];

		pause_us(PAUSE_MS * 1000);
		*to = once(page, i % 2);
		if (*to < 0) {
			fprintf(stderr, "kill %d: no worker came back\n", i);
			return 1;
		}
	}
	printf("%8lu tasks:", tasks);
	tell("", took, kills);
	tell("; its death could be seen after", seen, kills);
	printf(" (%d kills each)\n", kills);
	free(seen);
	free(took);
	return 0;
}
