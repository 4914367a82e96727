/* SPDX-License-Identifier: MIT */
/* death.h: the death of a worker. */
#ifndef BH_KERNEL_REPAIR_DEATH_H
#define BH_KERNEL_REPAIR_DEATH_H

#include "kernel/base/state.h"

/* Records, recovers, and starts the next. False: how it died is not known yet,
 * call again. */
bool bh_worker_died(struct bh_child *c);

#endif
