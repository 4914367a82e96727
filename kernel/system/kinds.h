/* SPDX-License-Identifier: MIT */
/* kinds.h: kinds of process, and what is done about each: see struct bh_kind. */
#ifndef BH_KERNEL_SYSTEM_KINDS_H
#define BH_KERNEL_SYSTEM_KINDS_H

#include "kernel/base/state.h"

extern const struct bh_kind bh_kinds[BH_PROC_KIND_COUNT];

#endif
