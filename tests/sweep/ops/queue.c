/* SPDX-License-Identifier: MIT */
/* queue.c: run queue, LIFO slot, inject queue, pools, parking, timers. */
#include "tests/sweep/sweep.h"

#include <stdlib.h>
#include <unistd.h>

#include "ipc/repair/stall.h"
#include "workers/base/rt.h"
#include "workers/executor/executor.h"
#include "workers/executor/retire.h"
#include "workers/executor/slot.h"
#include "workers/owned/blocks.h"
#include "workers/queue/queue.h"
#include "workers/wait/suspend.h"

static void fill_ring(struct world *w, uint32_t slot, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!bh_runq_push(&w->v.workers[slot].runq, world_task(w, BH_SCHEDULED, slot)))
			_Exit(4);
}

/* -- turns of the executor: pop, run a poll task, suspend, yield or end -- */

static enum bh_poll suspends(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	return BH_PENDING;
}

static enum bh_poll yields(struct bh_cx *cx, void *state)
{
	(void)state;
	bh_poll_again(cx);
	return BH_PENDING;
}

static enum bh_poll ends(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	return BH_READY;
}

static enum bh_poll sleeps(struct bh_cx *cx, void *state)
{
	(void)state;
	bh_poll_at(cx, 1000000000);
	return BH_PENDING;
}

/* The victim holds no task: it is between two polls. */
static void nobody_runs(struct world *w)
{
	struct bh_slot *me = &w->v.workers[VICTIM];
	_Atomic uint64_t *word = &w->v.tasks[w->me].state;

	bh_st_rlx(word, bh_state_unheld(bh_ld_rlx(word), BH_WAITING));
	w->v.tasks[w->me].wait = BH_WAIT_SUSPEND;
	bh_st_rlx(&me->current, 0);
}

static uint32_t polled(struct world *w, bh_poll_fn fn)
{
	uint32_t idx = world_task(w, BH_SCHEDULED, OTHER);

	w->v.tasks[idx].fn = (uint64_t)(uintptr_t)fn;
	w->v.tasks[idx].kind = BH_KIND_POLL;
	return idx;
}

static void run_turn(struct world *w)
{
	(void)w;
	if (!bh_executor_turn())
		_Exit(3);
}

static void setup_turn_suspend(struct world *w)
{
	nobody_runs(w);
	bh_st_rlx(&w->v.workers[VICTIM].lifo, polled(w, suspends));
}
SWEEP(turn_lifo_suspend, .setup = setup_turn_suspend, .run = run_turn,
      .covers = "bh_state_run bh_state_suspend");

static void setup_turn_yield(struct world *w)
{
	nobody_runs(w);
	bh_runq_push(&w->v.workers[VICTIM].runq, polled(w, yields));
	fill_ring(w, VICTIM, 2);
	bh_or(&w->v.a->idle.parked, 1ull << OTHER);
	bh_st_rlx(&w->v.workers[OTHER].park, BH_PARKED);
}
SWEEP(turn_ring_yield, .setup = setup_turn_yield, .run = run_turn,
      .covers = "bh_runq_pop bh_runq_push bh_state_yield bh_idle_pick");

/* Its share of the inject queue goes before a task that yields. */
static void setup_turn_share(struct world *w)
{
	setup_turn_yield(w);
	for (uint32_t i = 0; i < 2 * WORKERS; i++)
		bh_inject_push(&w->v.inject, world_task(w, BH_SCHEDULED, OTHER));
}

static void run_turn_tuned(struct world *w)
{
	bh_rt.sched.tune = true;
	run_turn(w);
	if (bh_inject_len(&w->v.inject) != 2 * WORKERS - 2)
		_Exit(3);
}
SWEEP(turn_yield_share, .setup = setup_turn_share, .run = run_turn_tuned,
      .covers = "pop_share bh_task_requeue");

