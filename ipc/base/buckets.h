/* SPDX-License-Identifier: MIT */
/*
 * buckets.h: histograms of times. Bucket 0 holds times below 2^@first ns, then there are
 * four buckets to a power of two; the last takes the rest.
 *
 * BPF programs include this, so it includes <stdint.h> alone; BPF has no instruction that
 * counts leading zeros (clang 14 crashes on the builtin): hence the search.
 */
#ifndef BH_IPC_BUCKETS_H
#define BH_IPC_BUCKETS_H

#include <stdint.h>

static inline unsigned bh_bucket_log2(uint64_t ns)
{
#ifdef __bpf__
	unsigned log2 = 0;

	for (unsigned step = 32; step; step /= 2)
		if (ns >> (log2 + step))
			log2 += step;
	return log2;
#else
	return 63 - (unsigned)__builtin_clzll(ns);
#endif
}

/* The number of the bucket, of @n, that @ns falls in. */
static inline unsigned bh_bucket(uint64_t ns, unsigned first, unsigned n)
{
	if (ns >> first == 0)
		return 0;
	unsigned log2 = bh_bucket_log2(ns);
	unsigned b = 1 + (log2 - first) * 4 + ((unsigned)(ns >> (log2 - 2)) & 3u);

	return b < n ? b : n - 1;
}

/* The smallest value in bucket @b. */
static inline uint64_t bh_bucket_floor(unsigned b, unsigned first)
{
	return b ? (uint64_t)(4 + (b - 1) % 4) << (first - 2 + (b - 1) / 4) : 0;
}

#endif
