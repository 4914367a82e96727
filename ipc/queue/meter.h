/* SPDX-License-Identifier: MIT */
/*
 * meter.h: how much of its time a worker is busy, and how long its polls take.
 *
 * Written by the worker in the slot with plain stores; the kernel ends `busy` of a
 * dead worker. The counters are of the slot, not of the process: the next
 * incarnation goes on counting.
 *
 * `busy` is one word, so that a reader never sees time twice or not at all:
 *
 *     asleep    the sum of its busy time, in ns: >= 0
 *     busy      that sum less the time at which it became busy: < 0
 */
#ifndef BH_IPC_METER_H
#define BH_IPC_METER_H

#include <bulkhead/service.h>

#include "ipc/base/buckets.h"
#include "ipc/base/order.h"

struct bh_meter {
	_Atomic int64_t busy;
	_Atomic uint64_t poll_ns; /* all polls together, as far as the buckets go */
	_Atomic uint64_t buckets[BH_STATS_BUCKETS];
};

/* Sums wrap instead of overflowing: a reader may be given garbage. */
static inline int64_t bh_meter_sum(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* Time busy until @now_ns, in ns. */
static inline uint64_t bh_meter_busy(const struct bh_meter *m, int64_t now_ns)
{
	int64_t busy = bh_ld_rlx(&m->busy);

	return (uint64_t)(busy < 0 ? bh_meter_sum(busy, now_ns) : busy);
}

static inline void bh_meter_begin(struct bh_meter *m, int64_t now_ns)
{
	int64_t busy = bh_ld_rlx(&m->busy);

	if (busy >= 0)
		bh_st_rlx(&m->busy, bh_meter_sum(busy, -now_ns));
}

static inline void bh_meter_end(struct bh_meter *m, int64_t now_ns)
{
	bh_st_rlx(&m->busy, (int64_t)bh_meter_busy(m, now_ns));
}

/* The bucket of a poll of @ns (service.h). */
static inline unsigned bh_meter_bucket(uint64_t ns)
{
	return bh_bucket(ns, 4, BH_STATS_BUCKETS);
}

#endif