/* An early look at the inject queue: one to run, and its share. */
static void setup_turn_early(struct world *w)
{
	nobody_runs(w);
	bh_inject_push(&w->v.inject, polled(w, suspends));
	for (uint32_t i = 0; i < 2 * WORKERS; i++)
		bh_inject_push(&w->v.inject, world_task(w, BH_SCHEDULED, OTHER));
}

static void run_turn_early(struct world *w)
{
	bh_rt.sched.until = 1; /* the look that is due first */
	run_turn(w);
	if (bh_inject_len(&w->v.inject) != 2 * WORKERS - 2)
		_Exit(3);
}
SWEEP(turn_inject_share, .setup = setup_turn_early, .run = run_turn_early, .covers = "pop_share");

static void setup_turn_end(struct world *w)
{
	nobody_runs(w);
	bh_inject_push(&w->v.inject, polled(w, ends));
	bh_inject_push(&w->v.inject, world_task(w, BH_SCHEDULED, OTHER));
}
SWEEP(turn_inject_end, .setup = setup_turn_end, .run = run_turn,
      .covers = "bh_inject_pop bh_inject_push");

/* With nobody who could share them it takes a batch of two, of a task that yields and
 * others; and goes on with the next. */
static void setup_turn_hand(struct world *w)
{
	nobody_runs(w);
	bh_runq_push(&w->v.workers[VICTIM].runq, polled(w, yields));
	bh_runq_push(&w->v.workers[VICTIM].runq, polled(w, ends));
	fill_ring(w, VICTIM, 4);
}

static void run_turn_hand(struct world *w)
{
	bh_rt.sched.mean_ns = 1;
	run_turn(w);
	if (bh_ld_rlx(&w->v.workers[VICTIM].batch.n) != 1)
		_Exit(3);
	run_turn(w);
}
SWEEP(turn_hand, .setup = setup_turn_hand, .run = run_turn_hand,
      .covers = "bh_batch_fill bh_batch_next");

static void setup_turn_sleep(struct world *w)
{
	nobody_runs(w);
	bh_inject_push(&w->v.inject, polled(w, sleeps));
}
SWEEP(turn_sleep, .setup = setup_turn_sleep, .run = run_turn,
      .covers = "timer_post bh_rt_deadline");

static void setup_turn_steal(struct world *w)
{
	nobody_runs(w);
	fill_ring(w, OTHER, 6);
	bh_runq_push(&w->v.workers[OTHER].runq, polled(w, suspends));
}

/* What is stolen last is run: it is the poll task when the ring has one. */
static void run_steal(struct world *w)
{
	struct bh_slot *me = &w->v.workers[VICTIM];
	uint32_t n, idx = bh_runq_steal(&w->v.workers[OTHER].runq, &me->runq, &n);

	bh_st_rlx(&me->journal.popped, idx);
	if (!idx || !bh_runq_push(&me->runq, idx))
		_Exit(3);
}
SWEEP(steal, .setup = setup_turn_steal, .run = run_steal, .covers = "bh_runq_steal");

/* -- overflow of the ring -- */

static void setup_full(struct world *w)
{
	fill_ring(w, VICTIM, BH_RUNQ_CAP);
	bh_st_rlx(&w->v.workers[VICTIM].lifo, world_task(w, BH_SCHEDULED, OTHER));
	w->other = world_task(w, BH_WAITING, OTHER);
}

static void run_wake(struct world *w)
{
	bh_rt_wake(w->other, 0, 0);
}
SWEEP(overflow, .setup = setup_full, .run = run_wake, .covers = "bh_runq_overflow overflow");

/* -- pools -- */

