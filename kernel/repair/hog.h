/* SPDX-License-Identifier: MIT */
/* hog.h: what is done about them. */
#ifndef BH_KERNEL_REPAIR_HOG_H
#define BH_KERNEL_REPAIR_HOG_H

#include "kernel/base/state.h"

/* Worker @c has not turned for life.stall.stalled_ns: reports and ends it as the plan says. */
void bh_hog_look(struct bh_child *c);

#endif
