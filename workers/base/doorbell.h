/* SPDX-License-Identifier: MIT */
/* doorbell.h: the kernel's bell. */
#ifndef BH_WORKERS_BASE_DOORBELL_H
#define BH_WORKERS_BASE_DOORBELL_H

#include "workers/base/rt.h"

/* Rings the kernel's doorbell. */
void bh_doorbell(void);

#endif
