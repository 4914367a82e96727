/* SPDX-License-Identifier: MIT */
/*
 * follow.h: keeps the probes' pids in step with the board, and the page in step
 * with the probes.
 *
 * Invariants
 *   I1  a slot (service, slot) has one entry from its first process on, the same
 *       index in the page and in the probes' counts; slots beyond BH_TRACE_WORKERS
 *       are tracked, and not counted
 *   I2  tracked[s][w] is the pid that the probes know as that slot's; 0: none
 *   I3  a pid is tracked in one slot at most, even if the board has it in several
 *
 * The board is the kernel's, and may be read in the middle of a change: each pid is
 * read once; a wrong pid only means that its slot is not counted until the next round.
 */
#ifndef BH_BPF_FOLLOW_H
#define BH_BPF_FOLLOW_H

#include "bpf/load/probes.h"
#include "ipc/system/board.h"
#include "ipc/system/trace_page.h"

struct bh_follow {
	const struct bh_board *board; /* mapped read-only */
	struct bh_trace_page *page;
	struct bh_probes *probes;
	/* Where the workers see their arena; by service. */
	struct bh_probe_service arena[BH_PLAN_SERVICES];
	/* 1 + index of the slot's entry; 0: it has none yet */
	uint16_t entry_of[BH_PLAN_SERVICES][BH_SLOTS];
	int32_t tracked[BH_PLAN_SERVICES][BH_SLOTS];
	int32_t zygote[2 * BH_PLAN_SERVICES]; /* zygotes and twins that the probes know */
};

/* One round: workers and zygotes that came and went since the last. */
void bh_follow_workers(struct bh_follow *f);

/* From now on the workers of @service have their tasks where @in says. */
void bh_follow_arena(struct bh_follow *f, uint32_t service, const struct bh_probe_service *in);

/* One refresh of the page. */
void bh_follow_publish(struct bh_follow *f);

#endif
