/* SPDX-License-Identifier: MIT */
#include "follow.h"

#include <string.h>

/* The pid the board gives for @t; 0: none. The kernel stores it while this reads. */
static int32_t board_pid(const struct bh_board *board, const struct bh_trace_worker *t)
{
	int32_t pid =
		__atomic_load_n(&board->services[t->service].worker_pid[t->slot], __ATOMIC_RELAXED);
	return pid > 0 ? pid : 0;
}

static void add_entry(struct bh_follow *f, uint32_t service, uint32_t slot)
{
	uint32_t e = f->page->n_workers;

	f->page->workers[e].service = service;
	f->page->workers[e].slot = slot;
	f->entry_of[service][slot] = (uint16_t)(e + 1);
	/* Who reads the number finds the entry filled in. */
	__atomic_store_n(&f->page->n_workers, e + 1, __ATOMIC_RELEASE);
}

static void add_new_slots(struct bh_follow *f)
{
	uint32_t n = __atomic_load_n(&f->board->n_services, __ATOMIC_RELAXED);

	for (uint32_t s = 0; s < n && s < BH_PLAN_SERVICES; s++) {
		for (uint32_t w = 0; w < BH_MAX_WORKERS; w++) {
			struct bh_trace_worker t = { .service = s, .slot = w };
			if (!f->entry_of[s][w] && board_pid(f->board, &t))
				add_entry(f, s, w);
		}
	}
}

void bh_follow_workers(struct bh_follow *f)
{
	int32_t pid[BH_WAKE_ENTRIES];

	add_new_slots(f);
	/* All that go before any that come: a pid may have changed its slot. */
	for (uint32_t e = 0; e < f->page->n_workers; e++) {
		pid[e] = board_pid(f->board, &f->page->workers[e]);
		if (f->tracked[e] && f->tracked[e] != pid[e]) {
			bh_wake_untrack(f->wake, f->tracked[e]);
			f->tracked[e] = 0;
		}
	}
	for (uint32_t e = 0; e < f->page->n_workers; e++) {
		/* -EEXIST keeps I3: the slot waits until the other gives it up. */
		if (!pid[e] || f->tracked[e] || bh_wake_track(f->wake, pid[e], e) < 0)
			continue;
		f->tracked[e] = pid[e];
		f->page->workers[e].pid = pid[e];
	}
}

void bh_follow_publish(struct bh_follow *f)
{
	for (uint32_t e = 0; e < f->page->n_workers; e++) {
		const struct bh_wake_counts *from = bh_wake_counts(f->wake, e);
		struct bh_trace_worker *to = &f->page->workers[e];

		to->count = from->count;
		to->sum_ns = from->sum_ns;
		to->max_ns = from->max_ns;
		memcpy(to->buckets, from->buckets, sizeof(to->buckets));
	}
	f->page->updates++;
}
