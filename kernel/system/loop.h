/* SPDX-License-Identifier: MIT */
/*
 * loop.h: the loop of the kernel: one process with one thread. It waits on one epoll
 * instance, and each turn goes through these phases, always in this order:
 *
 *   wait → signals → deaths → control → workers → starts → listeners → reactor
 *        → timers → hold → verify → stalls → trim → audit → record → restarts → resets → blocking
 *        → servers → housekeeping → system → stop
 *
 * What ends more than one process (a reset, a failure of the system, its stop) is stored where it
 * is found, and carried out by the phases `resets` and `stop` of the same turn. From the store on
 * every phase leaves alone what is to be ended: bh_service_ending().
 */
#ifndef BH_KERNEL_SYSTEM_LOOP_H
#define BH_KERNEL_SYSTEM_LOOP_H

#include "kernel/base/state.h"

/* What main() hands to each kernel, before the first and through the guardian. */
struct bh_boot {
	const struct bh_plan *plan;
	struct bh_images images;
	struct bh_board *board;
	int board_fd, death_fd, lifeline, lifeline_end;
};

/* A kernel's life; called by the guardian in a new process. @boot: struct
 * bh_boot. Returns the system's exit code. */
int bh_kernel_main(void *boot);

#endif
