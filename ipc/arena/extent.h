/* SPDX-License-Identifier: MIT */
/*
 * extent.h: the bound on the blocks of all classes together: limits.memory.
 *
 * Each class has the addresses for all of the limit, and uses none before their extent is
 * charged. An extent is a run of blocks in one word of the class's bitmap, 16 KiB or a
 * 16384th of the limit, but at least a block. Tasks take and free blocks without knowledge
 * of extents; a worker whose hints have run out charges one more.
 *
 *                      charge: its blocks are free
 *          uncharged ──────────────────────────────▶ charged
 *          (even)    ◀────────────────────────────── (odd)
 *                      uncharge: all its blocks were free
 *
 * An extent stays charged when its blocks are freed. When the sum leaves no room for another
 * extent, the worker that needs it searches all classes for an extent with all blocks free,
 * takes them, gives their pages back and uncharges the extent: so memory of one class serves
 * any other at once.
 *
 * Truth. An extent's word counts its changes; odd: charged. One word of the arena holds
 * the sum of all charges, and the change in progress:
 *
 *   63        38 37     24 23  22 21   18 17       0
 *   ┌───────────┬─────────┬──────┬───────┬──────────┐
 *   │ units     │ changes │ op   │ class │ extent   │
 *   └───────────┴─────────┴──────┴───────┴──────────┘
 *
 * A change begins with one CAS that moves the sum and names the extent. A process that finds
 * an unfinished change finishes it before it begins its own: changes the extent's word, raises
 * the class's mark, clears `op`, each by a CAS that fails if another process was faster. So the
 * sum is exact whichever process is killed or stopped where, without a journal, and no process
 * waits for another. The last few units are for stacks of work (BH_WORK_CLASS) alone.
 *
 * Blocks of an uncharged extent have an owner that is no task, so that an old hint finds them
 * taken: {number k of the uncharging change, slot of the worker that took them}. Its meaning
 * depends on the extent's word x:
 *
 *   x = k - 1   that worker has taken them, to uncharge the extent
 *   x = k       the extent is uncharged
 *   x > k       charged since: the block is free, its owner word not cleared yet
 *
 * Crash. The cache's `word` names the extent being charged, the journal's `extent` the extent
 * being uncharged; bh_extent_settle() puts each block of these right.
 */
#ifndef BH_IPC_EXTENT_H
#define BH_IPC_EXTENT_H

#include "ipc/arena/arena.h"

/* A hint for worker @slot, whose cache of @cls is empty: from the pool, or from an extent
 * that the worker charges, after it has uncharged others if need be. 0: the limit is reached,
 * or all blocks that the class can have are taken. */
uint32_t bh_extent_refill(const struct bh_view *v, uint32_t slot, uint32_t cls);

static inline uint32_t bh_extent_take(const struct bh_view *v, uint32_t slot, uint32_t cls)
{
	struct bh_pool_cache *c = &v->workers[slot].blocks[cls];

	return bh_pool_has(c) ? c->idx[--c->n] : bh_extent_refill(v, slot, cls);
}

/* True if by @owner a worker holds block @idx for a moment, to uncharge the extent if it gets
 * all its other blocks. */
bool bh_extent_leaves(const struct bh_view *v, uint32_t cls, uint32_t idx, uint64_t owner);

/* Finishes the change in progress, of whichever process. */
void bh_extent_finish(const struct bh_view *v);

/* Frees a block that worker @dead kept (BH_SLOTS: no worker), or whose extent was charged
 * since. True: the block is free. Idempotent. */
bool bh_extent_settle(const struct bh_view *v, uint32_t cls, uint32_t idx, uint32_t dead);

/* The slot of the worker that keeps a block from use, by the block's @owner; BH_SLOTS: none. */
uint32_t bh_extent_keeper(uint64_t owner);

/* After a confirmed death: settles the extent that the worker was uncharging. */
void bh_extent_recover(const struct bh_view *v, uint32_t slot);

/* The sum of all charges, in bytes; its limit. */
uint64_t bh_extent_bytes(const struct bh_view *v);
uint64_t bh_extent_limit(const struct bh_view *v);

/* Adds up the extents' words, an extent a step. Starts zeroed; false: the last extent is
 * done. */
struct bh_extent_sum {
	uint32_t cls, at;
	uint32_t uncharged; /* classes that have extents to charge again, a bit each */
	uint64_t bytes;
	uint64_t word; /* the sum's, at the first step */
};
bool bh_extent_add_up(const struct bh_view *v, struct bh_extent_sum *sum);

/* Puts the sum right, unless a change came since. For the verifying scan. */
void bh_extent_mend(const struct bh_view *v, const struct bh_extent_sum *sum);

/* -- for the audit ------------------------------------------------------------------- */

bool bh_extent_charged(const struct bh_view *v, uint32_t cls, uint32_t idx);

/* True if @owner keeps block @idx from use: its extent is uncharged, or about to be. */
bool bh_extent_kept(const struct bh_view *v, uint32_t cls, uint32_t idx, uint64_t owner);

/* A change is being made. */
bool bh_extent_changing(const struct bh_view *v);

/* Class @cls has an extent to charge again, and its pool does not say so. */
bool bh_extent_unknown(const struct bh_view *v, const struct bh_extent_sum *sum, uint32_t cls);

/* The number of extents of all classes, charged or not. */
static inline uint32_t bh_extents(const struct bh_layout *l)
{
	return l->extent_first[BH_CLASSES];
}

#endif
