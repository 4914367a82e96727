/* SPDX-License-Identifier: MIT */
/* wake.h: waking tasks, by the kernel. */
#ifndef BH_IPC_WAKE_H
#define BH_IPC_WAKE_H

#include "ipc/arena/arena.h"

/* bh_state_wake() and the queueing that follows it, by the kernel: its journal
 * (arena->waking) names the task in between. Commit: the CAS on the state. */
void bh_kernel_wake(const struct bh_view *v, uint32_t idx, uint32_t gen, uint64_t flags);

/* A hint to task @idx may have been lost: if it is SCHEDULED, queues it (again). */
void bh_requeue(const struct bh_view *v, uint32_t idx);

#endif