static void setup_spill(struct world *w)
{
	struct bh_slot *me = &w->v.workers[VICTIM];

	/* A cache as full as it gets, of blocks that were used and freed. */
	world_charge(w, 0, 192);
	for (uint32_t i = 1; i < 192; i++)
		if (me->blocks[0].n < BH_POOL_CACHE)
			me->blocks[0].idx[me->blocks[0].n++] = i;
		else
			bh_pool_give_shared(&w->v.block_pool[0], i);
	uint32_t ref = bh_block_ref(0, me->blocks[0].idx[--me->blocks[0].n]);
	struct bh_tcb *t = &w->v.tasks[w->me];
	bh_st_rlx(&w->v.blocks[0][bh_block_idx(ref)].owner,
		  bh_handle(bh_state_gen(bh_ld_rlx(&t->state)), w->me));
	bh_st_rlx(&t->blocks, ref);
	/* One more to fill the gap. */
	for (uint32_t i = 1; i < w->v.block_pool[0].capacity; i++)
		if (bh_ld_rlx(&w->v.block_pool[0].bits[i / 64]) >> (i % 64) & 1) {
			bh_and(&w->v.block_pool[0].bits[i / 64], ~(1ull << (i % 64)));
			me->blocks[0].idx[me->blocks[0].n++] = i;
			break;
		}
}

static void run_release(struct world *w)
{
	bh_blocks_release(bh_rt.task, bh_rt.handle, true);
	(void)w;
}
SWEEP(pool_spill, .setup = setup_spill, .run = run_release,
      .covers = "bh_pool_spill bh_pool_give bh_pool_give_shared");

static void setup_bitmap(struct world *w)
{
	struct bh_pool_cache *c = &w->v.workers[VICTIM].blocks[0];

	(void)bh_block_ref(0, bh_extent_take(&w->v, VICTIM, 0));
	c->idx[c->n++] = 1;
	while (c->n)
		bh_pool_give_shared(&w->v.block_pool[0], c->idx[--c->n]);
	for (uint32_t i = 1; i < 64; i++)
		bh_pool_give_shared(&w->v.block_pool[0], i);
}

static void run_take(struct world *w)
{
	(void)w;
	if (!bh_block_take(bh_rt.task, bh_rt.handle, 0, NULL))
		_Exit(3);
}
SWEEP(pool_from_bitmap, .setup = setup_bitmap, .run = run_take, .covers = "bh_pool_claim_bits");

/* What its cache had, another one has. */
static void setup_no_cache(struct world *w)
{
	struct bh_pool_cache *mine = &w->v.workers[VICTIM].tasks;

	w->v.workers[SPARE].tasks = *mine;
	*mine = (struct bh_pool_cache){ 0 };
}

static void run_take_task(struct world *w)
{
	if (!bh_pool_take(&w->v.task_pool, &w->v.workers[VICTIM].tasks))
		_Exit(3);
}
SWEEP(pool_from_mark, .setup = setup_no_cache, .run = run_take_task, .covers = "claim_fresh");

enum {
	HOARDED = BH_DATA_CLASSES - 1, /* a class with few blocks */
};

/* All that is left stands in the cache of another worker, who takes it later. */
static void setup_hoard(struct world *w)
{
	const struct bh_pool_view *v = &w->v.block_pool[HOARDED];
	struct bh_pool_cache *c = &w->v.workers[OTHER].blocks[HOARDED];

	world_charge(w, HOARDED, v->capacity);
	for (uint32_t i = 1; i < v->capacity; i++)
		c->idx[c->n++] = i;
}

static void run_take_hoarded(struct world *w)
{
	(void)w;
	if (!bh_block_take(bh_rt.task, bh_rt.handle, HOARDED, NULL))
		_Exit(3);
}
SWEEP(pool_from_slots, .setup = setup_hoard, .run = run_take_hoarded, .covers = "bh_pool_search");

/* -- the kernel gives the pages of unused blocks back -- */

enum {
	FEW_BLOCKS = 4, /* share a page */
	PAGEFUL = 1,    /* the class: 1 KiB */
};

static void setup_unused(struct world *w)
{
	struct bh_pool_cache *c = &w->v.workers[VICTIM].blocks[PAGEFUL];

	nobody_runs(w);
	for (uint32_t i = 0; i < FEW_BLOCKS; i++)
		c->idx[i] = bh_extent_take(&w->v, VICTIM, PAGEFUL);
}

