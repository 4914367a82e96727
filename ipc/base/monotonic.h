/* SPDX-License-Identifier: MIT */
/* monotonic.h: CLOCK_MONOTONIC, whatever a service's clock shows (clock.h). */
#ifndef BH_IPC_MONOTONIC_H
#define BH_IPC_MONOTONIC_H

#include <stdint.h>
#include <time.h>

/* In ns. Async-signal-safe. */
static inline int64_t bh_monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

#endif
