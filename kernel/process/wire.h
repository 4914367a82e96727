/* SPDX-License-Identifier: MIT */
/* wire.h: messages (ipc/system/control.h) on a socket between the kernel and a child. */
#ifndef BH_KERNEL_PROCESS_WIRE_H
#define BH_KERNEL_PROCESS_WIRE_H

#include "ipc/system/control.h"

/* Sends one message, with @fd if that is >= 0. -EAGAIN: the peer does not read. */
int bh_ctl_send(int ctl, const struct bh_ctl *m, int fd);

/* The next message, left on the socket. 0: none. *fd: the descriptor that came
 * along, or -1. */
int bh_ctl_peek(int ctl, struct bh_ctl *m, int *fd);

#endif
