/* SPDX-License-Identifier: MIT */
/*
 * clock.h: a service's clock: CLOCK_MONOTONIC plus an offset, or standing still.
 *
 * One word holds all of it, so that a change is one CAS:
 *
 *     63                                2   1      0
 *    ┌───────────────────────────────────┬──────┬────────┐
 *    │ runs: offset in ns                │ auto │ paused │
 *    │ paused: the time it stands at, ns │      │        │
 *    └───────────────────────────────────┴──────┴────────┘
 *
 * All deadlines of a service are in its clock; the kernel keeps its wheel in it,
 * too. 0 is a clock that runs and was never touched. Workers write the word
 * (workers/base/clock.c), and the kernel moves a clock that stands on when there is
 * nothing else to do (auto). To the kernel it is a hostile value like any other:
 * every word is some clock.
 */
#ifndef BH_IPC_CLOCK_H
#define BH_IPC_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
	BH_CLOCK_PAUSED = 1,
	BH_CLOCK_AUTO = 2,
	BH_CLOCK_SHIFT = 2,
};

#define BH_CLOCK_MAX (INT64_MAX >> BH_CLOCK_SHIFT)

static inline int64_t bh_clock_word(int64_t ns, int64_t flags)
{
	return (int64_t)((uint64_t)ns << BH_CLOCK_SHIFT) | flags;
}

/* What the clock shows when CLOCK_MONOTONIC shows @real_ns. */
static inline int64_t bh_clock_read(int64_t word, int64_t real_ns)
{
	int64_t ns = word >> BH_CLOCK_SHIFT, now;

	if (word & BH_CLOCK_PAUSED)
		return ns;
	return __builtin_add_overflow(real_ns, ns, &now) ? real_ns : now;
}

/* The CLOCK_MONOTONIC time at which this clock will show @at_ns; INT64_MAX: never, as
 * things stand. */
static inline int64_t bh_clock_real(int64_t word, int64_t at_ns)
{
	int64_t real;

	if (word & BH_CLOCK_PAUSED)
		return INT64_MAX;
	return __builtin_sub_overflow(at_ns, word >> BH_CLOCK_SHIFT, &real) ? INT64_MAX : real;
}

#endif
