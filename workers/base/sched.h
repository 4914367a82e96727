/* SPDX-License-Identifier: MIT */
/* sched.h: the numbers by which the executor decides, from the plan or tuned. */
#ifndef BH_WORKERS_BASE_SCHED_H
#define BH_WORKERS_BASE_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/system/plan.h"

struct bh_sched {
	uint32_t budget;          /* operations of one poll */
	uint32_t lifo_max;        /* LIFO polls in a row; 0: no LIFO slot */
	uint32_t inject_interval; /* turns from one early look at the inject queue to the next */
	uint32_t event_interval;  /* likewise at epoll; 0: whenever at the inject queue */
	bool tune;                /* the inject interval follows the mean poll time */

	uint32_t until;                      /* turns left to the next look at either, */
	uint32_t step;                       /* and how many there were of them; */
	uint32_t until_inject, until_events; /* as of the last look */
	uint64_t mean_ns;                    /* of a turn; 0: not known yet */
	int64_t since_ns; /* when the interval began; 0: it was interrupted by sleep */
	uint64_t rng;     /* never 0 */
};

/* @p may be NULL: defaults. One worker alone has a fixed order: no LIFO slot, nobody
 * to steal from. With a seed in the plan a run's choices can be had again. */
void bh_sched_init(struct bh_sched *s, const struct bh_plan_service *p, uint32_t workers,
		   uint32_t slot, uint32_t epoch);

/* What a worker with tasks of its own looks at before them. */
enum bh_sched_due {
	BH_DUE_NOTHING = 0,
	BH_DUE_INJECT = 1,
	BH_DUE_EVENTS = 2
};

/* An interval is over: says whose (both bits, perhaps), and begins the next. May read
 * the clock. */
uint32_t bh_sched_interval(struct bh_sched *s);

/* Counts one turn. One count for both, for every turn pays for it. */
static inline uint32_t bh_sched_turn(struct bh_sched *s)
{
	return --s->until ? BH_DUE_NOTHING : bh_sched_interval(s);
}

/* The worker slept: that is no poll time. */
void bh_sched_slept(struct bh_sched *s);

/* An interval of @turns took @ns: the next is to take about 200 us (2 to 127 turns),
 * so that what comes from outside waits about that long. */
void bh_sched_tune(struct bh_sched *s, uint64_t ns, uint32_t turns);

uint32_t bh_sched_random(struct bh_sched *s);

#endif
