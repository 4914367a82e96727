/* SPDX-License-Identifier: MIT */
/* clockjump.c: preloaded, it makes the wall clock jump by years with every look at it;
 * the other clocks go on as they are. */
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* To be seen in place of the C library's. */
#pragma GCC visibility push(default)

enum {
	YEARS = 2 * 365 * 24 * 3600,
};

static time_t jump(void)
{
	static unsigned int looks;

	return looks++ % 2 ? YEARS : -YEARS;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	if (!rc && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec += jump();
	return rc;
}

time_t time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec ts;

	(void)tz;
	clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){ .tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000 };
	return 0;
}
