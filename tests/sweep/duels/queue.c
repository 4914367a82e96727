/* SPDX-License-Identifier: MIT */
/* queue.c: run queues, the inject queue, pools, parking: two at once. */
#include "tests/sweep/duels/duel.h"

#include <stdlib.h>

#include "workers/base/rt.h"
#include "workers/executor/executor.h"
#include "workers/owned/blocks.h"
#include "workers/queue/queue.h"

static enum bh_poll count_poll(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	notes.ran[bh_rt.idx]++;
	return BH_READY;
}

uint32_t duel_counted(struct world *w)
{
	uint32_t idx = world_task(w, BH_SCHEDULED, SPARE);

	w->v.tasks[idx].fn = (uint64_t)(uintptr_t)count_poll;
	notes.counts[idx] = true;
	return idx;
}

void duel_turn(struct world *w)
{
	(void)w;
	bh_executor_turn();
}

/* Nobody runs in worker 0: its task waits for ever. */
static void between_polls(struct world *w)
{
	struct bh_tcb *t = &w->v.tasks[w->me];

	bh_st_rlx(&t->state, bh_state_unheld(bh_ld_rlx(&t->state), BH_WAITING));
	t->wait = BH_WAIT_SUSPEND;
	bh_st_rlx(&w->v.workers[VICTIM].current, 0);
}

static void fill(struct world *w, uint32_t slot, uint32_t n)
{
	while (n--)
		if (!bh_runq_push(&w->v.workers[slot].runq, duel_counted(w)))
			_Exit(4);
}

/* -- the own ring and a thief ------------------------------------------------------ */

/* A task that worker 0 has in hand, as its journal says, and will push. */
static void setup_push(struct world *w)
{
	between_polls(w);
	fill(w, VICTIM, 3);
	w->other = duel_counted(w);
	bh_st_rlx(&w->v.workers[VICTIM].journal.popped, w->other);
}

static void run_push(struct world *w)
{
	if (!bh_runq_push(&bh_rt.me->runq, w->other))
		_Exit(3);
}
DUEL(push_steal, .setup = setup_push, .a = run_push, .b = duel_turn, .drain = true);

static void setup_ring(struct world *w)
{
	between_polls(w);
	fill(w, VICTIM, 3);
}
DUEL(pop_steal, .setup = setup_ring, .a = duel_turn, .b = duel_turn, .drain = true);

static void setup_last(struct world *w)
{
	between_polls(w);
	fill(w, VICTIM, 1);
}
DUEL(pop_steal_last, .setup = setup_last, .a = duel_turn, .b = duel_turn, .drain = true);

/* The ring's cells wrap, and hold the indexes of an earlier lap. */
static void setup_lap(struct world *w)
{
	between_polls(w);
	bh_st_rlx(&w->v.workers[VICTIM].runq.head, BH_RUNQ_CAP - 2);
	bh_st_rlx(&w->v.workers[VICTIM].runq.tail, BH_RUNQ_CAP - 2);
	fill(w, VICTIM, 4);
	w->other = duel_counted(w);
	bh_st_rlx(&w->v.workers[VICTIM].journal.popped, w->other);
}
DUEL(push_steal_wrapped, .setup = setup_lap, .a = run_push, .b = duel_turn, .drain = true);

/* A full ring and a full LIFO slot: the wake-up displaces, the push overflows. */
static void setup_full(struct world *w)
{
	between_polls(w);
	fill(w, VICTIM, BH_RUNQ_CAP);
	bh_st_rlx(&w->v.workers[VICTIM].lifo, duel_counted(w));
	w->other = duel_counted(w);
	bh_st_rlx(&w->v.workers[VICTIM].journal.wake, w->other);
}

static void run_schedule(struct world *w)
{
	bh_rt_schedule(w->other, BH_EV_WAKE);
}
DUEL(overflow_steal, .setup = setup_full, .a = run_schedule, .b = duel_turn, .drain = true);

/* Two thieves, one victim. */
static void setup_two_thieves(struct world *w)
{
	between_polls(w);
	world_start(w, SPARE);
	fill(w, SPARE, 3);
}
DUEL(steal_steal, .setup = setup_two_thieves, .a = duel_turn, .b = duel_turn, .drain = true);

/* -- the inject queue --------------------------------------------------------------- */

static void setup_inject(struct world *w)
{
	between_polls(w);
	w->other = duel_counted(w);
	bh_st_rlx(&w->v.workers[VICTIM].journal.wake, w->other);
	w->child = duel_counted(w);
	bh_st_rlx(&w->v.workers[OTHER].journal.wake, w->child);
}

static void run_inject(struct world *w)
{
	if (!bh_inject_push(&w->v.inject, w->other))
		_Exit(3);
}

static void run_inject_child(struct world *w)
{
	if (!bh_inject_push(&w->v.inject, w->child))
		_Exit(3);
}
DUEL(inject_inject, .setup = setup_inject, .a = run_inject, .b = run_inject_child, .drain = true);

