/* SPDX-License-Identifier: MIT */
/* wake.h: wake-ups of tasks by the kernel. */
#ifndef BH_KERNEL_REACTOR_WAKE_H
#define BH_KERNEL_REACTOR_WAKE_H

#include "ipc/system/event.h"
#include "kernel/base/state.h"

/* Wakes task @idx, whichever it is now. @why and @what: its event and the event's a. */
void bh_task_wake(struct bh_ksvc *s, uint32_t idx, enum bh_event_kind why, uint64_t what);

#endif
