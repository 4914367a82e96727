/* SPDX-License-Identifier: MIT */
/* clock.c: see clock.h. */
#include "kernel/base/clock.h"

#include <time.h>

int64_t bh_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * BH_NS_PER_S + ts.tv_nsec;
}
