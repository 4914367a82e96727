/* SPDX-License-Identifier: MIT */
/* deaths.h: deaths of processes, as they are announced. */
#ifndef BH_KERNEL_SYSTEM_DEATHS_H
#define BH_KERNEL_SYSTEM_DEATHS_H

#include "kernel/base/state.h"

/* Phase: entries whose death was announced are confirmed and handed to those who
 * look after their kind. */
void bh_phase_deaths(struct bh_kernel *k);

#endif
