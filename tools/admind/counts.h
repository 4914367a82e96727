/* SPDX-License-Identifier: MIT */
/* counts.h: counts of an arena's objects, by reading the whole used part of each table, so
 * that the numbers do not depend on counters that workers write. */
#ifndef BH_ADMIND_COUNTS_H
#define BH_ADMIND_COUNTS_H

#include "ipc/arena/arena.h"

struct bh_counts {
	uint64_t live, spawned, completed, crashed, canceled; /* tasks */
	uint64_t ios;                                         /* open sockets */
	uint64_t blocks, block_bytes;                         /* memory in use */
	uint64_t of_class[BH_CLASSES];                        /* of these, by size */
};

void bh_counts_read(struct bh_counts *c, const struct bh_view *v);

/* How many of the pool's slots were ever brought into use. */
uint32_t bh_counts_most(const struct bh_pool_view *p);

/* Slots of the task table that were ever used: indexes are 1 .. n - 1. */
uint32_t bh_counts_tasks(const struct bh_view *v);

/* Scheduled, running, waiting, or being cleaned up after: neither free nor ended. */
bool bh_counts_alive(uint64_t state_word);

/* "scheduled", "running", ... */
const char *bh_counts_state(uint64_t state_word);

/* "quarantined", "probation", ...; "": no task is refused. */
const char *bh_counts_gate(uint32_t state);

/* How many gates are not open. */
uint32_t bh_counts_quarantined(const struct bh_view *v);

#endif
