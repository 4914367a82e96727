/* SPDX-License-Identifier: MIT */
/*
 * trace_page.h: the page on which traced publishes its measurements. One memfd,
 * written by traced alone, mapped read-only by admind (which gets it from the
 * kernel, BH_CTL_TRACE). Plain counters: a reader may see a bucket of one moment
 * and its neighbour of the next. Events are in rings as the workers' (evring.h).
 */
#ifndef BH_IPC_TRACE_PAGE_H
#define BH_IPC_TRACE_PAGE_H

#include <stdint.h>

#include "ipc/base/buckets.h"
#include "ipc/system/plan.h"

#define BH_TRACE_MAGIC   0x4543415254484202ull
#define BH_TRACE_BUCKETS 96 /* log-linear: see bh_trace_bucket() */

enum {
	BH_TRACE_WORKERS = 1024, /* slots with histograms of their own */
	BH_TRACE_TYPES = 512,    /* task types, likewise */
	BH_TRACE_REASONS = 5,    /* enum bh_event_off */
	BH_TRACE_CPUS = 256,     /* drops are counted by CPU number modulo this */
	BH_TRACE_REGISTERS = 24,
	BH_TRACE_RINGS = 4, /* event n stands in ring n % 4 */
	BH_TRACE_TEXT = 112,
};

/* The parts of the tracer: each may be missing, for a reason. */
enum bh_trace_part {
	BH_TRACE_SCHED = 0, /* the scheduler: wake-ups, switches */
	BH_TRACE_CRASH,     /* signals, deaths, out of memory */
	BH_TRACE_PROFILE,   /* samples */
	BH_TRACE_PARTS,
};

struct bh_trace_hist {
	uint64_t count;
	uint64_t sum_ns;
	uint64_t max_ns;
	uint64_t buckets[BH_TRACE_BUCKETS];
};

struct bh_trace_times {
	struct bh_trace_hist run_queue;             /* from wake-up to on-CPU */
	struct bh_trace_hist off[BH_TRACE_REASONS]; /* from leaving the CPU to the wake-up;
						       preempted: to being back */
};

struct bh_trace_worker {
	uint32_t service, slot;
	int32_t pid; /* the process counted now; 0: unused entry */
	uint32_t reserved;
	struct bh_trace_times times;
};

struct bh_trace_type {
	uint32_t service, type; /* index in the arena's type table; ~0: no task */
	struct bh_trace_times times;
};

struct bh_trace_status {
	int32_t error;              /* 0, or why this part measures nothing (negative errno) */
	char reason[BH_TRACE_TEXT]; /* what is missing and what would give it; "" if it works */
};

struct bh_trace_page {
	uint64_t magic;
	uint32_t pid; /* of traced: its successor has a page of its own */
	struct bh_trace_status part[BH_TRACE_PARTS];
	uint32_t n_workers, n_types;
	uint32_t recording;              /* 1: all events are taken, not deaths alone */
	uint64_t updates;                /* refreshes so far */
	uint64_t drained_ns;             /* events before it are in the rings (CLOCK_MONOTONIC);
					    stored after them, with release */
	uint64_t dropped[BH_TRACE_CPUS]; /* events that found no room, by CPU */
	struct bh_trace_worker workers[BH_TRACE_WORKERS];
	struct bh_trace_type types[BH_TRACE_TYPES];
	/* struct bh_evring[BH_TRACE_RINGS] follow: bh_trace_rings() */
};

enum {
	BH_TRACE_FIRST = 8 /* bucket 0 is [0, 256 ns); the last takes the rest from 3.2 s */
};

static inline unsigned bh_trace_bucket(uint64_t ns)
{
	return bh_bucket(ns, BH_TRACE_FIRST, BH_TRACE_BUCKETS);
}

/* The smallest value that falls in bucket @b. */
static inline uint64_t bh_trace_bucket_floor(unsigned b)
{
	return bh_bucket_floor(b, BH_TRACE_FIRST);
}

#endif
