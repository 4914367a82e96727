/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/trace/pieces.h"

#include <stdlib.h>
#include <string.h>

static int by_place(const void *a, const void *b)
{
	const struct bh_event *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return x->other_pid < y->other_pid ? -1 : x->other_pid > y->other_pid;
}

void bh_pieces_add(struct bh_pieces *r, const struct bh_event *events, size_t n)
{
	size_t before = r->n;

	for (size_t i = 0; i < n; i++) {
		if (events[i].kind != BH_EV_MORE)
			continue;
		if (r->n == r->room) {
			r->room = r->room ? 2 * r->room : 4096;
			r->parts = realloc(r->parts, r->room * sizeof(*r->parts));
			if (!r->parts)
				abort();
		}
		r->parts[r->n++] = events[i];
	}
	if (r->n != before)
		qsort(r->parts, r->n, sizeof(*r->parts), by_place);
}

uint32_t bh_pieces_get(const struct bh_pieces *r, uint64_t id, enum bh_event_more what,
		       uint64_t *words, uint32_t max)
{
	const struct bh_event key = { .pid = (uint32_t)id, .type = (uint32_t)what };
	size_t lo = 0, hi = r->n;
	uint32_t n = 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (by_place(&r->parts[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	memset(words, 0, max * sizeof(*words));
	for (; lo < r->n && r->parts[lo].pid == key.pid && r->parts[lo].type == key.type; lo++) {
		const struct bh_event *e = &r->parts[lo];
		const uint64_t w[4] = { e->task, e->other, e->a, e->b };

		for (uint32_t i = 0; i < 4 && e->other_pid < max && e->other_pid + i < max; i++) {
			words[e->other_pid + i] = w[i];
			if (w[i])
				n = e->other_pid + i + 1;
		}
	}
	return n;
}

void bh_pieces_fini(struct bh_pieces *r)
{
	free(r->parts);
}
