/* SPDX-License-Identifier: MIT */
/*
 * guard.h: the guard page below each fiber's stack.
 *
 * A guard is an entry in this process's page tables, not in the arena: every
 * worker sets its own, before it first runs on a stack. MADV_GUARD_INSTALL (Linux
 * 6.13, for shared memory 6.15) costs no mapping; elsewhere mprotect() does,
 * which splits one, and when the mappings run out the stack goes unguarded.
 */
#ifndef BH_WORKERS_GUARD_H
#define BH_WORKERS_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* Makes sure that stack block @ref has its guard in this process. */
void bh_guard_ensure(uint32_t ref);

/* True if @address lies in the guard page of stack block @ref. */
bool bh_guard_contains(uint32_t ref, uint64_t address);

#endif
