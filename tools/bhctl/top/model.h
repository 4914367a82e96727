/* SPDX-License-Identifier: MIT */
/*
 * model.h: the data of `bhctl top`: the answers of the system, and tables of the
 * changes from one answer to the next.
 *
 *	struct bh_top_model t;
 *	bh_top_init(&t);
 *	bh_top_take(&t, BH_TOP_ASK_STATUS, reply, now_ns);
 *	... t.table[BH_TOP_WORKERS].rows
 *	bh_top_fini(&t);
 *
 * No recording is needed: rates are differences of counters that are kept anyway, and
 * the task types that workers run are sampled many times a second.
 */
#ifndef BH_TOOLS_BHCTL_TOP_MODEL_H
#define BH_TOOLS_BHCTL_TOP_MODEL_H

#include <stdint.h>

#include "bulkhead.pb-c.h"
#include "tools/bhctl/top/table.h"

enum {
	BH_TOP_SERVICES,
	BH_TOP_WORKERS,
	BH_TOP_TYPES,
	BH_TOP_CRASHES,
	BH_TOP_TABLES,
};

/* The questions of a round, in this order; then the question between rounds. */
enum bh_top_ask {
	BH_TOP_ASK_LATENCY,
	BH_TOP_ASK_STATUS,
	BH_TOP_ASK_CRASHES,
	BH_TOP_ASK_TASKS,
	BH_TOP_ROUND,
	BH_TOP_ASK_WORKERS = BH_TOP_ROUND, /* a sample of what they run */
};

enum {
	BH_TOP_WINDOW = 5,   /* rounds that the shares of task types are taken from */
	BH_TOP_NAMES = 4096, /* task types that are told apart meanwhile */
};

/* Two answers to the same question; owned. */
struct bh_top_pair {
	Bulkhead__Reply *before, *now; /* NULL: none yet */
	double seconds;                /* from one to the other */
	int64_t now_ns;
};

struct bh_top_hits {
	char *service, *name;
	unsigned hits[BH_TOP_WINDOW]; /* times a worker was seen to run such a task */
};

struct bh_top_model {
	struct bh_top_table table[BH_TOP_TABLES];
	struct bh_top_pair status, latency;
	char no_waits[160]; /* why waits for a CPU are not known; "": they are */
	struct bh_top_hits *hits;
	size_t n_hits;
	unsigned samples[BH_TOP_WINDOW]; /* how many were taken, in each round */
	unsigned round;
	unsigned systems; /* that have answered: more than one if it was started anew */
};

void bh_top_init(struct bh_top_model *t);
void bh_top_fini(struct bh_top_model *t);

/* Takes the answer @r to @ask at @now_ns (CLOCK_MONOTONIC); @r belongs to the model from now
 * on. An answer that is an error, or answers another question, changes little. */
void bh_top_take(struct bh_top_model *t, enum bh_top_ask ask, Bulkhead__Reply *r, int64_t now_ns);

#endif
