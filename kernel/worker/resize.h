/* SPDX-License-Identifier: MIT */
/* resize.h: how many workers a service has. */
#ifndef BH_KERNEL_WORKER_RESIZE_H
#define BH_KERNEL_WORKER_RESIZE_H

#include "kernel/base/state.h"

/* From now on @wanted workers (1 to s->workers): starts them, or lets the last ones go
 * when nothing is pinned to them. Anything else is ignored. */
void bh_service_resize(struct bh_ksvc *s, uint32_t wanted);

/* Tells the workers how many of them are wanted, and wakes those that are not. */
void bh_resize_tell(struct bh_ksvc *s);

/* Nobody is wanted any more: who has nothing to do writes out what it printed, and goes.
 * To be called again until they are gone. */
void bh_resize_dismiss(struct bh_ksvc *s);

#endif
