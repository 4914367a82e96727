/* SPDX-License-Identifier: MIT */
/* spawn.h: new processes. */
#ifndef BH_KERNEL_PROCESS_SPAWN_H
#define BH_KERNEL_PROCESS_SPAWN_H

#include "kernel/base/state.h"

/* What a child does between its clone and its exec; returns only if that fails,
 * with an exit code. @ctl is its end of the control socket. */
typedef int (*bh_child_fn)(struct bh_child *c, int ctl);

/*
 * Starts a process of its own table (a zygote or server) in the entry of @c. pid and
 * pidfd are written to the board by Linux itself, in the clone: no kernel that is
 * killed here leaves a child that its successor does not know. (Where clone3() is refused
 * the pid comes a moment later, ipc/base/clone.h: a successor may then start it again, and the
 * first one ends, for nobody holds the other end of its socket.)
 */
int bh_child_start(struct bh_child *c, bh_child_fn child);

/* What to look at when a process cannot be made, for the end of a sentence; or "". */
const char *bh_proc_hint(int err);

/* Makes the control socket of @c; returns the child's end. */
int bh_child_socket(struct bh_child *c);

#endif
