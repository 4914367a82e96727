/* SPDX-License-Identifier: MIT */
/* fail.h: the end of a system that cannot go on. */
#ifndef BH_KERNEL_FAILURE_FAIL_H
#define BH_KERNEL_FAILURE_FAIL_H

#include "kernel/base/state.h"

/* The system cannot go on: says why, in one sentence, and ends it with 111. Stored here; its
 * processes are killed by the phase `stop`, later in the same turn. */
void bh_fail(struct bh_kernel *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
