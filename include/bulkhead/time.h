/* SPDX-License-Identifier: MIT */
/*
 * time.h: the clock and sleeping. Deadlines: see base.h.
 */
#ifndef BULKHEAD_TIME_H
#define BULKHEAD_TIME_H

#include <bulkhead/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Now, in ns of CLOCK_MONOTONIC. */
BH_API int64_t bh_now(void);

/* The deadline @ns from now (saturating at BH_FOREVER). */
BH_API int64_t bh_after(int64_t ns);

/* Suspends the running fiber for @ns; never shorter. Errors: -BH_ECANCELED. */
BH_API int bh_sleep(int64_t ns);

/* Suspends the running fiber until @deadline. Errors: -BH_ECANCELED. */
BH_API int bh_sleep_until(int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
