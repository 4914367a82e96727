/* SPDX-License-Identifier: MIT */
/* worker_init.h: the hook of each new worker. */
#ifndef BH_WORKERS_EXECUTOR_WORKER_INIT_H
#define BH_WORKERS_EXECUTOR_WORKER_INIT_H

#include "workers/base/rt.h"

/* worker_init.c: the service's worker_init(), in the process that has taken its slot. Ends
 * the process if that fails. */
void bh_worker_init(void);

#endif
