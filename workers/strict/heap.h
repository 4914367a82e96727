/* SPDX-License-Identifier: MIT */
/* heap.h: with --strict each process has its memory at addresses of its own. */
#ifndef BH_WORKERS_STRICT_HEAP_H
#define BH_WORKERS_STRICT_HEAP_H

#include <stdint.h>

/*
 * Private memory: the zygote's, which all have a copy of, and then a part for each process
 * that runs tasks or jobs, also for those that replace others. No process maps another's.
 * When all parts were given once, the first are given again.
 */
#define BH_STRICT_BASE  0x300000000000ull
#define BH_STRICT_PART  (1ull << 34)
#define BH_STRICT_HEAPS 2048u

/* What this process allocates from here on is its own, as number @own. */
void bh_strict_heap_enter(uint32_t own);

/* Whose memory is at @at, if it is another process's; 0: nobody's, the own, or the zygote's. */
uint32_t bh_strict_heap_of(uintptr_t at);

uint32_t bh_strict_heap_own(void);

#endif
