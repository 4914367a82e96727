/* SPDX-License-Identifier: MIT */
/*
 * trace.h: what this worker does, as events in its ring (ipc/system/evring.h) and as static
 * probes (ipc/base/usdt.h; tasks are told by index there, the lower half of a handle).
 *
 * A worker looks whether somebody records when it begins, when it has slept, and where it
 * looks at epoll and at the inject queue (bh_meter_refresh()), and goes by that until it looks
 * again. So while nobody does, a poll costs a store (its outcome) and two nops, and a
 * wake-up a nop and the load of who wakes: the tests there are those of the meter (meter.h)
 * and of queueing (enum bh_slow_path). What it is with and without all this, in instructions:
 * tools/bench-compare --tracing.
 *
 * BH_BARE is for that comparison alone.
 */
#ifndef BH_WORKERS_QUEUE_TRACE_H
#define BH_WORKERS_QUEUE_TRACE_H

#include "ipc/base/usdt.h"
#include "workers/base/rt.h"

/* The poll under way. */
struct bh_trace {
	int64_t since_ns; /* 0: it is not recorded */
	uint64_t task;
	uint32_t type;
	uint8_t outcome; /* enum bh_event_poll */
};

extern struct bh_trace bh_trace;

#ifdef BH_BARE
#undef BH_USDT1
#undef BH_USDT2
#undef BH_USDT_TASK
#undef BH_USDT_BY
#define BH_USDT1(...)
#define BH_USDT2(...)
#define BH_USDT_TASK(...)
#define BH_USDT_BY(...)
#endif

static inline bool bh_trace_on(void)
{
	return bh_rt.slow_path & BH_SLOW_RECORD;
}

/* May a poll be recorded that begins now? If not, it is counted. */
bool bh_trace_room(void);

/* bh_rt.task begins to be polled at @now_ns, and there is room to record it; what was
 * polled, if it is recorded, has been. */
void bh_trace_begin(int64_t now_ns);
void bh_trace_end(int64_t now_ns);

/* Task @idx has become runnable, and is not yet where others find it. */
void bh_trace_ready(enum bh_event_kind how, uint32_t idx);

void bh_trace_parked(int64_t since_ns, int64_t now_ns);
void bh_trace_stolen(uint32_t took, uint32_t from);

/* How the poll ends, if it does not end by waiting: the one store that a poll costs
 * whoever does not record. */
static inline void bh_trace_outcome(enum bh_event_poll outcome)
{
#ifndef BH_BARE
	bh_trace.outcome = (uint8_t)outcome;
#else
	(void)outcome;
#endif
}

/* The static probes that are not where an event is written. The type is where it is, so
 * that it need not be loaded for a probe that nobody watches. */
static inline void bh_trace_spawn(uint32_t idx, const struct bh_tcb *t)
{
	(void)idx, (void)t;
	BH_USDT_BY(spawn, idx, t->type, bh_rt.idx);
}

static inline void bh_trace_wake(uint32_t idx, const struct bh_tcb *t)
{
	(void)idx, (void)t;
	BH_USDT_BY(wake, idx, t->type, bh_rt.idx);
}

static inline void bh_trace_poll(uint32_t idx, const struct bh_tcb *t)
{
	(void)idx, (void)t;
	BH_USDT_TASK(poll__start, idx, t->type);
}

static inline void bh_trace_polled(uint32_t idx)
{
	(void)idx;
	BH_USDT1(poll__end, idx);
}

static inline void bh_trace_park(void)
{
	BH_USDT1(park, bh_rt.slot);
}

static inline void bh_trace_steal(uint32_t took, uint32_t from)
{
	BH_USDT2(steal, took, from);
	bh_trace_stolen(took, from);
}

#endif
