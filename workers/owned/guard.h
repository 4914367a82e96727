/* SPDX-License-Identifier: MIT */
/*
 * guard.h: the guard below each fiber's stack: the gap between it and the next one
 * (ipc/arena/task.h), which no fiber may touch.
 *
 * A guard is an entry in this process's page tables, not in the arena: every worker
 * sets its own, before it first runs on a stack. MADV_GUARD_INSTALL (Linux 6.13, for
 * shared memory 6.15) costs no mapping; elsewhere mprotect() does, which splits one,
 * and of mappings a process has a limited number (vm.max_map_count). A guard is
 * needed only while a fiber runs above it in this process; so where that number is
 * used up the oldest guards are given up for new ones, and set again when their turn
 * comes. No fiber ever runs without its guard: a worker that cannot set one ends.
 */
#ifndef BH_WORKERS_OWNED_GUARD_H
#define BH_WORKERS_OWNED_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* Makes sure that stack block @ref, on which the caller is about to run, has its guard
 * in this process. Aborts if that cannot be. */
void bh_guard_ensure(uint32_t ref);

/* True if @address lies in the guard of stack block @ref. */
bool bh_guard_contains(uint32_t ref, uint64_t address);

#endif
