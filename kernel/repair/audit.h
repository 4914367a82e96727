/* SPDX-License-Identifier: MIT */
/* audit.h: garbage in an arena. */
#ifndef BH_KERNEL_REPAIR_AUDIT_H
#define BH_KERNEL_REPAIR_AUDIT_H

#include "kernel/base/state.h"

/* Phase: audits the arenas, a bounded number of entries at a time. A service with
 * what cannot be put right is reset. */
void bh_phase_audit(struct bh_kernel *k);

/* True if all tasks of the service have ended, by its counters; and if a round of the
 * audit has found it so, too (if none has, one begins). */
bool bh_audit_all_ended(const struct bh_ksvc *s);
bool bh_audit_done(struct bh_ksvc *s);

#endif
