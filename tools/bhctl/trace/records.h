/* SPDX-License-Identifier: MIT */
/*
 * records.h: stacks, registers and names that came as events of kind BH_EV_MORE,
 * put together again.
 */
#ifndef BH_TOOLS_BHCTL_TRACE_RECORDS_H
#define BH_TOOLS_BHCTL_TRACE_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "ipc/system/event.h"

struct bh_records {
	struct bh_event *parts; /* sorted by record, kind of words, place */
	size_t n, room;
};

/* Adds those of @n events that are parts of records. */
void bh_records_add(struct bh_records *r, const struct bh_event *events, size_t n);

/* Copies up to @max words of record @id; returns how many there are, without the
 * zeros at the end. 0: there is none, or it has been lost. */
uint32_t bh_records_get(const struct bh_records *r, uint64_t id, enum bh_event_more what,
			uint64_t *words, uint32_t max);

void bh_records_fini(struct bh_records *r);

#endif
