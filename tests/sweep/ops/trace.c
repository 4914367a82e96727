/* SPDX-License-Identifier: MIT */
/* trace.c: rings of events. */
#include "tests/sweep/sweep.h"

#include <string.h>

static void setup_put(struct world *w)
{
	bh_evring_allow(&w->v.events[VICTIM], 100);
}

static void put(struct world *w)
{
	struct bh_event e = { .time_ns = 7, .kind = BH_EV_STEAL, .a = ~0ull, .b = 5, .type = 9 };

	if (bh_evring_room(&w->v.events[VICTIM]))
		bh_evring_put(&w->v.events[VICTIM], &e);
}

/* The event is there as a whole or not at all, and the next incarnation goes on. */
static const char *check_put(struct world *w)
{
	static const struct bh_event whole = {
		.time_ns = 7, .kind = BH_EV_STEAL, .a = ~0ull, .b = 5, .type = 9
	};
	struct bh_evring *r = &w->v.events[VICTIM];
	struct bh_event got[3];
	uint64_t pos = 0, lost = 0;

	put(w);
	uint32_t n = bh_evring_read(r, &pos, got, 3, &lost);
	if (n < 1 || n > 2 || lost)
		return "an event was lost, or one appeared";
	for (uint32_t i = 0; i < n; i++) {
		got[i].seq = 0;
		if (memcmp(&got[i], &whole, sizeof(whole)))
			return "an event is in parts";
	}
	return NULL;
}
SWEEP(evring_put, .setup = setup_put, .run = put, .check = check_put, .covers = "bh_evring_put",
      .no_intruders = true);

static void setup_clear(struct world *w)
{
	bh_evring_allow(&w->v.events[VICTIM], 100);
	put(w);
	put(w);
}

static void clear(struct world *w)
{
	bh_evring_clear(&w->v.events[VICTIM]);
}

/* What is left can be read or is counted, and the ring goes on. */
static const char *check_clear(struct world *w)
{
	struct bh_evring *r = &w->v.events[VICTIM];
	struct bh_event got[3];
	uint64_t pos = 0, lost = 0;

	if (!bh_evring_clear(r))
		return "it cannot be cleared again";
	put(w);
	uint32_t n = bh_evring_read(r, &pos, got, 3, &lost);
	if (n + lost != 3)
		return "an event is neither there nor lost";
	if (!n || got[n - 1].seq != 2 || got[n - 1].time_ns != 7)
		return "the ring does not go on";
	return NULL;
}
SWEEP(evring_clear, .setup = setup_clear, .run = clear, .check = check_clear,
      .covers = "bh_evring_clear", .no_intruders = true);
