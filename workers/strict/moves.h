/* SPDX-License-Identifier: MIT */
/* moves.h: with --strict a task that has waited goes on in another worker. */
#ifndef BH_WORKERS_STRICT_MOVES_H
#define BH_WORKERS_STRICT_MOVES_H

#include <stdbool.h>
#include <stdint.h>

/* Is task @idx, which was taken out of a queue, better run by another worker? Then it is in
 * the shared queue again. */
bool bh_strict_declines(uint32_t idx);

/* The task, whose word is @state, runs here now. Its holder only. */
void bh_strict_runs(uint32_t idx, uint64_t state);

#endif
