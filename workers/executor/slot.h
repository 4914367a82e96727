/* SPDX-License-Identifier: MIT */
/* slot.h: a process and its slot. */
#ifndef BH_WORKERS_EXECUTOR_SLOT_H
#define BH_WORKERS_EXECUTOR_SLOT_H

#include "workers/base/rt.h"

/* Makes this process the incarnation @epoch of @slot: handlers, and a ring of the
 * bell. -ESTALE: the slot is no longer ours. */
int bh_slot_take(uint32_t slot, uint32_t epoch);

/* Gives up the slot; the process must end then. False: its word has just been changed,
 * and the slot is not left. */
bool bh_slot_leave(void);

/* Ends a process that has left, or never had, a slot: what was printed is written out. */
_Noreturn void bh_slot_exit(void);

#endif
