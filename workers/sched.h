/* SPDX-License-Identifier: MIT */
/* sched.h: the numbers by which the executor decides, from the plan or tuned. */
#ifndef BH_WORKERS_SCHED_H
#define BH_WORKERS_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/plan.h"

struct bh_sched {
	uint32_t budget;          /* operations of one poll */
	uint32_t lifo_max;        /* LIFO polls in a row; 0: no LIFO slot */
	uint32_t inject_interval; /* turns from one early look at the inject queue to the next */
	bool tune;                /* the interval follows the mean poll time */

	uint32_t until_inject; /* turns left */
	uint64_t mean_ns;      /* of a turn; 0: not known yet */
	int64_t since_ns;      /* when the interval began; 0: it was interrupted by sleep */
	uint64_t rng;          /* never 0 */
};

/* @p may be NULL: defaults. One worker alone has a fixed order: no LIFO slot, nobody
 * to steal from. With a seed in the plan a run's choices can be had again. */
void bh_sched_init(struct bh_sched *s, const struct bh_plan_service *p, uint32_t workers,
		   uint32_t slot, uint32_t epoch);

/* An interval is over: begins the next. Reads the clock. */
void bh_sched_interval(struct bh_sched *s);

/* Counts one turn; true: look at the inject queue first. */
static inline bool bh_sched_inject_due(struct bh_sched *s)
{
	if (--s->until_inject)
		return false;
	bh_sched_interval(s);
	return true;
}

/* The worker slept: that is no poll time. */
void bh_sched_slept(struct bh_sched *s);

/* An interval of @turns took @ns: the next is to take about 200 us (2 to 127 turns),
 * so that what comes from outside waits about that long. */
void bh_sched_tune(struct bh_sched *s, uint64_t ns, uint32_t turns);

uint32_t bh_sched_random(struct bh_sched *s);

#endif
