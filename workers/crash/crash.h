/* SPDX-License-Identifier: MIT */
/* crash.h: a worker's last words. */
#ifndef BH_WORKERS_CRASH_CRASH_H
#define BH_WORKERS_CRASH_CRASH_H

#include "workers/base/rt.h"

/* Installs the handlers that write this worker's last words. */
void bh_crash_handlers(void);

/* The handler of fatal signals, for who stands before it. Their action is the default when
 * it runs. */
void bh_crash_fatal(int sig, siginfo_t *info, void *context);

#endif
