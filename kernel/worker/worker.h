/* SPDX-License-Identifier: MIT */
/* worker.h: worker slots. */
#ifndef BH_KERNEL_WORKER_WORKER_H
#define BH_KERNEL_WORKER_WORKER_H

#include "ipc/system/control.h"
#include "kernel/base/state.h"

/* Starts the next incarnation in the slot of @c: epoch, STARTING, FORK_WORKER, unless it has an
 * heir. */
void bh_worker_start(struct bh_child *c);

/* The same for a dead kernel, which had come as far as the entry. */
void bh_worker_go_on(struct bh_child *c);

/* Sends what a zygote has not been asked yet (or what a dead one was asked). */
void bh_worker_ask(struct bh_child *c);

/* The slot is held by process @pid, of which no message told: takes it up, dead or alive. */
void bh_worker_adopt(struct bh_child *c, int32_t pid);

/* Moves a STARTING slot to an epoch that no process was made for; false if one
 * of the old epoch has taken the slot. */
bool bh_worker_bump(struct bh_child *c);

/* What the zygote says of a worker that it was asked for. *pidfd is -1 after it if it is kept. */
void bh_worker_forked(struct bh_ksvc *s, const struct bh_ctl *m, int *pidfd);

/* Phase: which of those that start are up. */
void bh_phase_workers(struct bh_kernel *k);

#endif
