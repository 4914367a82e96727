/* SPDX-License-Identifier: MIT */
/* hog.h: what is done about them. */
#ifndef BH_KERNEL_REPAIR_HOG_H
#define BH_KERNEL_REPAIR_HOG_H

#include "kernel/base/state.h"

/* Worker @slot has not turned for st->stalled_ns: reports and ends it as the plan says. */
void bh_hog_look(struct bh_ksvc *s, uint32_t slot, struct bh_kstall *st);

#endif
