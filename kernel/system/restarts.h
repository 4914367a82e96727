/* SPDX-License-Identifier: MIT */
/* restarts.h: when to start again. */
#ifndef BH_KERNEL_SYSTEM_RESTARTS_H
#define BH_KERNEL_SYSTEM_RESTARTS_H

#include "kernel/base/state.h"

/* Phase: starts whom it is time to start. */
void bh_phase_restarts(struct bh_kernel *k);

#endif
