/* SPDX-License-Identifier: MIT */
/* trace_rings.h: the rings of events behind the trace page, which BPF cannot include. */
#ifndef BH_IPC_TRACE_RINGS_H
#define BH_IPC_TRACE_RINGS_H

#include "ipc/system/evring.h"
#include "ipc/system/trace_page.h"

#define BH_TRACE_RINGS_OFFSET ((sizeof(struct bh_trace_page) + 4095) & ~(size_t)4095)
#define BH_TRACE_BYTES        (BH_TRACE_RINGS_OFFSET + BH_TRACE_RINGS * sizeof(struct bh_evring))

static inline struct bh_evring *bh_trace_rings(const struct bh_trace_page *page)
{
	return (struct bh_evring *)((uintptr_t)page + BH_TRACE_RINGS_OFFSET);
}

#endif
