/* SPDX-License-Identifier: MIT */
/* restart.h: when to start again. */
#ifndef BH_KERNEL_RESTART_H
#define BH_KERNEL_RESTART_H

#include "kernel/state.h"

/* Phase: starts whom it is time to start. */
void bh_phase_restarts(struct bh_kernel *k);

#endif
