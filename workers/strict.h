/* SPDX-License-Identifier: MIT */
/*
 * strict.h: `bulkhead run --strict`, for development: tasks that write to globals of their
 * module are told of. A global is private to each process: who changes it changes it
 * where the task happens to run.
 */
#ifndef BH_WORKERS_STRICT_H
#define BH_WORKERS_STRICT_H

#include <stdbool.h>

/* In the zygote, before init(): finds what @service's module has to be watched, if the plan
 * says so. */
void bh_strict_find(const void *service);

/* In a process that has run worker_init(): watches from here on. */
void bh_strict_begin(void);

#endif
