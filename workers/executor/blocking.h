/* SPDX-License-Identifier: MIT */
/* blocking.h: the process that runs jobs. */
#ifndef BH_WORKERS_EXECUTOR_BLOCKING_H
#define BH_WORKERS_EXECUTOR_BLOCKING_H

#include "workers/base/rt.h"

/* The same for blocking slot @slot and jobs (blocking.c). */
int bh_blocking_run(uint32_t slot, uint32_t epoch);

/* Takes the oldest job and runs it. False: there is none. */
bool bh_job_turn(void);

#endif
