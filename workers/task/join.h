/* SPDX-License-Identifier: MIT */
/* join.h: a child and what it leaves, for calls that are made of a job. */
#ifndef BH_WORKERS_TASK_JOIN_H
#define BH_WORKERS_TASK_JOIN_H

#include "workers/base/rt.h"

/* The child that @task names, if it is the caller's: 0, -BH_ESTALE, -EPERM. */
int bh_child_of(bh_task task, struct bh_tcb **out);

/* It has ended, and waits to be joined. */
static inline bool bh_child_ended(struct bh_tcb *t)
{
	return bh_state_of(bh_ld_acq(&t->state)) == BH_DONE;
}

/* Room for a reply of @len bytes, which the caller fills: bh_reply() without a copy.
 * Errors: as bh_reply(). */
int bh_reply_room(size_t len, void **out);

#endif
