/* SPDX-License-Identifier: MIT */
/* verify.h: the verifying scan. */
#ifndef BH_IPC_VERIFY_H
#define BH_IPC_VERIFY_H

#include "ipc/repair/recover.h"

/*
 * The verifying scan. Checks up to @n entries of the tables, from where it stopped, and
 * repairs what is wrong by itself: RUNNING and RESERVED tasks of dead incarnations and all
 * CLEANUP tasks are released; tasks pinned to a dead incarnation end or start again; blocks,
 * I/O slots, tokens and sync objects without a living owner are freed; claims of dead tasks
 * are given back; free slots are put in their pool's bitmap. With `requeue` every SCHEDULED
 * task is queued again, in case its hint was lost (a second hint does no harm, but costs a
 * look): after a kernel's death, and when arena->rescan asks for it. Start with a zeroed
 * struct; true: came to the end.
 */
struct bh_verify {
	uint32_t table, cursor;
	bool requeue;
	uint64_t repaired;
	struct bh_extent_sum sum;
};
bool bh_verify_step(const struct bh_view *v, struct bh_verify *scan, uint32_t n,
		    const struct bh_recover_ops *ops);

#endif
