/* SPDX-License-Identifier: MIT */
/* task.h: the life of a task. */
#ifndef BH_WORKERS_TASK_TASK_H
#define BH_WORKERS_TASK_TASK_H

#include "workers/base/rt.h"

/* Where a pinned task is to run. Epoch 0: in any incarnation of that worker slot. */
struct bh_home {
	uint32_t worker, epoch;
};

/* Makes the slot @t, which the caller has reserved, one of a task that has nothing. */
void bh_task_blank(struct bh_tcb *t);

/* bh_spawn() and bh_spawn_poll(), by the address of the function. @home: NULL, the task
 * is not pinned. */
int bh_task_spawn(bh_task *out, enum bh_task_kind kind, uint64_t fn, const void *arg, size_t len,
		  const struct bh_spawn_opts *o, const struct bh_home *home);

/* Ends the running task: releases what it owns, commits, tells its parent. */
void bh_task_finish(enum bh_end end);

/* Drops child @idx of the running task: frees it if it has ended, else lets it go on
 * detached, aborted unless @keep. */
void bh_child_drop(struct bh_tcb *t, uint32_t idx, bool keep);

#endif
