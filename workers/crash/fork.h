/* SPDX-License-Identifier: MIT */
/* fork.h: what becomes of a process that user code forks from a zygote or worker. */
#ifndef BH_WORKERS_CRASH_FORK_H
#define BH_WORKERS_CRASH_FORK_H

#include <stdint.h>

/* From here on this process is part of a service: what it forks is set apart. */
void bh_fork_watch(void);

/* In a process that user code forked (bh_rt.forked): the function of its task has
 * returned, and the process ends as one whose main() did. */
_Noreturn void bh_forked_end(int64_t value);

#endif
