/* SPDX-License-Identifier: MIT */
/*
 * crew.h: workers without a kernel: the test process makes the arena, forks real
 * worker processes and, when one is killed, recovers it and forks the next.
 */
#ifndef BH_TESTS_CREW_H
#define BH_TESTS_CREW_H

#include "ipc/repair/audit.h"
#include "ipc/repair/recover.h"
#include "workers/base/rt.h"

enum {
	CREW_MAX = 8
};

struct crew {
	uint32_t n;
	pid_t pid[CREW_MAX];
	uint32_t epoch[CREW_MAX];
	unsigned deaths, task_deaths;
	int arena_fd;
};

/* An arena for @n workers and @tasks tasks, and @main as its first task. */
void crew_make(struct crew *c, uint32_t n, uint32_t tasks, int64_t (*main)(void *));

/* The same, with @memory bytes for each size of block. */
void crew_make_sized(struct crew *c, uint32_t n, uint32_t tasks, uint64_t memory,
		     int64_t (*main)(void *));

/* Waits until *@done is set; meanwhile replaces workers that die, and stands in for
 * the kernel's reactor and wheel. Fails the test after @seconds. */
void crew_wait(struct crew *c, const _Atomic uint32_t *done, unsigned seconds);

/* From now on @wanted workers: starts them, or tells the others to go. */
void crew_resize(struct crew *c, uint32_t wanted);

/* False: worker @slot has gone by itself. */
bool crew_is_up(struct crew *c, uint32_t slot);

/* Kills @kills random workers, every @us on average, then sets *@stop. */
void crew_storm(struct crew *c, unsigned kills, unsigned us, _Atomic uint32_t *stop);

/* Kills all, recovers all, and audits what is left. */
void crew_end(struct crew *c);

/* Memory that all processes share, for counting. */
void *crew_shared(size_t bytes);

#endif
