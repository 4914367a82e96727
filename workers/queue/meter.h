/* SPDX-License-Identifier: MIT */
/*
 * meter.h: times this worker's polls, for ipc/queue/meter.h.
 *
 * Reading the clock twice costs more than many a poll takes, so of short polls one in
 * many is timed and stands for those before it, and of long ones each: how many depends
 * on the poll that was timed last, and on chance, lest a rhythm of the tasks' hides
 * from it. Timing takes about a hundredth of the time either way.
 *
 * While the worker is recorded (trace.h) each poll may be timed, for the record. Who asks
 * whether one is timed asks for both: that is one count less for each poll, and a test.
 */
#ifndef BH_WORKERS_QUEUE_METER_H
#define BH_WORKERS_QUEUE_METER_H

#include "workers/base/rt.h"

/* This process begins to time, and to be busy. */
void bh_meter_start(void);

/* Between two polls: does somebody record? Then each of them is timed. */
void bh_meter_refresh(void);

int64_t bh_meter_time(void);
void bh_meter_timed(int64_t since_ns);

/* A poll begins: the time, for bh_meter_polled(); 0: this one is not timed. */
static inline int64_t bh_meter_poll(void)
{
	return __builtin_expect(--bh_rt.meter.until != 0, 1) ? 0 : bh_meter_time();
}

static inline void bh_meter_polled(int64_t since_ns)
{
	if (__builtin_expect(since_ns != 0, 0))
		bh_meter_timed(since_ns);
}

#endif
