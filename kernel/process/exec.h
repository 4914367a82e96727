/* SPDX-License-Identifier: MIT */
/* exec.h: in a child, between clone and exec. */
#ifndef BH_KERNEL_PROCESS_EXEC_H
#define BH_KERNEL_PROCESS_EXEC_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/system/plan.h"

/* Places @fds at 3, 4, ... in the order given (-1: left out), closes everything
 * else and undoes what the kernel did to signals; SIGTERM, SIGINT and SIGHUP stay blocked.
 * @lend: as for bh_out_child(). */
int bh_exec_fds(const int *fds, int n, bool lend);

/* Sets the soft limits of a service's process. */
void bh_exec_limit(const struct bh_plan_limits *l);

/* Makes this process, and all it forks, the first that the out-of-memory killer takes of
 * the system. */
void bh_exec_expendable(void);

/* Becomes @uid, and @gid with @groups (UINT32_MAX: stays as it is). */
int bh_exec_become(uint32_t uid, uint32_t gid, uint32_t n_groups, const uint32_t *groups);

/* The same, and what the environment says of a user. */
int bh_exec_user(const struct bh_plan_user *u);

/* Becomes the program on @fd, one of those that bh_exec_fds() placed; returns only if that
 * fails: -errno. */
int bh_exec_image(int fd, char *const *argv);

#endif
