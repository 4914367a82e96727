/* SPDX-License-Identifier: MIT */
/* images.h: the files that the system was started from. */
#ifndef BH_KERNEL_PROCESS_IMAGES_H
#define BH_KERNEL_PROCESS_IMAGES_H

#include "kernel/base/state.h"

/* Holds them, before the guardian. One that is not there is missed by who needs it. */
void bh_images_hold(struct bh_images *im, const struct bh_plan *plan);

/* Is @fd one of them? */
bool bh_images_have(const struct bh_images *im, int fd);

#endif
