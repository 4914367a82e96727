/* SPDX-License-Identifier: MIT */
#include "workers/queue/meter.h"

#include "ipc/base/monotonic.h"
#include "workers/base/rt.h"
#include "workers/queue/trace.h"

enum {
	STRIDE_NS = 4096, /* one poll is timed in about so long */
	STRIDE_MAX = 256,
	TRIES = 16,
};

/* What a reading of the clock adds to what is timed. */
static int64_t cost_of_clock(void)
{
	int64_t least = INT64_MAX, before = bh_monotonic_ns(), now;

	for (int i = 0; i < TRIES; i++, before = now) {
		now = bh_monotonic_ns();
		least = now - before < least ? now - before : least;
	}
	return least;
}

void bh_meter_start(void)
{
	bh_rt.meter = (struct bh_meter_run){ .until = 1,
					     .step = 1,
					     .left = 1,
					     .stride = 1,
					     .cost_ns = cost_of_clock(),
					     .chance = (uint32_t)bh_monotonic_ns() };
	bh_meter_begin(&bh_rt.me->meter, bh_monotonic_ns());
}

/* 1 to 2 * @mean - 1. */
static uint32_t about(struct bh_meter_run *r, uint32_t mean)
{
	r->chance = r->chance * 1664525u + 1013904223u;
	return 1 + (r->chance >> 16) % (2 * mean - 1);
}

static void next(struct bh_meter_run *r)
{
	r->step = r->until = bh_trace_on() ? 1 : r->left;
}

/* The worker is recorded now: from the next poll on. */
static void each(void)
{
	struct bh_meter_run *r = &bh_rt.meter;

	r->step -= r->until - 1;
	r->until = 1;
}

void bh_meter_refresh(void)
{
	bool on = bh_ld_rlx(&bh_rt.v.a->recording) != 0;

	if (on == bh_trace_on())
		return;
	bh_rt.slow_path ^= BH_SLOW_RECORD;
	if (on)
		each();
}

/* A poll begins that the meter takes, or that is recorded, or both; or, if the record has
 * no room, neither. */
int64_t bh_meter_time(void)
{
	struct bh_meter_run *r = &bh_rt.meter;
	bool recorded = bh_trace_on() && bh_trace_room();
	int64_t now;

	r->left -= r->step;
	if (r->left && !recorded) {
		next(r);
		return 0;
	}
	now = bh_monotonic_ns();
	if (recorded)
		bh_trace_begin(now);
	return now;
}

static void count(struct bh_meter_run *r, int64_t took)
{
	struct bh_meter *m = &bh_rt.me->meter;
	uint64_t ns = took > 0 ? (uint64_t)took : 0, every = STRIDE_NS / (ns + 1);

	bh_count(&m->buckets[bh_meter_bucket(ns)], r->stride);
	bh_count(&m->poll_ns, ns * r->stride);
	r->stride = about(r, (uint32_t)(every < 1 ? 1 : every > STRIDE_MAX ? STRIDE_MAX : every));
	r->left = r->stride;
}

void bh_meter_timed(int64_t since_ns)
{
	struct bh_meter_run *r = &bh_rt.meter;
	int64_t now = bh_monotonic_ns();

	bh_trace_end(now);
	if (!r->left)
		count(r, now - since_ns - r->cost_ns);
	next(r);
}
