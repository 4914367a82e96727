/* SPDX-License-Identifier: MIT */
/* crash.h: crash records. */
#ifndef BH_KERNEL_CRASH_H
#define BH_KERNEL_CRASH_H

#include "kernel/state.h"

/* What is known of a death. @words may be NULL. */
struct bh_crash_facts {
	uint32_t service, worker;
	uint64_t recorded; /* id of the record that a predecessor wrote of it; 0: none */
	int status;
	bool status_known;
	bool oom;  /* killed for want of memory */
	bool hung; /* killed by the kernel, for it did not turn */
	uint64_t task, key;
	uint32_t type;
	char task_name[40];
	uint64_t type_crashes, worker_crashes; /* this one included */
	const struct bh_last_words *words;     /* a copy */
};

/* Writes the record of the death of entry @idx to the board, once; its id stands
 * in the entry then. */
uint64_t bh_crash_record(struct bh_kernel *k, uint32_t idx, const struct bh_crash_facts *f);

/* The record that a predecessor wrote of the death at hand of entry @idx; 0: none. */
uint64_t bh_crash_recorded(struct bh_kernel *k, uint32_t idx);

/* Its replacement was ready at @ready_ns: completes the record and logs it. */
void bh_crash_replaced(struct bh_kernel *k, uint32_t idx, int64_t ready_ns);

/* The signal a record of @f will name; 0: none. */
int bh_crash_signal(const struct bh_crash_facts *f);

/* "died of SIGSEGV", "ended with exit code 3": for a wait status. */
const char *bh_death_text(int status, char buf[static 40]);

#endif
