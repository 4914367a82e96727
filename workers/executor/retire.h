/* SPDX-License-Identifier: MIT */
/* retire.h: a worker that is one too many. */
#ifndef BH_WORKERS_EXECUTOR_RETIRE_H
#define BH_WORKERS_EXECUTOR_RETIRE_H

#include "workers/base/rt.h"

/* More workers are up than wanted, and this is one of those too many. */
bool bh_surplus(void);

/* Between two polls: gives up the slot of this worker, which is surplus, if no task is
 * pinned to it: true, and the process must end. Without @idle it looks only now and
 * then. */
bool bh_retire(bool idle);

#endif
