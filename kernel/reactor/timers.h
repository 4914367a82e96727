/* SPDX-License-Identifier: MIT */
/* timers.h: deadlines of tasks. */
#ifndef BH_KERNEL_REACTOR_TIMERS_H
#define BH_KERNEL_REACTOR_TIMERS_H

#include "kernel/base/state.h"

/* Phase: posted deadlines go to the wheel, expired ones wake their task. */
void bh_phase_timers(struct bh_kernel *k);

/* Makes the (empty) wheel, as of the service's clock. Errors: -ENOMEM. */
int bh_timers_init(struct bh_ksvc *s);

/* Tells the workers that the kernel sleeps until @until_ns (0: it does not): a later
 * deadline needs no ring of the bell. */
void bh_timers_sleep(struct bh_ksvc *s, int64_t until_ns);

/* True if a ring has something for the wheel. */
bool bh_timers_posted(const struct bh_ksvc *s);

/* Begins to fill an empty wheel from the deadlines in the task table. */
void bh_timers_rebuild(struct bh_ksvc *s);

#endif
