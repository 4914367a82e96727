/* SPDX-License-Identifier: MIT */
/* events.h: recordings of events (ipc/system/evring.h). */
#ifndef BH_KERNEL_REACTOR_EVENTS_H
#define BH_KERNEL_REACTOR_EVENTS_H

#include "ipc/system/event.h"
#include "kernel/base/state.h"

/* Workers record for @ms from now on (at most a minute), if not for longer already. */
void bh_record(struct bh_kernel *k, int32_t ms);

/* What the kernel before may have recorded is to be given back. */
void bh_record_attach(struct bh_kernel *k);

/* Phase: ends a recording, and lets the rings of one that goes on take more; gives their
 * pages back when it has been over for a while. */
void bh_phase_record(struct bh_kernel *k);

/* Task @idx was woken by the kernel. */
void bh_record_woken(struct bh_ksvc *s, uint32_t idx, enum bh_event_kind why, uint64_t what);

/* The process in the slot of @c died, as @crash says; and the next one is up. */
void bh_record_crash(const struct bh_child *c, const struct bh_board_crash *crash);
void bh_record_restart(const struct bh_child *c);

#endif
