/* SPDX-License-Identifier: MIT */
/* recovery.h: the death of a worker. */
#ifndef BH_KERNEL_RECOVERY_H
#define BH_KERNEL_RECOVERY_H

#include "kernel/state.h"

/* Records, recovers, and starts the next. False: how it died is not known yet,
 * call again. */
bool bh_worker_died(struct bh_ksvc *s, uint32_t slot);

#endif
