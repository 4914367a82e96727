/* SPDX-License-Identifier: MIT */
/*
 * incarnation.h: one process after the other is the worker in a slot.
 *
 * An epoch starts when the kernel says so in the slot's word (worker.h). The process
 * for it may have been made before, while the slot's last worker was still being
 * recovered (kernel/service/heir.c): it touches nothing of the slot until then.
 */
#ifndef BH_IPC_INCARNATION_H
#define BH_IPC_INCARNATION_H

#include "ipc/arena/worker.h"

/* The epoch after @epoch: never 0, and what a task's state word can hold. */
static inline uint32_t bh_epoch_next(uint32_t epoch)
{
	return epoch % BH_EPOCH_MASK + 1;
}

/* The kernel's: @epoch starts. Whoever was made for it takes the slot, and those made for
 * another epoch go. Commit: the store of the word. */
void bh_incarnation_start(struct bh_slot *w, uint32_t epoch);

/* Waits while the epoch before is not over, at most for ten seconds, and takes the slot for
 * this process. False: it is another's. Commit: the CAS of the word. */
bool bh_incarnation_take(struct bh_slot *w, uint32_t epoch);

#endif
