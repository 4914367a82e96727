/* SPDX-License-Identifier: MIT */
/*
 * pieces.h: stacks, registers and names that came as events of kind BH_EV_MORE,
 * put together again.
 */
#ifndef BH_TOOLS_BHCTL_TRACE_PIECES_H
#define BH_TOOLS_BHCTL_TRACE_PIECES_H

#include <stddef.h>
#include <stdint.h>

#include "ipc/system/event.h"

struct bh_pieces {
	struct bh_event *parts; /* sorted by record, kind of words, place */
	size_t n, room;
};

/* Adds the parts of records among the @n events. */
void bh_pieces_add(struct bh_pieces *r, const struct bh_event *events, size_t n);

/* Copies up to @max words of record @id; returns how many there are, without the
 * zeros at the end. 0: no such record, or it has been lost. */
uint32_t bh_pieces_get(const struct bh_pieces *r, uint64_t id, enum bh_event_more what,
		       uint64_t *words, uint32_t max);

void bh_pieces_fini(struct bh_pieces *r);

#endif
