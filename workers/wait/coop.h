/* SPDX-License-Identifier: MIT */
/* coop.h: the budget of a poll. */
#ifndef BH_WORKERS_WAIT_COOP_H
#define BH_WORKERS_WAIT_COOP_H

#include "workers/base/rt.h"

/* Spends one of the poll's budget. False: it is spent, and the task is to let others
 * run (a poll task: to ask for another poll). */
bool bh_coop_spend(void);

/* The same for a fiber, which then yields, before an operation that may not wait: 0, or
 * -BH_ECANCELED, -BH_ETIMEDOUT (bh_run_until()). Does nothing in a poll task. */
int bh_coop(void);

/* The same for a poll task: -EAGAIN, and it is polled again. */
int bh_coop_poll(struct bh_cx *cx);

#endif
