/* SPDX-License-Identifier: MIT */
#ifndef BH_KERNEL_GUARDIAN_H
#define BH_KERNEL_GUARDIAN_H

#include "ipc/board.h"

int bh_guardian_run(struct bh_board *board, int death_eventfd, int (*kernel_main)(void *),
		    void *arg);

#endif
