/* SPDX-License-Identifier: MIT */
/* shortage.h: what ran short, for the log. */
#ifndef BH_KERNEL_SERVICE_SHORTAGE_H
#define BH_KERNEL_SERVICE_SHORTAGE_H

#include "kernel/base/state.h"

/* Says what has run short since the last line; with each housekeeping. What a predecessor
 * saw is not said again. */
void bh_shortage_look(struct bh_kernel *k);
void bh_shortage_begin(struct bh_ksvc *s);

#endif
