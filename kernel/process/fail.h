/* SPDX-License-Identifier: MIT */
/* fail.h: the end of a system that cannot go on. */
#ifndef BH_KERNEL_PROCESS_FAIL_H
#define BH_KERNEL_PROCESS_FAIL_H

#include "kernel/base/state.h"

/* The system cannot go on: says why, in one sentence, and ends it with 111. */
void bh_fail(struct bh_kernel *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Kills all but admind: the end of the stop, or of a system that failed. */
void bh_kill_all(struct bh_kernel *k);

#endif
