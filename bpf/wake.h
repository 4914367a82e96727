/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * wake.h: what wake.bpf.c and its loader share: the values of the two maps.
 *
 *   workers  hash, pid -> struct bh_wake_worker   user space adds and removes, BPF writes
 *   counts   array, entry -> struct bh_wake_counts  BPF writes, user space maps it to read
 *
 * An entry belongs to a worker slot of a service, so a worker that takes a dead
 * one's place goes on counting where that one stopped.
 */
#ifndef BH_BPF_WAKE_H
#define BH_BPF_WAKE_H

#include "ipc/trace_page.h"

#define BH_WAKE_ENTRIES (BH_PLAN_SERVICES * BH_MAX_WORKERS)

struct bh_wake_worker {
	uint64_t wake_ns; /* when it was last woken; 0: not since it last ran */
	uint32_t entry;
	uint32_t asleep; /* it left its CPU to wait, not because it was preempted */
};

struct bh_wake_counts {
	uint64_t count;
	uint64_t sum_ns;
	uint64_t max_ns;
	uint64_t buckets[BH_TRACE_BUCKETS];
};
_Static_assert(sizeof(struct bh_wake_worker) == 16, "the same in BPF and in user space");
_Static_assert(sizeof(struct bh_wake_counts) == 24 + 8 * BH_TRACE_BUCKETS, "no padding");

#endif
