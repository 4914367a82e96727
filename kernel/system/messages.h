/* SPDX-License-Identifier: MIT */
/* messages.h: what children say to the kernel. */
#ifndef BH_KERNEL_SYSTEM_MESSAGES_H
#define BH_KERNEL_SYSTEM_MESSAGES_H

#include "kernel/base/state.h"

/* Phase: reads and handles what children sent. */
void bh_phase_control(struct bh_kernel *k);

/* Handles what is queued on its socket now. */
void bh_control_drain(struct bh_child *c);

#endif
