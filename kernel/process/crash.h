/* SPDX-License-Identifier: MIT */
/* crash.h: crash records. */
#ifndef BH_KERNEL_PROCESS_CRASH_H
#define BH_KERNEL_PROCESS_CRASH_H

#include "kernel/base/state.h"
#include "kernel/process/facts.h"

enum {
	BH_CRASH_COST_US = 500, /* what a crash takes of a worker's time, until one was seen */
};

/* Writes the record of the death of entry @idx to the board, once; its id stands
 * in the entry then. */
uint64_t bh_crash_record(struct bh_kernel *k, uint32_t idx, const struct bh_crash_facts *f);

/* The record that a predecessor wrote of the death at hand of entry @idx; 0: none. */
uint64_t bh_crash_recorded(struct bh_kernel *k, uint32_t idx);

/* Counts the crash of the worker in @slot, if a record of it stands on the board and is
 * the newest: by a new kernel, before any other crash (death.c). */
void bh_crash_count(struct bh_ksvc *s, uint32_t slot);

/* Its replacement was ready at @ready_ns: completes the record and logs it. */
void bh_crash_replaced(struct bh_kernel *k, uint32_t idx, int64_t ready_ns);

#endif
