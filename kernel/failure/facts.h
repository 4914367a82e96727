/* SPDX-License-Identifier: MIT */
/* facts.h: what is known of a death, and whose fault it was. */
#ifndef BH_KERNEL_FAILURE_FACTS_H
#define BH_KERNEL_FAILURE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/arena/worker.h"

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

/* The signal a record of @f will name; 0: none. */
int bh_crash_signal(const struct bh_crash_facts *f);

/* True if the task itself brought about its death: SIGKILL and its like come from outside,
 * and hit whoever happens to run; but for want of memory it hits who took it. */
bool bh_crash_own_fault(const struct bh_crash_facts *f);

/* The same of a signal alone; 0: it ended by exit(). */
bool bh_signal_own_fault(int sig);

#endif
