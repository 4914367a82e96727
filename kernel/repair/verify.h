/* SPDX-License-Identifier: MIT */
/* verify.h: the verifying scan (ipc/repair/recover.h) of a service. */
#ifndef BH_KERNEL_REPAIR_VERIFY_H
#define BH_KERNEL_REPAIR_VERIFY_H

#include "kernel/base/state.h"

/* Phase: verifying scans and descriptors to close. */
void bh_phase_verify(struct bh_kernel *k);

/* True if a worker is dead and what it had is not yet put right. */
bool bh_worker_unrecovered(const struct bh_ksvc *s);

#endif
