/* SPDX-License-Identifier: MIT */
/* clock.h: the age of the arena. */
#ifndef BH_WORKERS_BASE_CLOCK_H
#define BH_WORKERS_BASE_CLOCK_H

#include "workers/base/rt.h"

/* ms since the arena was made, by the coarse clock: to compare, and to show people. */
uint32_t bh_rt_age_ms(void);

#endif
