/* SPDX-License-Identifier: MIT */
/* slot.h: what process has a worker slot, by its word in the arena. */
#ifndef BH_KERNEL_SERVICE_SLOT_H
#define BH_KERNEL_SERVICE_SLOT_H

#include "kernel/base/state.h"

/* Asks the zygote for a process for the slot, in @epoch. -EAGAIN: it does not read; -ENOTCONN:
 * there is none that is up. */
int bh_slot_ask(struct bh_child *c, uint32_t epoch);

/* The slot is held by process @pid, of which no message told: its entry takes it up, dead
 * or alive. It was made by a zygote that died before it could say so, or told to a kernel
 * that did. An error: it is no child of the guardian that nobody else is. */
int bh_slot_adopt(struct bh_child *c, int32_t pid);

/* Moves a STARTING slot to an epoch that no process was made for. 0: one of the old epoch has
 * the slot, and is taken up; errors as above; else 1. */
int bh_slot_bump(struct bh_child *c);

/* True if the worker that died says that it gave up its slot. */
bool bh_slot_retired(const struct bh_child *c);

#endif
