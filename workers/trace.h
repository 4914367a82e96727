/* SPDX-License-Identifier: MIT */
/*
 * trace.h: what this worker does, as events in its ring (ipc/evring.h) and as static
 * probes (ipc/probe.h; tasks are told by index there, the lower half of a handle).
 * While nobody records or looks, each hook is one load, one branch that is not taken,
 * and a nop.
 */
#ifndef BH_WORKERS_TRACE_H
#define BH_WORKERS_TRACE_H

#include "ipc/probe.h"
#include "workers/rt.h"

/* The poll under way. */
struct bh_trace {
	int64_t since_ns; /* 0: it is not recorded */
	uint64_t task;
	uint32_t type;
	uint8_t outcome; /* enum bh_event_poll */
};

extern struct bh_trace bh_trace;

static inline bool bh_trace_on(void)
{
	return __builtin_expect(bh_ld_rlx(&bh_rt.v.a->recording) != 0, 0);
}

/* Out of the way of who does not record. */
void bh_trace_write_ready(enum bh_event_kind kind, uint32_t idx);
void bh_trace_write_begin(void);
void bh_trace_write_end(void);
void bh_trace_write_park(int64_t since_ns);
void bh_trace_write_steal(uint32_t took, uint32_t from);
int64_t bh_trace_clock(void);

/* Task @idx has become runnable, and is not yet where others find it. */
static inline void bh_trace_spawn(uint32_t idx)
{
	BH_PROBE3(spawn, idx, bh_rt.v.tasks[idx].type, bh_rt.idx);
	if (bh_trace_on())
		bh_trace_write_ready(BH_EV_SPAWN, idx);
}

static inline void bh_trace_wake(uint32_t idx)
{
	BH_PROBE3(wake, idx, bh_rt.v.tasks[idx].type, bh_rt.idx);
	if (bh_trace_on())
		bh_trace_write_ready(BH_EV_WAKE, idx);
}

/* bh_rt.task begins to be polled; and has been. */
static inline void bh_trace_poll(void)
{
	BH_PROBE2(poll__start, bh_rt.idx, bh_rt.task->type);
	if (bh_trace_on())
		bh_trace_write_begin();
}

static inline void bh_trace_polled(void)
{
	BH_PROBE1(poll__end, bh_rt.idx);
	if (__builtin_expect(bh_trace.since_ns != 0, 0))
		bh_trace_write_end();
}

/* How the poll ends, if it does not end by waiting: the one store that a poll costs
 * whoever does not record. */
static inline void bh_trace_outcome(enum bh_event_poll outcome)
{
	bh_trace.outcome = (uint8_t)outcome;
}

/* It goes to sleep: the time, for bh_trace_parked() when it has slept. */
static inline int64_t bh_trace_park(void)
{
	BH_PROBE1(park, bh_rt.slot);
	return bh_trace_on() ? bh_trace_clock() : 0;
}

static inline void bh_trace_parked(int64_t since_ns)
{
	if (__builtin_expect(since_ns != 0, 0))
		bh_trace_write_park(since_ns);
}

static inline void bh_trace_steal(uint32_t took, uint32_t from)
{
	BH_PROBE2(steal, took, from);
	if (bh_trace_on())
		bh_trace_write_steal(took, from);
}

#endif
