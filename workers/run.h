/* SPDX-License-Identifier: MIT */
/* run.h: between the executor (executor.c) and the life of a task (task.c, wait.c). */
#ifndef BH_WORKERS_RUN_H
#define BH_WORKERS_RUN_H

#include "workers/rt.h"

struct bh_cx {
	struct bh_tcb *task;
	bool again; /* bh_poll_again() was called */
};

/* One turn of the executor: finds a task and runs it until it ends or waits.
 * False: there was none. */
bool bh_executor_turn(void);

/* Ends the running task: releases what it owns, commits, tells its parent. */
void bh_task_finish(enum bh_end end);

/* Drops child @idx of the running task: frees it if it has ended, else lets it go on
 * detached, aborted unless @keep. */
void bh_child_drop(struct bh_tcb *t, uint32_t idx, bool keep);

/* Puts the running task at the end of the own ring. */
void bh_task_requeue(void);

/* Rings the kernel's doorbell. */
void bh_doorbell(void);

#endif
