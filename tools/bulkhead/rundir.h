/* SPDX-License-Identifier: MIT */
/*
 * rundir.h: the directory of the admin endpoint: finding or making it, and
 * making sure that no other system is there.
 *
 * A directory made here is private and locked (flock on the directory itself),
 * and the lock is inherited by the system's root process: held until the last of
 * it is gone, however it ends, and no file is left of it. The system removes the
 * directory when it stops.
 *
 * In a directory that exists already, nothing is made but the socket.
 */
#ifndef BH_TOOLS_BULKHEAD_RUNDIR_H
#define BH_TOOLS_BULKHEAD_RUNDIR_H

#include "ipc/system/plan.h"

enum {
	BH_RUNDIR_WHY = 512
};

/* Sets admin_url, rundir, unpriv_uid and unpriv_gid of @plan. @url: NULL for the
 * default place. 0, -EEXIST (a system runs there), or another error; @why has one
 * sentence then. */
int bh_rundir_make(struct bh_plan *plan, const char *url, char why[BH_RUNDIR_WHY]);

/* Removes the files and directories made: the system did not start. */
void bh_rundir_undo(const struct bh_plan *plan);

#endif
