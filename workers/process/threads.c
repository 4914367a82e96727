/* SPDX-License-Identifier: MIT */
/* threads.c: threads that init() leaves. A worker is a copy of the zygote's one thread:
 * whoever waits there for another one waits for ever. */
#include "workers/process/threads.h"

#include <dirent.h>
#include <time.h>

enum {
	LOOKS = 50,   /* a thread that was joined stands in the list until Linux has */
	LOOK_MS = 10, /* buried it */
};

/* 0: it cannot be told. */
static unsigned listed(void)
{
	DIR *d = opendir("/proc/self/task");
	const struct dirent *e;
	unsigned n = 0;

	if (!d)
		return 0;
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

unsigned bh_threads_left(void)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000l };
	unsigned n;

	for (int i = 0; (n = listed()) > 1 && i < LOOKS; i++)
		nanosleep(&pause, NULL);
	return n > 1 ? n - 1 : 0;
}
