/* SPDX-License-Identifier: MIT */
/*
 * wake_load.h: the wake-up probe as a thing to hold: load, track pids, read.
 *
 *	struct bh_wake *wake;
 *	char why[BH_WAKE_REASON_BYTES];
 *	if (bh_wake_start(&wake, why) < 0)
 *		... say why ...
 *	bh_wake_track(wake, pid, entry);
 *	... bh_wake_counts(wake, entry)->count ...
 *	bh_wake_stop(wake);
 *
 * The programs are attached for as long as this process holds them: its death, of
 * whatever kind, detaches them. Built without BPF, bh_wake_start() says just that
 * and no other function is ever reached with a handle.
 */
#ifndef BH_BPF_WAKE_LOAD_H
#define BH_BPF_WAKE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "wake.h"
#include "wake_reason.h"

struct bh_wake;

/* How the programs learn whether who leaves a CPU sleeps. */
enum bh_wake_state {
	BH_WAKE_STATE_REREAD,   /* from the task: racy, all that old kernels offer */
	BH_WAKE_STATE_ARGUMENT, /* the tracepoint says */
};

/* Loads and attaches what suits this kernel. On error @why says what is missing. */
int bh_wake_start(struct bh_wake **wake, char why[BH_WAKE_REASON_BYTES]);

/* The same, one way or the other; -errno as the kernel gave it. */
int bh_wake_start_as(struct bh_wake **wake, enum bh_wake_state how);

/* Detaches; NULL is fine. */
void bh_wake_stop(struct bh_wake *wake);

/* From now on wake-ups of @pid count in @entry. -EEXIST: it is tracked already. */
int bh_wake_track(struct bh_wake *wake, int32_t pid, uint32_t entry);

/* Nothing of @pid counts any more; what was counted stays. */
void bh_wake_untrack(struct bh_wake *wake, int32_t pid);

/* The counts of @entry, live and read-only; they stay mapped until the stop. */
const struct bh_wake_counts *bh_wake_counts(const struct bh_wake *wake, uint32_t entry);

/* Gives up the capabilities that a loaded probe can do without. */
int bh_wake_shed(struct bh_wake *wake);

#endif
