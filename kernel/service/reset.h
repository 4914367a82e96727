/* SPDX-License-Identifier: MIT */
/* reset.h: the end of a service that cannot be saved, and its next start. */
#ifndef BH_KERNEL_SERVICE_RESET_H
#define BH_KERNEL_SERVICE_RESET_H

#include "kernel/base/state.h"

/* All of the service's processes are to be killed; when they are dead, it starts anew.
 * Stored here: bh_service_resetting() is true from now on, and the phase does it. */
void bh_service_reset(struct bh_ksvc *s, const char *why);

/* The same, and no failure: of this service alone, and not counted. */
void bh_service_end(struct bh_ksvc *s);

/* Phase: goes on with resets. */
void bh_phase_resets(struct bh_kernel *k);

#endif
