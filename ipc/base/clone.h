/* SPDX-License-Identifier: MIT */
/* clone.h: a copy of the calling process, as fork() makes it, but with some parts shared. */
#ifndef BH_IPC_CLONE_H
#define BH_IPC_CLONE_H

#include <linux/sched.h>
#include <sys/types.h>

/*
 * clone3(), without a stack of its own for the child; by clone() where clone3() is
 * refused, as Docker's default filter does. Returns the pid, 0 in the child, or -errno.
 *
 * clone() has one place for pidfd and pid. For a caller that asks for both, CLONE_PIDFD
 * and CLONE_PARENT_SETTID, Linux writes the pid when the child first runs (parent_tid has
 * to be in memory that both share), and the caller writes it when it goes on.
 * Crash: a caller killed in this clone() may leave a pidfd without a pid, until the child
 * runs. With clone3() both are there before the child can run, or neither is.
 */
pid_t bh_clone(const struct clone_args *args);

#endif
