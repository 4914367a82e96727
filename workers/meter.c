/* SPDX-License-Identifier: MIT */
#include "workers/meter.h"

enum {
	STRIDE_NS = 4096, /* one poll is timed in about so long */
	STRIDE_MAX = 256,
	TRIES = 16,
};

/* What a reading of the clock adds to what is timed. */
static int64_t cost_of_clock(void)
{
	int64_t least = INT64_MAX, before = bh_rt_clock(), now;

	for (int i = 0; i < TRIES; i++, before = now) {
		now = bh_rt_clock();
		least = now - before < least ? now - before : least;
	}
	return least;
}

void bh_meter_start(void)
{
	bh_rt.meter = (struct bh_meter_run){ .until = 1,
					     .stride = 1,
					     .cost_ns = cost_of_clock(),
					     .chance = (uint32_t)bh_rt_clock() };
	bh_meter_begin(&bh_rt.me->meter, bh_rt_clock());
}

/* 1 to 2 * @mean - 1. */
static uint32_t about(struct bh_meter_run *r, uint32_t mean)
{
	r->chance = r->chance * 1664525u + 1013904223u;
	return 1 + (r->chance >> 16) % (2 * mean - 1);
}

void bh_meter_record(int64_t since_ns)
{
	struct bh_meter_run *r = &bh_rt.meter;
	struct bh_meter *m = &bh_rt.me->meter;
	int64_t took = bh_rt_clock() - since_ns - r->cost_ns;
	uint64_t ns = took > 0 ? (uint64_t)took : 0, every = STRIDE_NS / (ns + 1);

	bh_count(&m->buckets[bh_meter_bucket(ns)], r->stride);
	bh_count(&m->poll_ns, ns * r->stride);
	r->stride = about(r, (uint32_t)(every < 1 ? 1 : every > STRIDE_MAX ? STRIDE_MAX : every));
	r->until = r->stride;
}
