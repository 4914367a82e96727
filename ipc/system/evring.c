/* SPDX-License-Identifier: MIT */
#include "ipc/system/evring.h"

#include <sys/mman.h>

#include "ipc/base/page.h"

/* The oldest event that may be read while tail is @tail. */
static uint64_t oldest(uint64_t tail)
{
	return tail >= BH_EVRING ? tail - BH_EVRING + 1 : 0;
}

static void copy(const struct bh_evring *r, uint64_t at, struct bh_event *out)
{
	uint64_t words[BH_EVENT_WORDS];

	for (int i = 0; i < BH_EVENT_WORDS; i++)
		words[i] = bh_ld_acq(&r->cells[at % BH_EVRING][i]);
	memcpy(out, words, sizeof(*out));
}

uint32_t bh_evring_read(const struct bh_evring *r, uint64_t *pos, struct bh_event *out,
			uint32_t max, uint64_t *lost)
{
	uint64_t tail = bh_ld_acq(&r->tail), from = *pos;
	uint32_t n = 0, kept = 0;

	if (from > tail) /* another arena, or a forged tail: start anew */
		from = 0;
	if (from < oldest(tail)) {
		*lost += oldest(tail) - from;
		from = oldest(tail);
	}
	for (; n < max && from + n < tail; n++)
		copy(r, from + n, &out[n]);
	/* A cell that the producer has come to meanwhile is a mixture of two events. */
	tail = bh_ld_acq(&r->tail);
	for (uint32_t i = 0; i < n; i++)
		if (from + i >= oldest(tail) && out[i].seq == (uint32_t)(from + i))
			out[kept++] = out[i];
	*lost += n - kept;
	*pos = from + n;
	return kept;
}

bool bh_evring_clear(struct bh_evring *r)
{
	uintptr_t from = bh_page_up((uintptr_t)r->cells);
	uintptr_t to = bh_page_down((uintptr_t)(r->cells + BH_EVRING));

	return madvise((void *)from, to - from, MADV_REMOVE) == 0;
}
