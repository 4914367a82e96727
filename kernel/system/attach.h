/* SPDX-License-Identifier: MIT */
/* attach.h: a kernel's start. */
#ifndef BH_KERNEL_SYSTEM_ATTACH_H
#define BH_KERNEL_SYSTEM_ATTACH_H

#include "kernel/base/state.h"

/* Makes or takes up everything that the board names. */
void bh_kernel_attach(struct bh_kernel *k);

#endif
