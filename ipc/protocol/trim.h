/* SPDX-License-Identifier: MIT */
/*
 * trim.h: the kernel gives back the pages of unused blocks.
 *
 * A freed block keeps its pages for the next task: to give them back at once would cost
 * each fiber two system calls and a page fault. So a burst leaves all pages that it
 * touched. The kernel's rounds are a clock with a second chance. The mark is a block's
 * `next`, the link in its owner's list, which links nothing while the block is free:
 *
 *   anything else   used since the last round: the kernel makes it SEEN
 *   SEEN            not used for a whole round: its pages go, and it is CLEAN
 *   CLEAN           it is free and has no pages
 *
 * A worker that takes a block overwrites the mark. The pages of a small block's
 * page go when all blocks in it are free and seen.
 *
 * Crash. The kernel owns the blocks that it marks or clears (BH_BLOCK_TRIM), by the same
 * CAS as any taker; before it, a->trimming names the first block, and the next kernel frees
 * the blocks so owned (bh_recover_kernel()).
 */
#ifndef BH_IPC_TRIM_H
#define BH_IPC_TRIM_H

#include "ipc/arena/arena.h"

/* A round, from where it stopped; starts zeroed. */
struct bh_trim {
	uint32_t cls, at;
	uint32_t seen; /* blocks that the next round gives back, unless a task takes them */
};

/* Looks at up to @looks entries and makes up to @calls of the system. True: the round is
 * over. Commit: the CAS on the owner, and the store that frees it. */
bool bh_trim_step(const struct bh_view *v, struct bh_trim *t, uint32_t looks, uint32_t calls);

/* Frees the blocks that a killed kernel owned. Idempotent. */
void bh_trim_recover(const struct bh_view *v);

#endif
