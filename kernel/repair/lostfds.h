/* SPDX-License-Identifier: MIT */
/* lostfds.h: descriptors that are open and that nobody has. */
#ifndef BH_KERNEL_REPAIR_LOSTFDS_H
#define BH_KERNEL_REPAIR_LOSTFDS_H

#include "kernel/base/state.h"

/* Once a turn: asks the zygote to close them, and to look for more. */
void bh_lostfds_look(struct bh_ksvc *s);

/* The zygote could not tell which descriptors are lost: it is asked again later. */
void bh_audit_again(struct bh_ksvc *s);

#endif
