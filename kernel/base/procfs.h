/* SPDX-License-Identifier: MIT */
/* procfs.h: what /proc says of a process. */
#ifndef BH_KERNEL_BASE_PROCFS_H
#define BH_KERNEL_BASE_PROCFS_H

#include "kernel/base/state.h"

/* The process that @pidfd names, a child of the guardian. -ESRCH: it is dead and reaped;
 * any other error: it names nothing of the kind. */
int32_t bh_pidfd_pid(const struct bh_kernel *k, int pidfd);

/* The letter of /proc/PID/stat: R, S, D, T, ...; 0: cannot be had. */
char bh_procfs_state(int32_t pid);

static inline bool bh_procfs_stopped(char state)
{
	return state == 'T' || state == 't';
}

#endif
