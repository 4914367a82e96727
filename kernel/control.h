/* SPDX-License-Identifier: MIT */
/* control.h: messages. */
#ifndef BH_KERNEL_CONTROL_H
#define BH_KERNEL_CONTROL_H

#include "ipc/control.h"
#include "kernel/state.h"

/* Sends one message, with @fd if that is >= 0. -EAGAIN: the peer does not read. */
int bh_ctl_send(int ctl, const struct bh_ctl *m, int fd);

/* Phase: reads and handles what children sent. */
void bh_phase_control(struct bh_kernel *k);

/* Handles what is queued on entry @idx's socket now. */
void bh_control_drain(struct bh_kernel *k, uint32_t idx);

#endif
