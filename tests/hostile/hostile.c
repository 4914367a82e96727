/* SPDX-License-Identifier: MIT */
/*
 * hostile.c: a service that writes all over its own arena.
 *
 * Its tasks know the arena's layout and use it against the system: words at
 * random, and where it hurts (state words, journals, ring counters, pool marks,
 * the masks of sleepers), while other tasks sleep, spawn and talk. Option `seed`
 * makes a run repeatable up to scheduling.
 */
#include <stdlib.h>
#include <string.h>

#include <bulkhead/bulkhead.h>

#include "ipc/arena/arena.h"
#include "tests/evil.h"

static struct bh_view view;

static void write_at(void *at)
{
	uint64_t v = evil_value();

	memcpy(at, &v, evil_roll() % 2 ? 8 : 4);
}

static void scribble(void)
{
	struct bh_tcb *t = &view.tasks[1 + evil_roll() % 100];
	struct bh_slot *w = &view.workers[evil_roll() % 3];

	switch (evil_roll() % 12) {
	case 0:
		write_at(&t->state);
		break;
	case 1:
		write_at((char *)t + evil_roll() % 120);
		break;
	case 2:
		write_at(&w->journal);
		break;
	case 3:
		write_at(&w->current);
		break;
	case 4:
		write_at(&w->runq.head);
		break;
	case 5:
		write_at(&w->runq.tail);
		break;
	case 6:
		write_at(&w->timers.tail);
		break;
	case 7:
		write_at((char *)&w->timers.idx + evil_roll() % 4000);
		break;
	case 8:
		write_at((char *)&view.ios[1 + evil_roll() % 20] + evil_roll() % 56);
		break;
	case 9:
		write_at((char *)view.a + evil_roll() % sizeof(*view.a));
		break;
	case 10:
		write_at((char *)w + evil_roll() % (sizeof(*w) - 8));
		break;
	default:
		write_at((char *)view.a + evil_roll() % (view.l.off_data[0] - 8));
		break;
	}
}

static int64_t vandal(void *arg)
{
	evil_dice = *(uint64_t *)arg | 1;
	for (;;) {
		for (int i = 0; i < 20; i++)
			scribble();
		if (evil_roll() % 64 == 0)
			abort(); /* the kernel recovers what it finds now */
		if (bh_sleep(BH_MS(1)) == -BH_ECANCELED)
			return 0;
	}
}

static int64_t bystander(void *arg)
{
	(void)arg;
	while (bh_sleep(BH_MS(2)) == 0)
		;
	return 0;
}

static int64_t hostile_main(void *unused)
{
	const char *text = bh_option("seed");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 1;

	(void)unused;
	for (uint64_t i = 0; !bh_stopping(); i++) {
		uint64_t s = (seed + i) * 0x9e3779b97f4a7c15ull;

		if (bh_spawn(NULL, bystander, NULL, 0, NULL))
			bh_sleep(BH_MS(5));
		if (i % 20 == 10 && bh_spawn(NULL, vandal, &s, sizeof(s), NULL))
			bh_sleep(BH_MS(5));
		bh_sleep(BH_MS(1));
	}
	return 0;
}

static int hostile_init(void)
{
	struct bh_layout l;
	const char *tasks = bh_option("tasks"), *ios = bh_option("io"), *mem = bh_option("memory");

	if (!tasks || !ios || !mem)
		return -22;
	bh_layout_init(&l, 2, (uint32_t)strtoul(tasks, NULL, 10), (uint32_t)strtoul(ios, NULL, 10),
		       strtoull(mem, NULL, 10));
	return bh_view_map(&view, &l, BH_ARENA_FD, NULL, true);
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "hostile",
	.init = hostile_init,
	.main = hostile_main,
};
