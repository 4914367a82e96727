/* SPDX-License-Identifier: MIT */
/* pool.h: the pool of blocking processes. */
#ifndef BH_KERNEL_WORKER_POOL_H
#define BH_KERNEL_WORKER_POOL_H

#include "kernel/base/state.h"

/* Phase: grows pools, and ends the processes of aborted jobs. */
void bh_phase_blocking(struct bh_kernel *k);

#endif
