/* SPDX-License-Identifier: MIT */
/*
 * timeline.h: a recording as rows of slices with arrows between them: one row for
 * each worker, one for each service's kernel side; and, with the Linux kernel's view,
 * one for each CPU, and one for each worker's thread.
 */
#ifndef BH_BHCTL_TIMELINE_H
#define BH_BHCTL_TIMELINE_H

#include <stdio.h>

#include "ipc/plan.h"
#include "recorder.h"

enum {
	BH_ROW_KERNEL = BH_SLOTS, /* a `slot` for what the kernel saw */
	BH_CPUS = 4096,           /* beyond it a CPU's row has no name */
};

/* A wake-up and the poll that it led to: indexes of events. */
struct bh_arrow {
	size_t from, to;
};

enum bh_span_kind {
	BH_SPAN_ON,   /* the worker is on its CPU */
	BH_SPAN_WAIT, /* it could run, and has none */
	BH_SPAN_AWAY, /* it wants none */
};

/* What a worker's thread does, as Linux sees it. Those of one worker do not overlap,
 * nor do those of one CPU. */
struct bh_span {
	uint64_t from_ns, to_ns;
	size_t event; /* index: its worker; its task, if it is told of by its end */
	enum bh_span_kind kind;
	uint32_t cpu; /* of BH_SPAN_ON */
};

struct bh_timeline {
	const struct bh_recorder *r;
	struct bh_span *spans; /* by from_ns */
	size_t n_spans;
	struct bh_arrow *arrows; /* by `from` */
	size_t n_arrows;
};

/* When it began: what lasts is recorded when it is over. */
static inline uint64_t bh_event_start(const struct bh_event *e)
{
	return bh_event_lasts(e->kind) && e->a <= e->time_ns ? e->time_ns - e->a : e->time_ns;
}

/* Fills in the arrows of t->r, or the spans; to be freed. False: no memory. */
bool bh_timeline_arrows(struct bh_timeline *t);
bool bh_timeline_spans(struct bh_timeline *t);

/* "on CPU 1", "waits for a CPU", "off: futex". */
void bh_span_name(char out[32], const struct bh_timeline *t, const struct bh_span *s);

/* "worker 3", "blocking 0", "kernel". */
void bh_row_name(char out[32], unsigned slot);

/* Both write the whole file; false: that failed, errno says how. */
bool bh_timeline_json(const struct bh_timeline *t, FILE *f);
bool bh_timeline_svg(const struct bh_timeline *t, FILE *f);

#endif
