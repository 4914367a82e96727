/* SPDX-License-Identifier: MIT */
/*
 * dump.h: what is in the core dump of a process that has the arena mapped.
 *
 * The arena is left out where it is mapped (bh_view_map()): it is as large as its limits,
 * each page of it that is dumped is made, and most of it is other tasks'. Whether there
 * is a dump, and where, is for the system to say (RLIMIT_CORE, core_pattern); the
 * configuration's `core` says what of the arena is put back in it (enum bh_core).
 */
#ifndef BH_WORKERS_CRASH_DUMP_H
#define BH_WORKERS_CRASH_DUMP_H

#include "ipc/arena/arena.h"

/* No dump of this process and of those that it forks. */
void bh_dump_forbid(void);

/* Puts back what task @t has: of its stack what is in use if @sp lies in it, else all, and
 * of its blocks those that share no page with another task's. Async-signal-safe. */
void bh_dump_task(const struct bh_tcb *t, uint64_t sp);

/* For the handler of a fatal signal: puts back what `core` says. */
void bh_dump_crashed(uint64_t sp);

#endif
