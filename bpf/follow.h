/* SPDX-License-Identifier: MIT */
/*
 * follow.h: keeps the probe's pids in step with the board, and the page in step
 * with the probe.
 *
 * Invariants
 *   I1  a worker slot (service, slot) has one entry from its first worker on,
 *       the same index in the page and in the probe's counts
 *   I2  tracked[e] is the pid for which the probe counts in entry e; 0: none
 *   I3  a pid is tracked in one entry at most, whatever the board says
 *
 * The board is the kernel's, and may be read in the middle of a change: each pid is
 * read once, and a wrong one does no more than not to count until the next round.
 */
#ifndef BH_BPF_FOLLOW_H
#define BH_BPF_FOLLOW_H

#include "ipc/board.h"
#include "ipc/trace_page.h"
#include "wake_load.h"

struct bh_follow {
	const struct bh_board *board; /* mapped read-only */
	struct bh_trace_page *page;
	struct bh_wake *wake;
	/* 1 + index of the slot's entry; 0: it has none yet */
	uint16_t entry_of[BH_PLAN_SERVICES][BH_MAX_WORKERS];
	int32_t tracked[BH_WAKE_ENTRIES];
};

/* One round: workers that came and went since the last. */
void bh_follow_workers(struct bh_follow *f);

/* One refresh of the page. */
void bh_follow_publish(struct bh_follow *f);

#endif