static void setup_inject_one(struct world *w)
{
	between_polls(w);
	bh_inject_push(&w->v.inject, duel_counted(w));
	w->other = duel_counted(w);
	bh_st_rlx(&w->v.workers[VICTIM].journal.wake, w->other);
}
DUEL(inject_pop, .setup = setup_inject_one, .a = run_inject, .b = duel_turn, .drain = true);

static void setup_inject_two(struct world *w)
{
	between_polls(w);
	bh_inject_push(&w->v.inject, duel_counted(w));
	bh_inject_push(&w->v.inject, duel_counted(w));
}
DUEL(pop_pop, .setup = setup_inject_two, .a = duel_turn, .b = duel_turn, .drain = true);

/* -- pools --------------------------------------------------------------------------- */

static void run_take(struct world *w)
{
	(void)w;
	if (!bh_block_take(bh_rt.task, bh_rt.handle, 0, NULL))
		_Exit(3);
}

/* Both refill from fresh slots. */
static void setup_fresh(struct world *w)
{
	duel_other_task(w);
}
DUEL(take_take_fresh, .setup = setup_fresh, .a = run_take, .b = run_take);

/* Blocks 1 to 63 are in the bitmap, the following fill worker 0's cache, and its
 * task has one more. */
static void setup_full_cache(struct world *w)
{
	struct bh_pool_view *p = &w->v.block_pool[0];
	struct bh_pool_cache *c = &w->v.workers[VICTIM].blocks[0];
	struct bh_tcb *t = &w->v.tasks[w->me];
	uint32_t idx = 64;

	duel_other_task(w);
	world_charge(w, 0, 256);
	for (uint32_t i = 1; i < 64; i++)
		bh_pool_give_shared(p, i);
	while (c->n < BH_POOL_CACHE)
		c->idx[c->n++] = idx++;
	bh_st_rlx(&w->v.blocks[0][idx].owner, bh_handle(bh_state_gen(bh_ld_rlx(&t->state)), w->me));
	bh_st_rlx(&t->blocks, bh_block_ref(0, idx));
	while (++idx < 256)
		bh_pool_give_shared(p, idx);
}
DUEL(take_take_bitmap, .setup = setup_full_cache, .a = run_take, .b = run_take);

static void run_release(struct world *w)
{
	(void)w;
	bh_blocks_release(bh_rt.task, bh_rt.handle, false);
}
DUEL(give_take, .setup = setup_full_cache, .a = run_release, .b = run_take);

/* Two extents are all of the limit, and of stacks that are free. One wants a small block, for
 * which one extent has to go, the other a stack: there is one for each. */
enum {
	STACKS = BH_DATA_CLASSES,
};

static void setup_limit(struct world *w)
{
	duel_other_task(w);
	world_charge(w, STACKS, 3);
	for (uint32_t i = 1; i < 3; i++)
		bh_pool_give_shared(&w->v.block_pool[STACKS], i);
	w->v.l.work_units = 0;
	w->v.l.units = 2;
}

static void run_take_stack(struct world *w)
{
	(void)w;
	if (!bh_block_take(bh_rt.task, bh_rt.handle, STACKS, NULL))
		_Exit(3);
}
DUEL(take_uncharge, .setup = setup_limit, .a = run_take, .b = run_take_stack);

/* Both want a small one: the second has what the first has charged. */
DUEL(uncharge_uncharge, .setup = setup_limit, .a = run_take, .b = run_take);

/* -- going to sleep and being woken ---------------------------------------------------- */

static void setup_park(struct world *w)
{
	between_polls(w);
	w->other = duel_counted(w);
	bh_st_rlx(&w->v.workers[OTHER].journal.popped, w->other);
}

/* As the executor's park(), without the sleep itself. */
static void run_park(struct world *w)
{
	struct bh_idle *i = &w->v.a->idle;

	bh_idle_search_begin(i, VICTIM, WORKERS);
	bh_idle_park_begin(i, VICTIM, &bh_rt.me->park, BH_SPINNING);
	if (bh_runq_len(&w->v.workers[OTHER].runq) || bh_inject_ready(&w->v.inject))
		bh_idle_park_cancel(i, VICTIM, &bh_rt.me->park);
	bh_idle_spun(&bh_rt.me->park, BH_PARKED);
}

static void run_push_notify(struct world *w)
{
	run_push(w);
	bh_notify(&w->v);
}

static const char *check_awake(struct world *w, unsigned killed)
{
	bool work = bh_runq_len(&w->v.workers[OTHER].runq) || bh_inject_ready(&w->v.inject);
	bool parked = bh_ld_rlx(&w->v.workers[VICTIM].park) == BH_PARKED;

	return work && parked && !(killed & KILLED_A) ? "work is queued and worker 0 sleeps" : NULL;
}
DUEL(park_notify, .setup = setup_park, .a = run_park, .b = run_push_notify, .check = check_awake,
     .drain = true);
