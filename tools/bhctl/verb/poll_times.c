/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/verb/poll_times.h"

#include "tools/bhctl/show/value.h"

uint64_t bh_poll_times_mean(const Bulkhead__PollTimes *p)
{
	return p->count ? p->sum_ns / p->count : 0;
}

uint64_t bh_poll_times_share(const Bulkhead__PollTimes *p, double share)
{
	uint64_t seen = 0, at = 0;

	for (size_t i = 0; i < p->n_buckets; i++) {
		const Bulkhead__LatencyBucket *b = p->buckets[i];

		at = b->below_ns ? b->below_ns : b->from_ns;
		seen += b->count;
		if ((double)seen >= share * (double)p->count)
			break;
	}
	return at;
}

void bh_poll_times_put(struct json_object *o, const Bulkhead__PollTimes *p)
{
	bh_value_uint(o, "mean_ns", bh_poll_times_mean(p));
	bh_value_uint(o, "p50_ns", bh_poll_times_share(p, 0.5));
	bh_value_uint(o, "p99_ns", bh_poll_times_share(p, 0.99));
}
