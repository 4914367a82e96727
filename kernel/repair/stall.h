/* SPDX-License-Identifier: MIT */
/* stall.h: workers that do not turn. */
#ifndef BH_KERNEL_REPAIR_STALL_H
#define BH_KERNEL_REPAIR_STALL_H

#include "kernel/base/state.h"

/* Phase: who has not turned since the last look. */
void bh_phase_stalls(struct bh_kernel *k);

/* Now and then: ends blocking processes whose main thread has ended. */
void bh_stall_look_blocking(struct bh_ksvc *s);

#endif
