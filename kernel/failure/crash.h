/* SPDX-License-Identifier: MIT */
/* crash.h: crash records. */
#ifndef BH_KERNEL_FAILURE_CRASH_H
#define BH_KERNEL_FAILURE_CRASH_H

#include "kernel/base/state.h"
#include "kernel/failure/facts.h"

enum {
	BH_CRASH_COST_US = 500, /* what a crash takes of a worker's time, until one was seen */
};

/* Writes the record of the death of @c to the board, once; its id stands in the entry then. */
uint64_t bh_crash_record(struct bh_child *c, const struct bh_crash_facts *f);

/* The record that a predecessor wrote of the death at hand; 0: none. */
uint64_t bh_crash_recorded(const struct bh_child *c);

/* Counts the crash of a worker, if a record of it stands on the board and is the newest: by
 * a new kernel, before any other crash (death.c). */
void bh_crash_count(struct bh_child *c);

/* Its replacement was ready at @ready_ns: completes the record and logs it. */
void bh_crash_replaced(struct bh_child *c, int64_t ready_ns);

#endif
