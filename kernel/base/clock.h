/* SPDX-License-Identifier: MIT */
/* clock.h: the time as the kernel counts it. */
#ifndef BH_KERNEL_BASE_CLOCK_H
#define BH_KERNEL_BASE_CLOCK_H

#include <stdint.h>

#define BH_NS_PER_MS 1000000ll
#define BH_NS_PER_S  1000000000ll

int64_t bh_clock_ns(void);

#endif
