/* SPDX-License-Identifier: MIT */
/* pinned.c: tasks that run in one worker alone. */
#include "tests/sweep/sweep.h"

#include <stdlib.h>

#include "workers/base/context.h"
#include "workers/base/rt.h"
#include "workers/executor/executor.h"
#include "workers/queue/queue.h"
#include "workers/wait/exception.h"
#include "workers/wait/fiber.h"

static enum bh_poll pending(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	return BH_PENDING;
}

static enum bh_poll again(struct bh_cx *cx, void *state)
{
	(void)state;
	bh_poll_again(cx);
	return BH_PENDING;
}

/* The other worker sleeps, and nobody else may take what is pinned to it. */
static void other_sleeps(struct world *w)
{
	bh_or(&w->v.a->idle.parked, 1ull << OTHER);
	bh_st_rlx(&w->v.workers[OTHER].park, BH_PARKED);
}

static const char *check_awake(struct world *w)
{
	struct bh_inject_view ring = bh_pinned_of(&w->v, OTHER);
	bool parked = bh_ld_rlx(&w->v.workers[OTHER].park) == BH_PARKED;

	return bh_inject_ready(&ring) && parked ? "worker 1 sleeps and has a task of its own" :
						  NULL;
}

static void run_spawn_here(struct world *w)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	char state[200] = "x";
	bh_task t;

	(void)w;
	o.pinned = 1;
	o.on_crash = BH_CRASH_RESTART;
	if (bh_spawn_poll(&t, pending, state, sizeof(state), &o))
		_Exit(3);
}
SWEEP(pinned_spawn, .run = run_spawn_here, .covers = "publish bh_state_publish_pinned");

static void run_spawn_there(struct world *w)
{
	(void)w;
	if (bh_spawn_poll_on(OTHER, NULL, pending, NULL, 0, NULL))
		_Exit(3);
}
SWEEP(pinned_spawn_on, .setup = other_sleeps, .run = run_spawn_there, .check = check_awake,
      .covers = "bh_idle_pick_one");

/* -- a task that sleeps at home -- */

static uint32_t at_home(struct world *w, enum bh_state s, uint32_t slot, uint32_t epoch)
{
	uint32_t idx = world_task(w, BH_WAITING, OTHER);
	struct bh_tcb *t = &w->v.tasks[idx];

	bh_st_rlx(&t->state, bh_state_make(bh_state_gen(bh_ld_rlx(&t->state)), epoch, slot,
					   BH_DETACHED | BH_PINNED, s));
	t->fn = (uint64_t)(uintptr_t)again;
	return idx;
}

static void setup_wake(struct world *w)
{
	other_sleeps(w);
	w->other = at_home(w, BH_WAITING, OTHER, WORLD_EPOCH);
}

static void run_wake(struct world *w)
{
	bh_rt_wake(w->other, 0, 0);
}
SWEEP(pinned_wake, .setup = setup_wake, .run = run_wake, .check = check_awake, .covers = "");

/* -- a turn that takes one, and puts it back -- */

static void setup_turn(struct world *w)
{
	struct bh_inject_view ring = bh_pinned_of(&w->v, VICTIM);
	_Atomic uint64_t *word = &w->v.tasks[w->me].state;

	bh_st_rlx(word, bh_state_unheld(bh_ld_rlx(word), BH_WAITING));
	w->v.tasks[w->me].wait = BH_WAIT_SUSPEND;
	bh_st_rlx(&w->v.workers[VICTIM].current, 0);
	w->other = at_home(w, BH_SCHEDULED, VICTIM, WORLD_EPOCH);
	bh_inject_push(&ring, w->other);
}

static void run_turn(struct world *w)
{
	(void)w;
	if (!bh_executor_turn())
		_Exit(3);
}
SWEEP(pinned_turn, .setup = setup_turn, .run = run_turn, .covers = "");

/* -- its home dies -- */

static void setup_evict(struct world *w)
{
	w->child = at_home(w, BH_WAITING, VICTIM, WORLD_EPOCH);
	w->other = at_home(w, BH_WAITING, VICTIM, WORLD_EPOCH);
	w->v.tasks[w->other].opts = BH_TASK_RESTART;
	w->v.tasks[w->other].restarts = 3;
	world_block(w, w->child);
}

static void run_evict(struct world *w)
{
	world_recover(w);
	world_scan(w);
}

static const char *check_evicted(struct world *w)
{
	if (world_state(w, w->child) != BH_FREE)
		return "a pinned task outlived its process";
	return world_state(w, w->other) == BH_SCHEDULED && w->v.tasks[w->other].restarts == 2 ?
		       NULL :
		       "a pinned task was not restarted, and that counted, once";
}
SWEEP(pinned_evict, .setup = setup_evict, .run = run_evict, .kernel = true, .check = check_evicted,
      .covers = "evict bh_state_restart");

/* -- pinned for the time of one wait: it handles an exception -- */

static void setup_exception(struct world *w)
{
	w->v.tasks[w->me].opts = BH_TASK_RESTART;
	w->v.tasks[w->me].restarts = 3;
}

/* The executor: goes back to the fiber at once. */
static void resumes(void *task)
{
	static struct bh_context here;

	bh_context_switch(&here, bh_fiber_context(task));
}

static void run_exception(struct world *w)
{
	static _Alignas(16) unsigned char executor[4096];

	(void)w;
	bh_context_make(&bh_rt.loop, executor + sizeof(executor), resumes, bh_rt.task);
	bh_exceptions_switch(bh_rt.task);
	if (bh_ld_rlx(&bh_rt.task->state) & BH_PINNED)
		_Exit(3);
}

static const char *check_free(struct world *w, uint32_t idx)
{
	const struct bh_tcb *t = &w->v.tasks[idx];

	if (world_state(w, idx) != BH_SCHEDULED)
		return "a task that was pinned for one wait was not restarted";
	return (bh_ld_rlx(&t->state) & BH_PINNED) || (t->opts & BH_TASK_STAYS) ?
		       "a task that was pinned for one wait stays pinned" :
		       NULL;
}

static const char *check_exception(struct world *w)
{
	return check_free(w, w->me);
}
SWEEP(pinned_exception, .setup = setup_exception, .run = run_exception, .check = check_exception,
      .no_intruders = true, .covers = "pin unpin");

static void setup_evict_exception(struct world *w)
{
	setup_evict(w);
	w->v.tasks[w->other].opts |= BH_TASK_STAYS;
}

static const char *check_evicted_exception(struct world *w)
{
	const char *wrong = check_evicted(w);

	return wrong ? wrong : check_free(w, w->other);
}
SWEEP(pinned_evict_exception, .setup = setup_evict_exception, .run = run_evict, .kernel = true,
      .check = check_evicted_exception, .covers = "restart_task");
