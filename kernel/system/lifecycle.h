/* SPDX-License-Identifier: MIT */
/* lifecycle.h: the system's end, and its arrival. */
#ifndef BH_KERNEL_SYSTEM_LIFECYCLE_H
#define BH_KERNEL_SYSTEM_LIFECYCLE_H

#include "kernel/base/state.h"

/* Begins the end; @now: without grace. Stored here, carried out by bh_phase_stop(). */
void bh_stop(struct bh_kernel *k, bool now);

/* A signal asks for the end. The next one means now, unless it comes within a second: the
 * guardian forwards what the kernel was sent, too, with everybody else. */
void bh_stop_signalled(struct bh_kernel *k);

/* The guardian is dead: an orderly end, within a second. */
void bh_stop_orphaned(struct bh_kernel *k);

/* Phase: services that are done, the system's start-up lines; if anything changed. */
void bh_phase_system(struct bh_kernel *k);

/* Phase: carries out the stop, as far as it is due. */
void bh_phase_stop(struct bh_kernel *k);

#endif
