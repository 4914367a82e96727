/* SPDX-License-Identifier: MIT */
/* mutant.c: operations that are wrong on purpose. Each is a way somebody might
 * write it, right for threads or nearly right; the duel must find it out. */
#include "tests/sweep/duels/duel.h"

#include <stdlib.h>

#include "workers/base/rt.h"
#include "workers/queue/queue.h"

static void between_polls(struct world *w)
{
	struct bh_tcb *t = &w->v.tasks[w->me];

	bh_st_rlx(&t->state, bh_state_unheld(bh_ld_rlx(&t->state), BH_WAITING));
	t->wait = BH_WAIT_SUSPEND;
	bh_st_rlx(&w->v.workers[VICTIM].current, 0);
}

/* -- a thief that reserves, copies and releases --------------------------------------- */

/* A ring with room for one more, so that an owner who believes the head overwrites
 * a cell that a thief has reserved and not yet read. */
static void setup_tight(struct world *w)
{
	between_polls(w);
	for (int i = 0; i < BH_RUNQ_CAP; i++)
		bh_runq_push(&w->v.workers[VICTIM].runq, duel_counted(w));
	w->other = duel_counted(w);
	bh_st_rlx(&w->v.workers[VICTIM].journal.popped, w->other);
}

static void run_push(struct world *w)
{
	if (!bh_runq_push(&bh_rt.me->runq, w->other))
		bh_inject_push(&w->v.inject, w->other);
}

/* Moves the head first. */
static void steal_reserve_first(struct world *w)
{
	struct bh_runq *from = &w->v.workers[VICTIM].runq, *to = &bh_rt.me->runq;
	uint64_t h = bh_ld_acq(&from->head), t = bh_ld_acq(&from->tail);
	uint32_t take = (uint32_t)(t - h - (t - h) / 2);

	if (take > 2)
		take = 2; /* short, so that every point is tried */
	if (!bh_cas(&from->head, &h, h + take))
		return;
	for (uint32_t i = 0; i < take; i++)
		bh_runq_push(to, bh_ld_rlx(&from->cells[(h + i) % BH_RUNQ_CAP]));
}
DUEL(steal_reserve_first, .setup = setup_tight, .a = run_push, .b = steal_reserve_first,
     .drain = true, .mutant = true);

/* -- an executor that believes a hint ------------------------------------------------- */

/* The same task in both rings: a hint doubled, as there may be. */
static void setup_doubled(struct world *w)
{
	between_polls(w);
	w->other = duel_counted(w);
	bh_runq_push(&w->v.workers[VICTIM].runq, w->other);
	bh_runq_push(&w->v.workers[OTHER].runq, w->other);
}

static void run_by_store(struct world *w)
{
	uint32_t idx = bh_runq_pop(&bh_rt.me->runq);
	struct bh_tcb *t = &w->v.tasks[w->other];
	uint64_t s = bh_ld_acq(&t->state);

	if (!idx || bh_state_of(s) != BH_SCHEDULED)
		return;
	bh_st_rel(&t->state, bh_state_make(bh_state_gen(s), bh_rt.epoch, bh_rt.slot,
					   s & BH_FLAG_MASK, BH_RUNNING));
	notes.ran[idx]++;
	bh_st_rel(&t->state, bh_state_unheld(bh_ld_rlx(&t->state), BH_WAITING));
}
DUEL(run_by_store, .setup = setup_doubled, .a = run_by_store, .b = duel_turn, .drain = true,
     .mutant = true);

/* -- an overflow that takes its half back by the tail -------------------------------------- */

static void setup_ring(struct world *w)
{
	between_polls(w);
	for (int i = 0; i < 3; i++)
		bh_runq_push(&w->v.workers[VICTIM].runq, duel_counted(w));
	w->other = duel_counted(w);
	bh_st_rlx(&w->v.workers[VICTIM].journal.popped, w->other);
}

static void overflow_by_tail(struct world *w)
{
	struct bh_runq *q = &bh_rt.me->runq;
	uint64_t t = bh_ld_rlx(&q->tail);

	bh_st_rel(&q->tail, t - 2);
	bh_inject_push(&w->v.inject, bh_ld_rlx(&q->cells[(t - 2) % BH_RUNQ_CAP]));
	bh_inject_push(&w->v.inject, bh_ld_rlx(&q->cells[(t - 1) % BH_RUNQ_CAP]));
	run_push(w);
}
DUEL(overflow_by_tail, .setup = setup_ring, .a = overflow_by_tail, .b = duel_turn, .drain = true,
     .mutant = true);

/* -- a suspend that overlooks a wake-up ------------------------------------------------- */

static enum bh_poll never(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	notes.ran[bh_rt.idx] = notes.flag;
	return notes.flag ? BH_READY : BH_PENDING;
}

static void setup_waits(struct world *w)
{
	w->other = duel_counted(w);
	w->v.tasks[w->other].fn = (uint64_t)(uintptr_t)never;
	between_polls(w);
	bh_st_rlx(&w->v.workers[VICTIM].journal.wake, w->other);
}

static void suspend_by_store(struct world *w)
{
	struct bh_tcb *t = &w->v.tasks[w->other];
	uint64_t word;

	bh_st_rlx(&bh_rt.me->current, bh_handle(bh_state_gen(bh_ld_rlx(&t->state)), w->other));
	if (!bh_state_run(&t->state, bh_rt.slot, bh_rt.epoch, &word))
		return;
	bh_rt.idx = w->other;
	if (((bh_poll_fn)t->fn)(NULL, NULL) == BH_READY)
		return;
	t->wait = BH_WAIT_SUSPEND;
	bh_st_rel(&t->state, bh_state_unheld(word, BH_WAITING));
}

static void run_wake(struct world *w)
{
	notes.flag = true;
	bh_rt_wake(w->other, 0, 0);
}
DUEL(suspend_by_store, .setup = setup_waits, .a = suspend_by_store, .b = run_wake, .drain = true,
     .mutant = true);

/* -- a sleeper that looks before it lies down ---------------------------------------------- */

static void setup_park(struct world *w)
{
	between_polls(w);
	w->other = duel_counted(w);
	bh_st_rlx(&w->v.workers[OTHER].journal.popped, w->other);
}

static void park_without_look(struct world *w)
{
	if (bh_runq_len(&w->v.workers[OTHER].runq))
		return;
	bh_idle_park_begin(&w->v.a->idle, VICTIM, &bh_rt.me->park, BH_PARKED);
}

static void run_push_notify(struct world *w)
{
	run_push(w);
	bh_notify(&w->v);
}

static const char *check_awake(struct world *w, unsigned killed)
{
	bool work = bh_runq_len(&w->v.workers[OTHER].runq);
	bool parked = bh_ld_rlx(&w->v.workers[VICTIM].park) == BH_PARKED;

	return work && parked && !(killed & KILLED_A) ? "work is queued and worker 0 sleeps" : NULL;
}
DUEL(park_without_look, .setup = setup_park, .a = park_without_look, .b = run_push_notify,
     .check = check_awake, .mutant = true);
