/* SPDX-License-Identifier: MIT */
/* backoff.h: pauses before what failed is tried again. */
#ifndef BH_KERNEL_FAILURE_BACKOFF_H
#define BH_KERNEL_FAILURE_BACKOFF_H

#include "kernel/base/state.h"

/* The pause after so many failures in a row: none, @min_ms, twice that, ... @max_ms. */
int64_t bh_pause_ms(uint32_t failures, uint32_t min_ms, uint32_t max_ms);

/* Puts @c in BACKOFF: at once if @failures is 0, else by the bounds, less a jitter of up to a
 * quarter. */
void bh_restart_later(struct bh_child *c, uint32_t failures, uint32_t min_ms, uint32_t max_ms);

#endif
