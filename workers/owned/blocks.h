/* SPDX-License-Identifier: MIT */
/* blocks.h: memory blocks of a task. */
#ifndef BH_WORKERS_OWNED_BLOCKS_H
#define BH_WORKERS_OWNED_BLOCKS_H

#include "workers/base/rt.h"

/* Takes a block of class @cls for the task with handle @owner and puts its
 * reference in *@slot (one of the task's single-block fields) or, when @slot is
 * NULL, at the head of its list. 0: no memory. Commit: the CAS on the owner. */
uint32_t bh_block_take(struct bh_tcb *t, uint64_t owner, uint32_t cls, _Atomic uint32_t *slot);

/* Frees one block that @owner has, which must be in no list any more. */
void bh_block_free(uint32_t ref, uint64_t owner);

/* Frees all blocks in the list of @t, its argument and its stack (not its
 * reply: @reply says so). */
void bh_blocks_release(struct bh_tcb *t, uint64_t owner, bool reply);

/* Which block of data the address lies in; 0: none. */
uint32_t bh_block_containing(const void *p);

#endif
