/* SPDX-License-Identifier: MIT */
/* blocking.h: the pool of blocking processes. */
#ifndef BH_KERNEL_BLOCKING_H
#define BH_KERNEL_BLOCKING_H

#include "kernel/state.h"

/* Phase: grows pools, and ends the processes of aborted jobs. */
void bh_phase_blocking(struct bh_kernel *k);

#endif
