/* SPDX-License-Identifier: MIT */
/* quota.h: how many CPUs this process may use at once: fewer than it may run on, where a
 * control group has a quota (`docker run --cpus`, systemd's CPUQuota). */
#ifndef BH_TOOLS_BULKHEAD_CONFIG_QUOTA_H
#define BH_TOOLS_BULKHEAD_CONFIG_QUOTA_H

#include <stdint.h>

/* The smaller of both, rounded up; at least 1. */
uint32_t bh_quota_cpus(void);

#endif
