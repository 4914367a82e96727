/* SPDX-License-Identifier: MIT */
/* listeners.h: addresses of `listen` at which nobody accepts. */
#ifndef BH_KERNEL_REACTOR_LISTENERS_H
#define BH_KERNEL_REACTOR_LISTENERS_H

#include "kernel/base/state.h"

/* Phase: says which, some seconds after a service has come up. */
void bh_phase_listeners(struct bh_kernel *k);

#endif
