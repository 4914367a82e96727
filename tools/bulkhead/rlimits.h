/* SPDX-License-Identifier: MIT */
/*
 * rlimits.h: the resource limits that this program's caller set (ulimit), and
 * the limits that the system needs.
 *
 *                        guardian, kernel, servers    a service
 *   open files           all of the hard limit        what limits.io needs, if the caller's
 *                                                     soft one is lower
 *   size of a file       all of it: an arena is one   the caller's soft one
 *   address space        all of it                    the caller's soft one, and the arena
 *                                                     beside it, twice: fork() copies it
 *   data                 all of it                    the caller's soft one
 *   stack                the caller's soft one        the same
 *
 * Every process needs a minimum of stack and data: a lower soft limit is raised to it.
 *
 * Hard limits stay, but for root's of open files. A hard limit that is too low is reported
 * before anything runs: an arena that cannot grow or be mapped would show as a crash.
 */
#ifndef BH_TOOLS_BULKHEAD_RLIMITS_H
#define BH_TOOLS_BULKHEAD_RLIMITS_H

#include <stdint.h>

#include "ipc/system/plan.h"

enum {
	BH_RLIMITS_WHY = 512,
	/* Of limits.memory, for a socket that may be a connection with a fiber: its stack, and
	 * an eighth of all, which is kept for work (ipc/arena/arena.h). */
	BH_RLIMITS_FIBER = 75 << 10
};

/* First call of the program: raises this process's stack and data limits to the system's
 * minimum. On an error @why has one sentence. */
int bh_rlimits_begin(char why[BH_RLIMITS_WHY]);

/* The limits that the configuration sets, service i at bit i; all others are lowered to the
 * allowed values. */
struct bh_rlimits_given {
	uint32_t io, memory;
};

/* Raises this process's limits, and sets `limits` of each service of @plan. On an
 * error @why has one sentence. */
int bh_rlimits_make(struct bh_plan *plan, const struct bh_rlimits_given *given,
		    char why[BH_RLIMITS_WHY]);

#endif
