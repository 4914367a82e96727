/* SPDX-License-Identifier: MIT */
/* failures.h: how many failures are too many. */
#ifndef BH_KERNEL_FAILURE_FAILURES_H
#define BH_KERNEL_FAILURE_FAILURES_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/system/board.h"

/* Counts a failure (of crash record @crash only once; 0: of none). True: there were more
 * than @most (0: never) within @period ns. */
bool bh_too_often(struct bh_board_failures *b, int64_t now, uint32_t most, int64_t period,
		  uint64_t crash);

#endif
