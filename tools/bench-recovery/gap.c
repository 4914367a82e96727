/* SPDX-License-Identifier: MIT */
/*
 * gap.c: kills the kernel again and again, and measures what a client of the
 * service and a timer in it notice.
 *
 *     recovery-gap PAGE PORT GUARDIAN KILLS
 *
 * The client has one byte out at any time; the result of each kill is the longest time
 * that a byte took to come back. The pause between two kills is long enough for the
 * guardian not to give up.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench-recovery/page.h"

enum {
	PAUSE_MS = 700,
	PATIENCE_S = 20,
	DUE_S = 60,
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int dial(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* The longest round trip that began within @ms; -1: no answer. */
static int64_t longest(int fd, int64_t ms)
{
	int64_t begin = now_ns(), most = 0;
	char c = 'x';

	while (now_ns() - begin < ms * 1000000) {
		int64_t at = now_ns();

		if (write(fd, &c, 1) != 1 || read(fd, &c, 1) != 1)
			return -1;
		if (now_ns() - at > most)
			most = now_ns() - at;
	}
	return most;
}

static pid_t kernel_of(pid_t guardian)
{
	char path[64], name[32], children[4096] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", guardian, guardian);
	if (!(f = fopen(path, "r")))
		return -1;
	if (!fgets(children, sizeof(children), f))
		children[0] = '\0';
	fclose(f);
	for (char *at = strtok(children, " "); at; at = strtok(NULL, " ")) {
		snprintf(path, sizeof(path), "/proc/%.10s/comm", at);
		if (!(f = fopen(path, "r")))
			continue;
		if (!fgets(name, sizeof(name), f))
			name[0] = '\0';
		fclose(f);
		if (!strncmp(name, "bulkhead-kernel", 15))
			return atoi(at);
	}
	return -1;
}

static void print(const char *what, int64_t *took, int n)
{
	qsort(took, (size_t)n, sizeof(*took), ascending);
	printf("  %s: p50 %.1f ms, p99 %.1f ms, max %.1f ms\n", what, (double)took[n / 2] / 1e6,
	       (double)took[(n - 1) * 99 / 100] / 1e6, (double)took[n - 1] / 1e6);
}

static int measure(struct page *page, int fd, pid_t guardian, int kills)
{
	int64_t *calm = calloc((size_t)kills * 3, sizeof(*calm)), *gap, *late;

	if (!calm)
		return 111;
	gap = calm + kills;
	late = gap + kills;
	for (int i = 0; i < kills; i++) {
		calm[i] = longest(fd, PAUSE_MS / 7);
		pid_t kernel = kernel_of(guardian);

		atomic_store(&page->late_ns, 0);
		if (kernel <= 0 || kill(kernel, SIGKILL))
			return 1;
		gap[i] = longest(fd, PAUSE_MS);
		late[i] = atomic_load(&page->late_ns);
		if (calm[i] < 0 || gap[i] < 0) {
			fprintf(stderr, "kill %d: the service does not answer\n", i);
			return 1;
		}
	}
	print("longest round trip, nobody killed", calm, kills);
	print("longest round trip, kernel killed", gap, kills);
	print("a timer was late by at most", late, kills);
	free(calm);
	return 0;
}

int main(int argc, char **argv)
{
	int kills = argc == 5 ? atoi(argv[4]) : 0, file, fd, rc;

	if (kills <= 0) {
		fputs("usage: recovery-gap PAGE PORT GUARDIAN KILLS\n", stderr);
		return 100;
	}
	file = open(argv[1], O_RDWR | O_CLOEXEC);
	struct page *page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	fd = dial((uint16_t)atoi(argv[2]));
	if (page == MAP_FAILED || fd < 0)
		return 111;
	rc = measure(page, fd, atoi(argv[3]), kills);
	/* Every timer that was to fire meanwhile did. */
	for (int i = 0; !rc && i < DUE_S * 100; i++) {
		if (atomic_load(&page->woken) >= atomic_load(&page->due))
			break;
		usleep(10000);
	}
	if (!rc)
		printf("  timers met: %u of %u\n", atomic_load(&page->woken),
		       atomic_load(&page->due));
	return rc ? rc : atomic_load(&page->woken) != atomic_load(&page->due);
}
