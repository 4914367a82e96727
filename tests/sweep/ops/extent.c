/* SPDX-License-Identifier: MIT */
/* extent.c: limits.memory: charging an extent, and uncharging one for another class. */
#include "tests/sweep/sweep.h"

#include <stdlib.h>

#include "workers/base/rt.h"
#include "workers/owned/blocks.h"

enum {
	SMALL = 0,                /* the class that asks: 256 B, 64 blocks in an extent */
	LARGE = BH_DATA_CLASSES,  /* stacks of 16 KiB, of which each is an extent */
	PAIRS = 2,                /* 4 KiB, four in an extent */
	UNIT = 1 << BH_UNIT_LOG2, /* what each of these extents costs */
};

/* The limit leaves room for @units more. */
static void leave(struct world *w, uint32_t units)
{
	w->v.l.work_units = 0;
	w->v.l.units = (uint32_t)(bh_extent_bytes(&w->v) / UNIT) + units;
}

/* All of the limit is charged, to blocks of @cls that were used and are free. */
static void use_up(struct world *w, uint32_t cls, uint32_t blocks)
{
	world_charge(w, cls, blocks);
	for (uint32_t i = 1; i < blocks; i++)
		bh_pool_give_shared(&w->v.block_pool[cls], i);
	leave(w, 0);
}

static void run_take(struct world *w)
{
	(void)w;
	if (!bh_block_take(bh_rt.task, bh_rt.handle, SMALL, NULL))
		_Exit(3);
}

static const char *check_limit(struct world *w)
{
	struct bh_extent_sum sum = { 0 };

	while (bh_extent_add_up(&w->v, &sum))
		;
	return sum.bytes > bh_extent_limit(&w->v) ? "more is charged than the limit" : NULL;
}

static void setup_last(struct world *w)
{
	leave(w, 1);
}
SWEEP(extent_charge, .setup = setup_last, .run = run_take, .check = check_limit,
      .covers = "change finish");

static void setup_stacks(struct world *w)
{
	use_up(w, LARGE, 3);
}
SWEEP(extent_from_another, .setup = setup_stacks, .run = run_take, .check = check_limit,
      .covers = "uncharge change finish");

/* As above; four blocks, and one of them is used in the first extent that it looks at. */
static void setup_in_use(struct world *w)
{
	struct bh_block *b = &w->v.blocks[PAIRS][2];
	struct bh_tcb *t;

	use_up(w, PAIRS, 8);
	w->other = world_task(w, BH_WAITING, OTHER);
	t = &w->v.tasks[w->other];
	bh_st_rlx(&b->owner, bh_handle(bh_state_gen(bh_ld_rlx(&t->state)), w->other));
	bh_st_rlx(&b->next, 0);
	bh_st_rlx(&t->blocks, bh_block_ref(PAIRS, 2));
}
SWEEP(extent_in_use, .setup = setup_in_use, .run = run_take, .check = check_limit,
      .covers = "uncharge");

/* It comes back to where it was. */
static void setup_back(struct world *w)
{
	struct bh_tcb *t = &w->v.tasks[w->me];

	use_up(w, LARGE, 3);
	world_become(w, VICTIM);
	if (!bh_block_take(t, bh_rt.handle, SMALL, NULL))
		_Exit(4);
	bh_blocks_release(t, bh_rt.handle, true);
	leave(w, 0);
}

static void run_take_back(struct world *w)
{
	(void)w;
	for (int i = 0; i < 2; i++)
		if (!bh_block_take(bh_rt.task, bh_rt.handle, LARGE, NULL))
			_Exit(3);
}
SWEEP(extent_back, .setup = setup_back, .run = run_take_back, .check = check_limit,
      .covers = "uncharge change finish");

/* Worker 1 was stopped when it had begun to charge one, and no more; as the word has it
 * (extent.h). What it is to have in its cache, it has. */
static void setup_begun(struct world *w)
{
	struct bh_pool_cache *c = &w->v.workers[OTHER].blocks[SMALL];

	leave(w, 2);
	for (uint32_t i = 1; i < 64; i++)
		c->idx[c->n++] = i;
	bh_st_rlx(&c->word, 1);
	bh_st_rlx(&w->v.a->charge.word,
		  bh_ld_rlx(&w->v.a->charge.word) + (1ull << 38 | 1ull << 22));
}

/* ... and dies, too. */
static const char *check_begun(struct world *w)
{
	world_recover_slot(w, OTHER);
	return check_limit(w);
}
SWEEP(extent_help, .setup = setup_begun, .run = run_take, .check = check_begun, .covers = "finish");
