/* SPDX-License-Identifier: MIT */
/* executor.h: a worker's loop. */
#ifndef BH_WORKERS_EXECUTOR_EXECUTOR_H
#define BH_WORKERS_EXECUTOR_EXECUTOR_H

#include "workers/base/rt.h"

/* Maps this process's view of the arena and takes worker slot @slot at @epoch,
 * then runs tasks until killed. -ESTALE: the slot is no longer ours. Never
 * returns otherwise. */
int bh_executor_run(uint32_t slot, uint32_t epoch);

/* One turn of the executor: finds a task and runs it until it ends or waits.
 * False: there was none. */
bool bh_executor_turn(void);

/* Runs the task that hint @idx names until it ends or waits, if it is to be run and
 * of a kind that this process runs. */
void bh_task_run(uint32_t idx);

/* Puts the running task at the end of the own ring. */
void bh_task_requeue(void);

#endif