static void run_trim(struct world *w)
{
	struct bh_trim t = { .cls = PAGEFUL, .at = FEW_BLOCKS };

	bh_trim_step(&w->v, &t, FEW_BLOCKS, 1);
}

static void setup_seen(struct world *w)
{
	setup_unused(w);
	run_trim(w);
}

static const char *check_trimmed(struct world *w)
{
	for (uint32_t i = FEW_BLOCKS; i < 2 * FEW_BLOCKS; i++)
		if (bh_ld_rlx(&w->v.blocks[PAGEFUL][i].owner) == BH_BLOCK_TRIM)
			return "the kernel that is dead has a block";
	return bh_ld_rlx(&w->v.a->trimming) ? "the dead kernel is at work" : NULL;
}
SWEEP(trim_mark, .setup = setup_unused, .run = run_trim, .kernel = true, .check = check_trimmed,
      .covers = "bh_trim_step");
SWEEP(trim_clear, .setup = setup_seen, .run = run_trim, .kernel = true, .check = check_trimmed,
      .covers = "bh_trim_step");

/* -- parking -- */

static void run_park(struct world *w)
{
	struct bh_slot *me = &w->v.workers[VICTIM];
	struct bh_idle *i = &w->v.a->idle;

	bh_idle_search_begin(i, VICTIM, WORKERS);
	bh_idle_park_begin(i, VICTIM, &me->park, BH_PARKED);
	bh_idle_park_cancel(i, VICTIM, &me->park);
	bh_idle_search_end(i, VICTIM);
}
SWEEP(park, .setup = nobody_runs, .run = run_park,
      .covers = "bh_idle_park_begin bh_idle_park_cancel bh_idle_search_begin "
		"bh_idle_search_end");

/* It spins, sleeps, and is woken without being picked. */
static void run_spin(struct world *w)
{
	struct bh_slot *me = &w->v.workers[VICTIM];
	struct bh_idle *i = &w->v.a->idle;

	bh_idle_spin_begin(i, VICTIM);
	bh_idle_park_begin(i, VICTIM, &me->park, BH_SPINNING);
	bh_idle_spun(&me->park, BH_PARKED);
	bh_idle_spin_end(i, VICTIM);
	bh_unpark_again(&me->park);
	bh_idle_park_end(i, VICTIM);
}

static const char *check_spinner(struct world *w)
{
	if (bh_ld_rlx(&w->v.a->idle.spinner))
		return "the dead one spins";
	return bh_ld_rlx(&w->v.a->idle.parked) >> VICTIM & 1 ? "it can be picked" : NULL;
}
SWEEP(spin, .setup = nobody_runs, .run = run_spin, .check = check_spinner,
      .covers = "bh_idle_spin_begin bh_idle_spin_end bh_idle_spun bh_idle_park_end");

static void setup_notify(struct world *w)
{
	bh_or(&w->v.a->idle.parked, 1ull << OTHER);
	bh_st_rlx(&w->v.workers[OTHER].park, BH_PARKED);
	fill_ring(w, VICTIM, 1);
}

static void run_notify(struct world *w)
{
	bh_notify(&w->v);
}

/* Whoever was picked must be awake once the picker is dead and recovered. */
static const char *check_awake(struct world *w)
{
	bool parked = bh_ld_rlx(&w->v.workers[OTHER].park) == BH_PARKED;

	return parked ? "work is queued and worker 1 sleeps" : NULL;
}
SWEEP(notify, .setup = setup_notify, .run = run_notify, .check = check_awake,
      .covers = "bh_idle_pick bh_unpark");

/* As above, and worker 1 spins. */
static void setup_notify_spinner(struct world *w)
{
	setup_notify(w);
	bh_st_rlx(&w->v.a->idle.spinner, OTHER + 1);
	bh_st_rlx(&w->v.workers[OTHER].park, BH_SPINNING);
}

