/* SPDX-License-Identifier: MIT */
/* service.h: a service's arena. */
#ifndef BH_KERNEL_SERVICE_SERVICE_H
#define BH_KERNEL_SERVICE_SERVICE_H

#include "kernel/base/state.h"

/* A new arena, in place of the old one if there is one, and open. Errors: -errno. */
int bh_service_make(struct bh_ksvc *s);

/* Maps the arena and watches its descriptors: for bh_service_make() and attach. */
int bh_service_open(struct bh_ksvc *s);

#endif
