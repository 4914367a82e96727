/* SPDX-License-Identifier: MIT */
/*
 * strict.h: `bulkhead run --strict`, for development: what a process has for itself, and a
 * task keeps or changes as if all had it, is told of, with the place, the task and what to
 * do instead.
 *
 *   globals of the module and its libraries   strict.c: their pages are read-only
 *   the same, stored to by a system call      calls.c: a filter of system calls
 *   memory of malloc() and mmap()             heap.c: at other addresses in each
 *                                             process, so another's pointer faults
 *   thread-locals of the module               locals.c: compared at each wait
 *   a task that waits goes on elsewhere       moves.c: so that it shows at once
 *
 * All of it is in bulkhead-host-strict alone, which has the runtime compiled once more, with
 * BH_STRICT: without --strict there is neither a call nor a test of it.
 */
#ifndef BH_WORKERS_STRICT_STRICT_H
#define BH_WORKERS_STRICT_STRICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "workers/base/rt.h"

#ifdef BH_STRICT

#include "workers/strict/locals.h"
#include "workers/strict/moves.h"
#include "workers/strict/watch.h"

/* In a new process, before worker_init(): what it allocates from here on is its own. */
void bh_strict_enter(void);

/* In a process that has run worker_init(): watches from here on. */
void bh_strict_begin(void);

#else

static inline void bh_strict_find(const void *service)
{
	(void)service;
	if (bh_rt.plan->strict)
		fputs("--strict: nothing is watched: the service is part of its program, not a "
		      "module of its own\n",
		      stderr);
}

static inline void bh_strict_enter(void)
{
}

static inline void bh_strict_begin(void)
{
}

static inline bool bh_strict_declines(uint32_t idx)
{
	(void)idx;
	return false;
}

static inline void bh_strict_runs(uint32_t idx, uint64_t state)
{
	(void)idx, (void)state;
}

static inline void bh_strict_waits(const void *poll)
{
	(void)poll;
}

static inline void bh_strict_ran(void)
{
}

#endif
#endif
