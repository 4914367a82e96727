/* SPDX-License-Identifier: MIT */
/* recovery.h: the death of a worker, and the verifying scan that follows. */
#ifndef BH_KERNEL_RECOVERY_H
#define BH_KERNEL_RECOVERY_H

#include "kernel/state.h"

/* Records, recovers, and starts the next. False: how it died is not known yet,
 * call again. */
bool bh_worker_died(struct bh_ksvc *s, uint32_t slot);

/* Phase: verifying scans and descriptors to close. */
void bh_phase_verify(struct bh_kernel *k);

/* The zygote could not tell which descriptors are lost: it is asked again later. */
void bh_audit_again(struct bh_ksvc *s);

/* Asks for a verifying scan of the service. */
void bh_verify_start(struct bh_ksvc *s, bool requeue);

/* True if a worker is dead and what it had is not yet put right. */
bool bh_worker_unrecovered(const struct bh_ksvc *s);

#endif
