/* SPDX-License-Identifier: MIT */
/* trim.h: memory that nobody uses. */
#ifndef BH_KERNEL_SERVICE_TRIM_H
#define BH_KERNEL_SERVICE_TRIM_H

#include "kernel/base/state.h"

/* Phase: rounds that give it back. */
void bh_phase_trim(struct bh_kernel *k);

#endif
