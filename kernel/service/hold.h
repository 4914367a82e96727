/* SPDX-License-Identifier: MIT */
/* hold.h: crashes that come too fast are held back. */
#ifndef BH_KERNEL_SERVICE_HOLD_H
#define BH_KERNEL_SERVICE_HOLD_H

#include "kernel/base/state.h"
#include "kernel/failure/facts.h"

/* True: the task at hand is beyond its type's budget of crashes. The caller decides what
 * becomes of it (bh_recover_decide()), and that is carried out later. */
bool bh_hold(struct bh_ksvc *s, const struct bh_crash_facts *f);

/* For bh_recover_ops: what the scan is to leave alone. */
bool bh_held(void *ctx, uint32_t idx);

/* Phase: those whose time has come. */
void bh_phase_hold(struct bh_kernel *k);

#endif
