/* SPDX-License-Identifier: MIT */
/*
 * test_garbage.c: what the kernel runs over an arena, run over garbage.
 *
 * A worker that went wild can write anything anywhere in its arena. Each round
 * scribbles, at random and where it hurts (state words, list heads, journals,
 * counters, queue cells), and then does all that the kernel does with it:
 * recovery, scan, audit, wake-ups. It must come back (the loops are bounded), and
 * touch nothing but the arena (the sanitizers watch).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc/protocol/wake.h"
#include "tests/check_run.h"
#include "tests/evil.h"
#include "tests/sweep/sweep.h"

enum {
	ROUNDS = 1000,
	ROUNDS_WHOLE = 15000, /* with BH_WHOLE=1 */
	ROUND_SECONDS = 10
};

static void scribble(void *at, size_t bytes)
{
	uint64_t v = evil_value();

	memcpy(at, &v, bytes < sizeof(v) ? bytes : sizeof(v));
}

static void anywhere(struct world *w)
{
	/* The tables; what lies in blocks nobody but tasks reads. */
	uint64_t span = evil_roll() % 2 ? w->v.l.off_workers + 3 * sizeof(struct bh_slot) :
					  w->v.l.off_data[0];

	scribble((char *)w->v.a + (evil_roll() % (span / 8 - 8)) * 8, 8);
}

static void aimed(struct world *w)
{
	struct bh_tcb *t = &w->v.tasks[1 + evil_roll() % 70];
	struct bh_slot *k = &w->v.workers[evil_roll() % 3];
	struct bh_ioslot *s = &w->v.ios[1 + evil_roll() % 5];

	switch (evil_roll() % 16) {
	case 0:
		scribble(&t->state, 8);
		break;
	case 1:
		scribble(&t->child, 4);
		break;
	case 2:
		scribble(&t->sibling, 4);
		break;
	case 3:
		scribble(&t->parent, 8);
		break;
	case 4:
		scribble(&t->blocks, 4);
		break;
	case 5:
		scribble(&t->ios, 4);
		break;
	case 6:
		scribble(&t->stack, 4);
		break;
	case 7:
		scribble(&k->current, 8);
		break;
	case 8:
		scribble(&k->journal, 8);
		break;
	case 9:
		scribble((char *)&k->journal + 8 * (evil_roll() % 5), 8);
		break;
	case 10:
		scribble(&k->runq.head, 8);
		break;
	case 11:
		scribble(&k->runq.tail, 8);
		break;
	case 12:
		scribble(&s->owner, 8);
		break;
	case 13:
		scribble(&s->next, 4);
		break;
	case 14:
		scribble(&w->v.a->inject, 8);
		break;
	default:
		scribble(&w->v.a->task_pool, 8);
		break;
	}
}

static void round_of(struct world *w)
{
	struct bh_audit audit;
	uint32_t n = 1 + (uint32_t)(evil_roll() % 200);

	for (uint32_t i = 0; i < n; i++)
		if (evil_roll() % 2)
			anywhere(w);
		else
			aimed(w);
	alarm(ROUND_SECONDS);
	for (uint32_t i = 0; i < 8; i++)
		bh_kernel_wake(&w->v, (uint32_t)evil_value(), 0, 0);
	world_recover(w);
	world_scan(w);
	ck_assert_int_eq(bh_audit_run(&w->v, true, &audit), 0);
	alarm(0);
}

START_TEST(the_kernel_survives_garbage_in_an_arena)
{
	const char *seed = getenv("BH_SEED");
	int rounds = getenv("BH_WHOLE") ? ROUNDS_WHOLE : ROUNDS;
	struct world w;

	evil_dice = seed ? strtoull(seed, NULL, 0) : (uint64_t)getpid() * 0x9e3779b97f4a7c15ull;
	evil_dice |= 1;
	printf("BH_SEED=%#llx\n", (unsigned long long)evil_dice);
	fflush(stdout);
	for (int i = 0; i < rounds; i++) {
		world_make(&w, NULL);
		w.me = world_task(&w, BH_RUNNING, VICTIM);
		world_adopt(&w, w.me, world_task(&w, BH_WAITING, OTHER));
		world_adopt(&w, w.me, world_task(&w, BH_DONE, OTHER));
		world_block(&w, w.me);
		world_io(&w, w.me);
		round_of(&w);
		world_free(&w);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sweep.garbage");
	TCase *tc = tcase_create("core");

	tcase_add_test(tc, the_kernel_survives_garbage_in_an_arena);
	suite_add_tcase(s, tc);
	return bh_check_run(s);
}
