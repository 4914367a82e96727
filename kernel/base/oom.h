/* SPDX-License-Identifier: MIT */
/* oom.h: whom Linux killed for want of memory. */
#ifndef BH_KERNEL_BASE_OOM_H
#define BH_KERNEL_BASE_OOM_H

#include "kernel/base/state.h"

/* Housekeeping: kills that nobody has asked about from one look to the next were
 * somebody else's. */
void bh_oom_look(struct bh_kernel *k);

/* A child died of a SIGKILL that the kernel did not send. True: of the out-of-memory
 * killer's. */
bool bh_oom_killed(struct bh_kernel *k);

#endif
