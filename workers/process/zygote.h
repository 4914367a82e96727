/* SPDX-License-Identifier: MIT */
/* zygote.h: becoming a zygote. */
#ifndef BH_WORKERS_PROCESS_ZYGOTE_H
#define BH_WORKERS_PROCESS_ZYGOTE_H

#include "workers/base/rt.h"

/* The plan's entry for this process's service. Ends the process, and tells the
 * kernel why, if there is none. */
const struct bh_plan_service *bh_zygote_plan(void);

/* The descriptor of the module that the kernel holds, which is the caller's to close. */
int bh_zygote_module_fd(void);

/* Tells the kernel that the service cannot start, and why; exits with 111. */
_Noreturn void bh_zygote_fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The life of a zygote whose service code is @service: maps, init, the service's
 * first task, then forks workers and twins on request. Does not return. */
_Noreturn void bh_zygote_run(const struct bh_service *service);

#endif
