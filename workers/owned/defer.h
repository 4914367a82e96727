/* SPDX-License-Identifier: MIT */
/* defer.h: clean-ups of the running task. */
#ifndef BH_WORKERS_OWNED_DEFER_H
#define BH_WORKERS_OWNED_DEFER_H

#include "workers/base/rt.h"

/* Runs the clean-ups of the running task, the newest first. */
void bh_defers_run(struct bh_tcb *t);

/* Forgets a clean-up that was registered and is no longer needed. */
void bh_defer_drop(void (*fn)(void *arg), const void *arg);

#endif
