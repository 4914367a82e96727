/* SPDX-License-Identifier: MIT */
/* quarantine.h: who crashes too often is refused. */
#ifndef BH_KERNEL_REPAIR_QUARANTINE_H
#define BH_KERNEL_REPAIR_QUARANTINE_H

#include "kernel/base/state.h"
#include "kernel/failure/facts.h"

/* The crash of task @f->task is about to be recorded. True: its type crashes too
 * often, by its key or by many: who did it is quarantined from now on. */
bool bh_quarantine(struct bh_ksvc *s, const struct bh_crash_facts *f);

/* Lets in again, by hand: @type (BH_TYPES: all), of that only @key if it is not NULL. */
void bh_quarantine_lift(struct bh_ksvc *s, uint32_t type, const uint64_t *key);

/* Housekeeping: who comes on probation, and how the trials went. */
void bh_quarantine_look(struct bh_kernel *k);

#endif
