/* SPDX-License-Identifier: MIT */
/*
 * latency.h: times grouped by worker, type, ...: the data of `trace latency`, from
 * a recording (waits.c) or from the counts since the start (totals.c).
 *
 *	struct bh_latency l = { .by = BH_BY_WORKER };
 *	struct bh_hist *h = bh_latency_of(&l, "http", 3, NULL, BH_POLL_TIME);
 *	bh_hist_add(h, ns, ns + 1, 1);
 *	bh_latency_show(&l);
 *	bh_latency_fini(&l);
 */
#ifndef BH_TOOLS_BHCTL_TRACE_LATENCY_H
#define BH_TOOLS_BHCTL_TRACE_LATENCY_H

#include <stddef.h>
#include <stdint.h>

#include "ipc/system/event.h"
#include "tools/bhctl/bhctl.h"

enum bh_time {
	BH_QUEUE_WAIT, /* from being made runnable to the poll: the wait for a worker */
	BH_CPU_WAIT,   /* the worker could run, and had no CPU */
	BH_POLL_TIME,
	BH_OFF_CPU, /* the worker wanted no CPU; + enum bh_event_off */
	BH_TIMES = BH_OFF_CPU + BH_EVO_SLEPT + 1,
};

enum {
	BH_HIST_FIRST = 4, /* ipc/base/buckets.h: bucket 0 is [0, 16 ns) */
	BH_HIST_BUCKETS = 168,
	BH_SHARES = 5, /* p50, p90, p99, p99.9, max */
};

extern const char *const bh_time_names[BH_TIMES]; /* for people */

/* Which part of all values is within each of them. */
extern const double bh_shares[BH_SHARES];

struct bh_hist {
	uint64_t count, max_ns;
	double sum_ns;
	uint64_t exact_ns[BH_SHARES]; /* percentiles, if all values are known; else 0 */
	uint64_t buckets[BH_HIST_BUCKETS];
};

struct bh_latency_group {
	char service[48], type[64]; /* type "": the worker itself */
	unsigned slot;
	struct bh_hist time[BH_TIMES];
};

struct bh_latency {
	enum bh_by by;
	struct bh_latency_group *groups;
	size_t n;
	char missing[256]; /* why the Linux kernel's view is not there; "": it is */
	bool not_yet;      /* the trace server is just starting, beside the services or again */
	uint64_t lost;     /* events of the recording */
	unsigned seconds;  /* recorded; 0: counted since the start */
};

/* The histogram of one time of a group, which is added if it is new. Arguments that l->by does
 * not group by are ignored. Valid until the next call. */
struct bh_hist *bh_latency_of(struct bh_latency *l, const char *service, unsigned slot,
			      const char *type, enum bh_time what);

/* @count values from @from_ns to below @below_ns (0: no end). */
void bh_hist_add(struct bh_hist *h, uint64_t from_ns, uint64_t below_ns, uint64_t count);

/* Asks whether there is the Linux kernel's view; fills l->missing and l->not_yet. @reply:
 * its counts, for the caller to free; NULL: not there. Exit codes. */
int bh_latency_kernel(struct bh_latency *l, const char *url, Bulkhead__Reply **reply);

/* For a verb that needs the Linux kernel's view: if that is not there, says on
 * stderr what is missing (@what) and why. Exit codes. */
int bh_linux_view(const char *url, const char *what);

void bh_latency_show(struct bh_latency *l);
void bh_latency_json(struct bh_latency *l);
void bh_latency_fini(struct bh_latency *l);

#endif
