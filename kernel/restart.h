/* SPDX-License-Identifier: MIT */
/* restart.h: when to start again. */
#ifndef BH_KERNEL_RESTART_H
#define BH_KERNEL_RESTART_H

#include "kernel/state.h"

/* The pause after so many failures in a row: none, @min_ms, twice that, ... @max_ms. */
int64_t bh_pause_ms(uint32_t failures, uint32_t min_ms, uint32_t max_ms);

/* Puts entry @idx in BACKOFF: at once if @failures is 0, else by the bounds, less a
 * jitter of up to a quarter. */
void bh_restart_later(struct bh_kernel *k, uint32_t idx, uint32_t failures, uint32_t min_ms,
		      uint32_t max_ms);

/* Phase: starts whom it is time to start. */
void bh_phase_restarts(struct bh_kernel *k);

#endif
