/* SPDX-License-Identifier: MIT */
/* limits.h: a service's limits, and the sums that follow from them, in a sentence. */
#ifndef BH_TOOLS_BULKHEAD_LIMITS_H
#define BH_TOOLS_BULKHEAD_LIMITS_H

#include "ipc/system/plan.h"

/* Prints how many connections there can be at a time, and which limit says so. */
void bh_limits_print(const struct bh_plan_service *s);

#endif
