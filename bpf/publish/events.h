/* SPDX-License-Identifier: MIT */
/*
 * events.h: from the programs' ring buffer to the rings behind the page, where
 * admind reads them as it reads the workers' rings (ipc/system/evring.h). A record, which
 * is longer than an event, goes as an event and some of kind BH_EV_MORE.
 */
#ifndef BH_BPF_EVENTS_H
#define BH_BPF_EVENTS_H

#include "bpf/load/probes.h"
#include "ipc/system/trace_rings.h"

struct bh_events {
	struct bh_evring *rings;
	int64_t clock_offset_ns; /* added to the programs' times: clock.h */
	uint64_t n;              /* events written */
	uint32_t record;         /* id of the last one */
};

/* A bh_probes_take; the context is the struct bh_events. */
void bh_events_take(void *events, const void *event, size_t bytes);

#endif
