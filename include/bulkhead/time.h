/* SPDX-License-Identifier: MIT */
/*
 * time.h: the clock, sleeping, time limits, intervals, and a clock for tests.
 *
 * Deadlines: see base.h. Timers have a resolution of 1 ms: never early, late by at
 * most that plus one wake-up. A task has one deadline at a time: the one of the call
 * it waits in, or the last set by bh_poll_at() (task.h). Moving it later or
 * dropping it costs a store.
 */
#ifndef BULKHEAD_TIME_H
#define BULKHEAD_TIME_H

#include <bulkhead/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bh_cx;

/* Now, in ns: CLOCK_MONOTONIC, unless a test moved the service's clock (below). */
BH_API int64_t bh_now(void);

/* The deadline @ns from now (saturating at BH_FOREVER). */
BH_API int64_t bh_after(int64_t ns);

/* Suspends the running fiber for @ns; never shorter. Errors: -BH_ECANCELED,
 * -BH_ETIMEDOUT (a bh_run_until() around it ended it), -EDEADLK (not in a fiber). */
BH_API int bh_sleep(int64_t ns);

/* Suspends the running fiber until @deadline. Errors: as bh_sleep(). */
BH_API int bh_sleep_until(int64_t deadline);

/*
 * Runs @fn(@arg), in this fiber, with a time limit: from @deadline on every call in
 * it that waits answers -BH_ETIMEDOUT, whatever deadline of its own it was given.
 * @fn is expected to clean up and return; the limit is cooperative, as all canceling
 * here: code that never waits is not interrupted (see hog limits). Limits nest: the
 * earlier one wins.
 *
 * Returns 0 if @fn returned in time, or -BH_ETIMEDOUT if it returned later,
 * whether or not a call in it was cut short. *@value (may be NULL) is the value
 * of @fn, either way. Errors: -EDEADLK (not in a fiber: @fn was not called).
 */
BH_API int bh_run_until(int64_t (*fn)(void *arg), void *arg, int64_t *value, int64_t deadline);

/* -- intervals ------------------------------------------------------------------ */

/* How an interval makes up for ticks that its task missed. With a period
 * of 10 ms, and 25 ms lost after the tick at 0, the next ticks are at (less than 5 ms
 * late is not missed): */
enum bh_missed {
	BH_MISSED_BURST = 0, /* 10 and 20 (at once), 30, 40: no tick is left out */
	BH_MISSED_DELAY = 1, /* 25 (at once), 35, 45: a period after the last tick */
	BH_MISSED_SKIP = 2,  /* 25 (at once), 30, 40: back to the original schedule */
};

/* A plain value: it may lie anywhere that its task may use, and needs no end. */
struct bh_interval {
	int64_t next;   /* when the next tick is due */
	int64_t period; /* ns */
	enum bh_missed missed;
};

/* The first tick is at @start (bh_now(): at once), then one each @period ns.
 * Errors: -EINVAL (a period below 1). */
BH_API int bh_interval_init(struct bh_interval *iv, int64_t start, int64_t period,
			    enum bh_missed missed) BH_NODISCARD;

/*
 * Suspends the running fiber until the next tick. *@tick (may be NULL) is the time when
 * it was due. On an error no tick is used up. Errors: as bh_sleep().
 */
BH_API int bh_interval_tick(struct bh_interval *iv, int64_t *tick) BH_NODISCARD;

/* For poll tasks: 0 if a tick is due (and is used up), else -EAGAIN, and the task
 * is polled again when it is. */
BH_API int bh_poll_interval_tick(struct bh_cx *cx, struct bh_interval *iv,
				 int64_t *tick) BH_NODISCARD;

/* The next tick is one period from now. */
BH_API void bh_interval_reset(struct bh_interval *iv);

/* -- a clock for tests ------------------------------------------------------------ */

/*
 * Stops the clock of the caller's service: bh_now() stands still and so do all its
 * deadlines, in every worker, until bh_clock_advance() moves it or
 * bh_clock_resume() lets it run on from where it stands. For tests of code that
 * waits: an hour's retry policy is tested in a moment, and always with the same
 * result.
 *
 * With @automatic the clock jumps by itself to the next deadline whenever every
 * worker is idle and no task is runnable. Waiting for a socket counts as idle: do
 * not use it with a real peer.
 *
 * The clock is the service's: it stays stopped when the task that stopped it crashes, and
 * ends with the service. Errors: -EPERM (no service runs here).
 */
BH_API int bh_clock_pause(int automatic) BH_NODISCARD;

/* Moves a stopped clock on by @ns. Tasks whose deadline has come are woken soon
 * after; wait for their results, do not assume that they have run. Errors: -EINVAL
 * (negative, or the clock runs), -EPERM. */
BH_API int bh_clock_advance(int64_t ns) BH_NODISCARD;

/* Lets a stopped clock run on. Errors: -EINVAL (it runs), -EPERM. */
BH_API int bh_clock_resume(void) BH_NODISCARD;

#ifdef __cplusplus
}
#endif
#endif
