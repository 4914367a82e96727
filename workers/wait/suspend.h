/* SPDX-License-Identifier: MIT */
/* suspend.h: suspending the running task, and deadlines. */
#ifndef BH_WORKERS_WAIT_SUSPEND_H
#define BH_WORKERS_WAIT_SUSPEND_H

#include "workers/base/rt.h"

/*
 * Suspends the running fiber until it is woken, aborted, or @deadline; may return
 * in another worker. 0: woken (perhaps spuriously), -BH_ETIMEDOUT,
 * -BH_ECANCELED, -EDEADLK (not in a fiber). BH_NOWAIT: -BH_ETIMEDOUT at once.
 */
int bh_rt_suspend(enum bh_wait why, uint64_t on, int64_t deadline);

/* True if the running task was aborted. */
bool bh_rt_aborted(void);

/* Sets the running task's deadline and tells the kernel. INT64_MAX: none. */
void bh_rt_deadline(struct bh_tcb *t, uint32_t idx, int64_t deadline);

#endif
