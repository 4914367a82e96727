/* SPDX-License-Identifier: MIT */
/*
 * hammer.h: one property, two lives: a function that several workers run at once
 * on one arena, once as processes (what they are in production) and once as
 * threads (what TSan can see).
 */
#ifndef BH_TESTS_HAMMER_H
#define BH_TESTS_HAMMER_H

#include "ipc/arena/arena.h"

enum {
	HAMMERS = 4
};

struct hammer {
	struct bh_view v;
	_Atomic uint64_t *count; /* shared counters, zeroed: 16 of them */
	_Atomic uint32_t *seen;  /* shared, one for each task slot */
	uint32_t tasks;
};

/* Makes an arena for @tasks tasks. */
void hammer_make(struct hammer *h, uint32_t tasks);
void hammer_free(struct hammer *h);

/* Runs fn(h, 0 .. HAMMERS-1) at once and waits for all of them. */
typedef void (*hammer_fn)(struct hammer *h, uint32_t slot);
void hammer_processes(struct hammer *h, hammer_fn fn);
void hammer_threads(struct hammer *h, hammer_fn fn);

#endif