static const char *check_seen(struct world *w)
{
	bool spins = bh_ld_rlx(&w->v.workers[OTHER].park) == BH_SPINNING;

	return spins ? "work is queued and worker 1 spins on" : NULL;
}
SWEEP(notify_spinner, .setup = setup_notify_spinner, .run = run_notify, .check = check_seen,
      .covers = "");

/* -- the kernel and a worker that does not turn -- */

static void setup_stalled(struct world *w)
{
	struct bh_slot *me = &w->v.workers[VICTIM];

	setup_notify(w);
	bh_st_rlx(&me->lifo, world_task(w, BH_SCHEDULED, OTHER));
	bh_or(&w->v.a->idle.searching, 1ull << VICTIM);
}

/* What is in its batch, too: both are queued twice. */
static void setup_stalled_hand(struct world *w)
{
	struct bh_batch *m = &w->v.workers[VICTIM].batch;

	setup_stalled(w);
	for (uint32_t i = 0; i < 3; i++)
		bh_st_rlx(&m->idx[i], world_task(w, BH_SCHEDULED, OTHER));
	bh_st_rlx(&m->n, 2);
}

static void run_relieve(struct world *w)
{
	bh_stall_relieve(&w->v, VICTIM);
}
SWEEP(stall_relieve, .setup = setup_stalled, .run = run_relieve, .check = check_awake,
      .covers = "bh_stall_relieve");

SWEEP(stall_hand, .setup = setup_stalled_hand, .run = run_relieve, .check = check_awake,
      .covers = "bh_stall_relieve");

/* Stopped with a task popped and another one stolen, both in no queue. */
static void setup_in_hand(struct world *w)
{
	struct bh_slot *me = &w->v.workers[VICTIM];

	w->other = world_task(w, BH_SCHEDULED, OTHER);
	bh_st_rlx(&me->journal.popped, w->other);
	bh_st_rlx(&me->runq.cells[5], world_task(w, BH_SCHEDULED, OTHER));
}

static void run_requeue(struct world *w)
{
	bh_stall_requeue(&w->v, VICTIM);
	if (bh_inject_len(&w->v.inject) != 2)
		_Exit(3);
}
SWEEP(stall_requeue, .setup = setup_in_hand, .run = run_requeue, .covers = "");

/* -- a worker that is one too many -- */

static void setup_retire(struct world *w)
{
	nobody_runs(w);
	fill_ring(w, VICTIM, 5);
	bh_st_rlx(&w->v.workers[VICTIM].lifo, world_task(w, BH_SCHEDULED, OTHER));
}

/* The slot is not left by whoever is not, or no longer, the one in it. */
static void run_retire(struct world *w)
{
	_Atomic uint64_t *word = &w->v.workers[VICTIM].word;
	uint32_t pid = (uint32_t)getpid();

	bh_st_rlx(word, bh_slot_word(BH_SLOT_UP, WORLD_EPOCH + 1, pid + 1));
	if (bh_retire(true))
		_Exit(3);
	bh_st_rlx(word, bh_slot_word(BH_SLOT_UP, WORLD_EPOCH, pid));
	if (!bh_retire(true))
		_Exit(3);
}
SWEEP(retire, .setup = setup_retire, .run = run_retire,
      .covers = "bh_retire bh_slot_leave bh_incarnation_leave");

/* As above, and worker 1 sleeps in the epoll_wait of the second instance. */
static void setup_kick(struct world *w)
{
	setup_notify(w);
	bh_lease_take(&w->v.a->idle.lease[1], OTHER, WORLD_EPOCH, BH_LEASE_SLEEP);
	bh_st_rlx(&w->v.workers[OTHER].park, BH_PARKED_IN_EPOLL + 1);
}

static const char *check_kicked(struct world *w)
{
	bool parked = bh_ld_rlx(&w->v.workers[OTHER].park) != BH_AWAKE;

	return parked ? "work is queued and worker 1 sleeps in epoll_wait" : NULL;
}
SWEEP(notify_kick, .setup = setup_kick, .run = run_notify, .check = check_kicked, .covers = "");
