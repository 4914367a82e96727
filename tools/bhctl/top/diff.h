/* SPDX-License-Identifier: MIT */
/*
 * diff.h: the difference between two answers of a system.
 *
 * Counters only grow, until their memory is made anew: when a service is reset, or a tracer
 * restarted. A counter that is less than before is therefore taken as counted from 0 since
 * then.
 */
#ifndef BH_TOOLS_BHCTL_TOP_DIFF_H
#define BH_TOOLS_BHCTL_TOP_DIFF_H

#include "tools/bhctl/top/model.h"

uint64_t bh_top_since(uint64_t now, uint64_t before);

/* NULL: not there. @all may be NULL. */
const Bulkhead__Service *bh_top_service(const Bulkhead__Status *all, const char *name);

/* A worker's counts since @before; NULL: since its service began. */
struct bh_top_work {
	double seconds;   /* 0: nothing is known, and the rest is 0 */
	double busy;      /* part of that time that it did not sleep */
	uint64_t polls;   /* in that time */
	uint64_t poll_ns; /* 99 % of the polls took no longer; 0: there were none */
};

void bh_top_work_between(struct bh_top_work *out, const Bulkhead__Worker *now,
			 const Bulkhead__Worker *before);

/* How long a worker, or the workers that ran a type, waited for a CPU. */
struct bh_top_waits {
	double waits;     /* after wake-ups, seconds a second; negative: not known */
	double preempted; /* besides: it had a poll to go on with */
	uint64_t p99_ns;  /* 99 % of the waits took no longer; 0: there were none */
};

void bh_top_worker_waits(struct bh_top_waits *out, const struct bh_top_pair *latency,
			 const char *service, uint32_t slot);
void bh_top_type_waits(struct bh_top_waits *out, const struct bh_top_pair *latency,
		       const char *service, const char *type);

#endif
