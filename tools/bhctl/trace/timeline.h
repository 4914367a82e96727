/* SPDX-License-Identifier: MIT */
/*
 * timeline.h: a recording as rows of slices with arrows between them: one row for
 * each worker, one for each service's kernel side; and, with the Linux kernel's view,
 * one for each CPU, and one for each worker's thread.
 *
 * A timeline is made stretch by stretch, of a bounded number of events each, so that a long
 * recording takes no more memory than a short one. Carried from one stretch to the next:
 * wake-ups whose poll has not come yet, and stays on a CPU that are not over.
 */
#ifndef BH_TOOLS_BHCTL_TRACE_TIMELINE_H
#define BH_TOOLS_BHCTL_TRACE_TIMELINE_H

#include <stdio.h>

#include "ipc/system/plan.h"
#include "tools/bhctl/trace/recorder.h"

enum {
	BH_ROW_KERNEL = BH_SLOTS, /* a `slot` for the kernel's own events */
	BH_CPUS = 4096,           /* beyond it a CPU's row has no name */
};

/* A wake-up and the poll that it led to. */
struct bh_arrow {
	const struct bh_event *from, *to;
};

enum bh_span_kind {
	BH_SPAN_ON,   /* the worker is on its CPU */
	BH_SPAN_WAIT, /* it could run, and has none */
	BH_SPAN_AWAY, /* it wants none */
};

/* A state of a worker's thread, as Linux sees it. Spans of one worker do not overlap,
 * nor do spans of one CPU. */
struct bh_span {
	uint64_t from_ns, to_ns;
	const struct bh_event *event; /* its worker; its task, if it is told of by its end */
	enum bh_span_kind kind;
	uint32_t cpu; /* of BH_SPAN_ON */
};

struct bh_timeline_data {
	const struct bh_recorder *r; /* its ready events are the stretch */
	struct bh_span *spans;       /* of it, by from_ns */
	size_t n_spans;
	struct bh_arrow *arrows; /* that lead into it, by `from` */
	size_t n_arrows, arrows_before;
	struct bh_event *open, *still; /* wake-ups without a poll: before the stretch; after it */
	size_t n_open, n_still;
	size_t events; /* of earlier stretches */
	bool last;     /* no stretch follows */
};

/* When an event began: an event that lasts is recorded at its end. */
static inline uint64_t bh_event_start(const struct bh_event *e)
{
	return bh_event_lasts(e->kind) && e->a <= e->time_ns ? e->time_ns - e->a : e->time_ns;
}

/* Fills in the arrows of the stretch, or the spans. False: no memory. */
bool bh_timeline_arrows(struct bh_timeline_data *t);
bool bh_timeline_spans(struct bh_timeline_data *t);

/* The stretch is done with; its events may go. */
void bh_timeline_next(struct bh_timeline_data *t);

void bh_timeline_fini(struct bh_timeline_data *t);

/* "on CPU 1", "waits for a CPU", "off: futex". */
void bh_span_name(char out[32], const struct bh_span *s);

/* "worker 3", "blocking 0", "kernel". */
void bh_row_name(char out[32], unsigned slot);

/* A file: its beginning, each stretch, its end. All may fail, which ferror() tells. */
void bh_timeline_json_begin(FILE *f);
bool bh_timeline_json(const struct bh_timeline_data *t, FILE *f); /* false: no memory */
void bh_timeline_json_end(const struct bh_timeline_data *t, FILE *f);

/* A picture of the stretch; false: that failed, errno says how. */
bool bh_timeline_svg(const struct bh_timeline_data *t, FILE *f);

#endif
