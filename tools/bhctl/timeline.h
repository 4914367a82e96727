/* SPDX-License-Identifier: MIT */
/*
 * timeline.h: a recording as rows of slices with arrows between them: one row for
 * each worker, one for each service's kernel side.
 */
#ifndef BH_BHCTL_TIMELINE_H
#define BH_BHCTL_TIMELINE_H

#include <stdio.h>

#include "ipc/plan.h"
#include "recorder.h"

enum {
	BH_ROW_KERNEL = BH_SLOTS /* a `slot` for what the kernel saw */
};

/* A wake-up and the poll that it led to: indexes of events. */
struct bh_arrow {
	size_t from, to;
};

struct bh_timeline {
	const struct bh_recorder *r;
	struct bh_arrow *arrows; /* by `from` */
	size_t n_arrows;
};

/* When it began: what lasts is recorded when it is over. */
static inline uint64_t bh_event_start(const struct bh_event *e)
{
	return bh_event_lasts(e->kind) && e->a <= e->time_ns ? e->time_ns - e->a : e->time_ns;
}

/* Fills in the arrows of t->r; to be freed. False: no memory. */
bool bh_timeline_arrows(struct bh_timeline *t);

/* "worker 3", "blocking 0", "kernel". */
void bh_row_name(char out[32], unsigned slot);

/* Both write the whole file; false: that failed, errno says how. */
bool bh_timeline_json(const struct bh_timeline *t, FILE *f);
bool bh_timeline_svg(const struct bh_timeline *t, FILE *f);

#endif
