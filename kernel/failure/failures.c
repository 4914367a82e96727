/* SPDX-License-Identifier: MIT */
/* failures.c: see failures.h. */
#include "kernel/failure/failures.h"

#include "ipc/base/order.h"

/* OTP's rule: more than `intensity` within the period, wherever that begins. A kernel
 * that is killed after the count makes its successor count this failure twice, unless it
 * is known by its crash. */
bool bh_too_often(struct bh_board_failures *b, int64_t now, uint32_t most, int64_t period,
		  uint64_t crash)
{
	uint64_t n = b->seen;

	if (!crash || !n || b->at[(n - 1) % BH_BOARD_RESETS].of != crash) {
		if (!n || now - b->at[(n - 1) % BH_BOARD_RESETS].ns > period)
			b->streak = 0;
		b->streak++;
		b->at[n % BH_BOARD_RESETS].ns = now;
		b->at[n % BH_BOARD_RESETS].of = crash;
		bh_compiler_barrier();
		b->seen = ++n;
	}
	return most && n > most && now - b->at[(n - 1 - most) % BH_BOARD_RESETS].ns <= period;
}
