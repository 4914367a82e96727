/* SPDX-License-Identifier: MIT */
/*
 * trace_page.h: the page on which traced publishes what it measured. One memfd,
 * written by traced alone, mapped read-only by admind (which gets it from the
 * kernel, BH_CTL_TRACE). Plain counters: a reader may see a bucket of one moment
 * and its neighbour of the next.
 */
#ifndef BH_IPC_TRACE_PAGE_H
#define BH_IPC_TRACE_PAGE_H

#include <stdint.h>

#include "plan.h"

#define BH_TRACE_MAGIC   0x4543415254484201ull
#define BH_TRACE_BUCKETS 64 /* log-linear: see bh_trace_bucket() */

struct bh_trace_worker {
	uint32_t service, slot;
	int32_t pid; /* the process it counts now; 0: unused entry */
	uint32_t reserved;
	uint64_t count;
	uint64_t sum_ns;
	uint64_t max_ns;
	uint64_t buckets[BH_TRACE_BUCKETS]; /* wake-up to on-CPU, ns */
};

struct bh_trace_page {
	uint64_t magic;
	int32_t error; /* 0, or why nothing is measured (negative errno) */
	uint32_t n_workers;
	char reason[160]; /* what is missing and what would give it; "" when it works */
	uint64_t updates; /* refreshes so far */
	struct bh_trace_worker workers[BH_PLAN_SERVICES * BH_MAX_WORKERS];
};

/* Buckets are quarter octaves from 256 ns: bucket 0 is [0, 256), then four per
 * power of two; the last takes the rest (from 12.6 ms). The BPF programs include
 * this too, and BPF has no instruction that counts leading zeros (clang 14 crashes
 * on the builtin): hence the search. */
static inline unsigned bh_trace_bucket(uint64_t ns)
{
	if (ns < 256)
		return 0;
	unsigned log2 = 0;
	for (unsigned step = 32; step; step /= 2)
		if (ns >> (log2 + step))
			log2 += step;
	unsigned quarter = (unsigned)(ns >> (log2 - 2)) & 3u;
	unsigned b = 1 + (log2 - 8) * 4 + quarter;
	return b < BH_TRACE_BUCKETS ? b : BH_TRACE_BUCKETS - 1;
}

/* The smallest value that falls in bucket @b. */
static inline uint64_t bh_trace_bucket_floor(unsigned b)
{
	if (b == 0)
		return 0;
	unsigned log2 = 8 + (b - 1) / 4;
	return (1ull << log2) + ((uint64_t)((b - 1) % 4) << (log2 - 2));
}

#endif
