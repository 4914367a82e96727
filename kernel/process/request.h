/* SPDX-License-Identifier: MIT */
/*
 * request.h: what files of the kernel ask of those above them. It is only noted here, and
 * carried out by the phase that it is about.
 */
#ifndef BH_KERNEL_PROCESS_REQUEST_H
#define BH_KERNEL_PROCESS_REQUEST_H

#include "kernel/base/state.h"

/* Asks for a verifying scan of the service. */
void bh_verify_start(struct bh_ksvc *s, bool requeue);

/* All servers are to be sent the arenas (anew). */
void bh_servers_owe(struct bh_kernel *k);

/* Something is so now on which the system's arrival or end may wait: it is looked at in this
 * turn. */
void bh_system_changed(struct bh_kernel *k);

#endif
