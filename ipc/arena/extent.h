/* SPDX-License-Identifier: MIT */
/*
 * extent.h: what bounds the blocks of all classes together: limits.memory.
 *
 * Each class has the addresses for all of the limit, and uses none before the extent that
 * they are in is charged: a run of blocks in one word of the class's bitmap, 16 KiB or a
 * 16384th of the limit, but at least a block. A task that takes a block and one that frees
 * it know nothing of this; a worker whose hints have run out charges one extent more.
 *
 *                      charge: its blocks are free
 *          uncharged ──────────────────────────────▶ charged
 *          (even)    ◀────────────────────────────── (odd)
 *                      uncharge: nobody had a block
 *
 * An extent stays charged when its blocks are freed. When the sum leaves no room for another
 * one, the worker that wants it looks for one of any class of which all blocks are free, takes
 * them, gives their pages back and uncharges it: so what one class has had, any other may have,
 * at once.
 *
 * Truth. An extent's word counts its changes; odd: it is charged. One word of the arena holds
 * the sum of what is charged, and the change that is being made:
 *
 *   63        38 37     24 23  22 21   18 17       0
 *   ┌───────────┬─────────┬──────┬───────┬──────────┐
 *   │ units     │ changes │ op   │ class │ extent   │
 *   └───────────┴─────────┴──────┴───────┴──────────┘
 *
 * A change begins with one CAS that moves the sum and names the extent. Whoever finds one that
 * is not finished finishes it before it begins its own: changes the extent's word, raises the
 * class's mark, clears `op`, each by a CAS that fails if somebody else was faster. So the sum is
 * exact whoever is killed or stopped where, without a journal, and nobody waits for anybody. The
 * last few units are for stacks of work (BH_WORK_CLASS) alone.
 *
 * Blocks of an uncharged extent have an owner that is no task, so a hint that is as old as
 * they are finds them taken: {the number of the change that uncharged them, the slot whose
 * worker took them}. What it says depends on the extent's word x, and on the number k:
 *
 *   x = k - 1   that worker has taken them, to uncharge the extent
 *   x = k       they are uncharged
 *   x > k       charged since: free, and not all have been told
 *
 * Crash. The cache's `word` names what is being charged, the journal's `extent` what is being
 * uncharged; bh_extent_settle() puts each block right that they name.
 */
#ifndef BH_IPC_EXTENT_H
#define BH_IPC_EXTENT_H

#include "ipc/arena/arena.h"

/* A hint for worker @slot, whose cache of @cls is empty: from the pool, of an extent that it
 * charges, or of one that it has uncharged another one for. 0: the limit is reached, or all
 * that the class can have is taken. */
uint32_t bh_extent_refill(const struct bh_view *v, uint32_t slot, uint32_t cls);

static inline uint32_t bh_extent_take(const struct bh_view *v, uint32_t slot, uint32_t cls)
{
	struct bh_pool_cache *c = &v->workers[slot].blocks[cls];

	return bh_pool_has(c) ? c->idx[--c->n] : bh_extent_refill(v, slot, cls);
}

/* True if a worker has block @idx for a moment, @owner: to uncharge its extent, if it gets
 * all others. */
bool bh_extent_leaves(const struct bh_view *v, uint32_t cls, uint32_t idx, uint64_t owner);

/* Finishes a change that somebody began. */
void bh_extent_finish(const struct bh_view *v);

/* Puts a block right that worker @dead had, or nobody (BH_SLOTS), or that is free and was not
 * told so. True: it is free and may be had. Idempotent. */
bool bh_extent_settle(const struct bh_view *v, uint32_t cls, uint32_t idx, uint32_t dead);

/* The slot whose worker keeps a block from use, by its owner; BH_SLOTS: it is not kept. */
uint32_t bh_extent_keeper(uint64_t owner);

/* After a confirmed death: what the worker was uncharging. */
void bh_extent_recover(const struct bh_view *v, uint32_t slot);

/* What is charged, in bytes; the most that can be. */
uint64_t bh_extent_bytes(const struct bh_view *v);
uint64_t bh_extent_limit(const struct bh_view *v);

/* What the extents' words add up to, an extent a step. Starts zeroed; false: that was the
 * last one. */
struct bh_extent_sum {
	uint32_t cls, at;
	uint32_t uncharged; /* classes that have extents to charge again, a bit each */
	uint64_t bytes;
	uint64_t word; /* the sum's, when it began */
};
bool bh_extent_add_up(const struct bh_view *v, struct bh_extent_sum *sum);

/* Puts the sum right, if nobody has changed it since. For the verifying scan. */
void bh_extent_mend(const struct bh_view *v, const struct bh_extent_sum *sum);

/* -- for the audit ------------------------------------------------------------------- */

bool bh_extent_charged(const struct bh_view *v, uint32_t cls, uint32_t idx);

/* True if block @idx, which @owner keeps from use, is uncharged, or about to be. */
bool bh_extent_kept(const struct bh_view *v, uint32_t cls, uint32_t idx, uint64_t owner);

/* A change is being made. */
bool bh_extent_changing(const struct bh_view *v);

/* Class @cls has an extent to charge again, and its pool does not say so. */
bool bh_extent_unknown(const struct bh_view *v, const struct bh_extent_sum *sum, uint32_t cls);

/* How many there are of all classes, charged or not. */
static inline uint32_t bh_extents(const struct bh_layout *l)
{
	return l->extent_first[BH_CLASSES];
}

#endif
