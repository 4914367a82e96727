/* SPDX-License-Identifier: MIT */
/*
 * listen.h: opening the listening sockets that a plan names. They are the
 * system's from here on: inherited through exec, never closed by this program.
 */
#ifndef BH_TOOLS_BULKHEAD_LISTEN_H
#define BH_TOOLS_BULKHEAD_LISTEN_H

#include "ipc/system/plan.h"

enum {
	BH_LISTEN_WHY = 384
};

/* Opens the addresses of all services of @plan; fills fd, actual, file_dev and
 * file_ino. On error @why has one sentence; files that were made stay
 * (bh_plan_remove_files()). */
int bh_listen_open_all(struct bh_plan *plan, char why[BH_LISTEN_WHY]);
#endif
