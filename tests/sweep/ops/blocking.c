/* SPDX-License-Identifier: MIT */
/* blocking.c: jobs, and the processes that run them. */
#include "tests/sweep/sweep.h"

#include <stdlib.h>

#include "ipc/protocol/blocking.h"
#include "workers/executor/blocking.h"
#include "workers/executor/executor.h"
#include "workers/queue/jobs.h"
#include "workers/queue/queue.h"

static int64_t job(void *arg)
{
	(void)arg;
	return 0;
}

/* -- a worker spawns a job, and aborts it -- */

static void run_spawn(struct world *w)
{
	bh_task t;

	(void)w;
	if (bh_spawn_blocking(&t, job, "x", 2, NULL))
		_Exit(3);
}
SWEEP(job_spawn, .run = run_spawn, .covers = "bh_blocking_push");

static void setup_idle(struct world *w)
{
	bh_or(&w->v.a->blocking.parked[0], 1);
	bh_st_rlx(&w->v.workers[JOBBER].park, BH_PARKED);
}

/* Whoever was picked must be awake once the picker is dead and recovered. */
static const char *check_roused(struct world *w)
{
	bool picked = !(bh_ld_rlx(&w->v.a->blocking.parked[0]) & 1);
	bool asleep = bh_ld_rlx(&w->v.workers[JOBBER].park) == BH_PARKED;

	return picked && asleep ? "a blocking process sleeps and nobody knows of it" : NULL;
}
SWEEP(job_spawn_idle, .setup = setup_idle, .run = run_spawn, .check = check_roused,
      .covers = "bh_blocking_pick");

static uint32_t queued_job(struct world *w)
{
	uint32_t idx = world_task(w, BH_SCHEDULED, OTHER);

	w->v.tasks[idx].kind = BH_KIND_BLOCKING;
	w->v.tasks[idx].fn = (uint64_t)(uintptr_t)job;
	bh_inject_push(&w->v.blocking, idx);
	return idx;
}

static void setup_abort(struct world *w)
{
	w->child = world_task(w, BH_RUNNING, JOBBER);
	w->v.tasks[w->child].kind = BH_KIND_BLOCKING;
	world_adopt(w, w->me, w->child);
}

static void run_abort(struct world *w)
{
	bh_abort(bh_handle(bh_state_gen(bh_ld_rlx(&w->v.tasks[w->child].state)), w->child));
}
SWEEP(job_abort, .setup = setup_abort, .run = run_abort, .covers = "");

/* One that waits to be run: whoever is killed, a worker ends it, not a process. */
static void setup_abort_queued(struct world *w)
{
	w->child = queued_job(w);
	world_adopt(w, w->me, w->child);
}

static const char *check_offered(struct world *w)
{
	bool waits = world_state(w, w->child) == BH_SCHEDULED &&
		     (bh_ld_acq(&w->v.tasks[w->child].state) & BH_ABORTED);

	return waits && !bh_inject_len(&w->v.inject) ? "an aborted job waits for a process" : NULL;
}
SWEEP(job_abort_queued, .setup = setup_abort_queued, .run = run_abort, .check = check_offered,
      .covers = "bh_job_aborted");
SWEEP(job_orphan, .setup = setup_abort_queued, .run = world_recover, .kernel = true,
      .check = check_offered, .covers = "");

/* -- a worker is about to block in place -- */

static void setup_hand_over(struct world *w)
{
	for (int i = 0; i < 3; i++)
		if (!bh_runq_push(&w->v.workers[VICTIM].runq, world_task(w, BH_SCHEDULED, OTHER)))
			_Exit(4);
	bh_st_rlx(&w->v.workers[VICTIM].lifo, world_task(w, BH_SCHEDULED, OTHER));
}

static void run_hand_over(struct world *w)
{
	struct bh_slot *me = &w->v.workers[VICTIM];

	bh_block_in_place(job, NULL);
	if (bh_inject_len(&w->v.inject) != 4 || bh_runq_len(&me->runq) || bh_ld_rlx(&me->lifo))
		_Exit(3);
}
SWEEP(block_in_place, .setup = setup_hand_over, .run = run_hand_over, .covers = "bh_hand_over");

/* -- a blocking process takes a job, runs it, and goes to sleep -- */

static void nobody_runs(struct world *w)
{
	_Atomic uint64_t *word = &w->v.tasks[w->me].state;

	bh_st_rlx(word, bh_state_unheld(bh_ld_rlx(word), BH_WAITING));
	w->v.tasks[w->me].wait = BH_WAIT_SUSPEND;
	bh_st_rlx(&w->v.workers[w->victim].current, 0);
}

static void setup_turn(struct world *w)
{
	nobody_runs(w);
	w->child = queued_job(w);
	w->other = world_task(w, BH_WAITING, OTHER);
	world_adopt(w, w->other, w->child);
	w->v.tasks[w->other].wait = BH_WAIT_JOIN;
	w->v.tasks[w->other].wait_on =
		bh_handle(bh_state_gen(bh_ld_rlx(&w->v.tasks[w->child].state)), w->child);
	queued_job(w);
}

static void run_turn(struct world *w)
{
	(void)w;
	if (!bh_job_turn())
		_Exit(3);
}

/* Ended or not: the parent waits for a job that can still end, or knows. */
static const char *check_parent(struct world *w)
{
	enum bh_state child = world_state(w, w->child), parent = world_state(w, w->other);

	return child == BH_DONE && parent == BH_WAITING ? "the parent was not woken" : NULL;
}
SWEEP(job_turn, .victim = JOBBER, .setup = setup_turn, .run = run_turn, .check = check_parent,
      .covers = "");

/* -- a worker ends a job that was aborted before it began -- */

static void setup_end(struct world *w)
{
	setup_turn(w);
	bh_or(&w->v.tasks[w->child].state, BH_ABORTED);
	bh_inject_push(&w->v.inject, w->child);
}

static void run_end(struct world *w)
{
	if (!bh_executor_turn() || w->v.tasks[w->child].end != BH_END_CANCELED)
		_Exit(3);
}
SWEEP(job_end, .setup = setup_end, .run = run_end, .check = check_parent, .covers = "");

/* An old hint leads a blocking process to a task for workers. */
static void setup_stray(struct world *w)
{
	nobody_runs(w);
	w->other = world_task(w, BH_SCHEDULED, OTHER);
	bh_inject_push(&w->v.blocking, w->other);
	bh_inject_push(&w->v.inject, w->other);
}
SWEEP(job_stray_hint, .victim = JOBBER, .setup = setup_stray, .run = run_turn, .covers = "");

static void setup_park(struct world *w)
{
	nobody_runs(w);
	queued_job(w);
}

static void run_park(struct world *w)
{
	if (bh_blocking_park_begin(&w->v, JOBBER)) /* there is a job */
		_Exit(3);
}
SWEEP(job_park, .victim = JOBBER, .setup = setup_park, .run = run_park, .check = check_roused,
      .covers = "bh_blocking_park_begin");

/* A job that wakes a task, and one that spawns: both go to the shared queues. */
static void setup_job_wakes(struct world *w)
{
	w->v.tasks[w->me].kind = BH_KIND_BLOCKING;
	w->other = world_task(w, BH_WAITING, OTHER);
}

static void run_job_wakes(struct world *w)
{
	bh_rt_wake(w->other, 0, 0);
	if (bh_spawn(NULL, job, NULL, 0, NULL))
		_Exit(3);
}
SWEEP(job_wakes, .victim = JOBBER, .setup = setup_job_wakes, .run = run_job_wakes, .covers = "");

/* -- the kernel: a process died whose job was aborted, and in whose slot was more -- */

static void setup_recover(struct world *w)
{
	w->v.tasks[w->me].kind = BH_KIND_BLOCKING;
	world_block(w, w->me);
	world_adopt(w, w->me, world_task(w, BH_WAITING, OTHER));
	w->other = world_task(w, BH_WAITING, OTHER);
	world_adopt(w, w->other, w->me);
	w->v.tasks[w->other].wait = BH_WAIT_JOIN;
	w->v.tasks[w->other].wait_on =
		bh_handle(bh_state_gen(bh_ld_rlx(&w->v.tasks[w->me].state)), w->me);
	bh_or(&w->v.tasks[w->me].state, BH_ABORTED);
	queued_job(w);
}

static const char *check_canceled(struct world *w)
{
	if (world_state(w, w->me) != BH_DONE || w->v.tasks[w->me].end != BH_END_CANCELED)
		return "the job was not canceled";
	return world_state(w, w->other) == BH_SCHEDULED ? NULL : "the parent was not woken";
}
SWEEP(job_recover, .victim = JOBBER, .setup = setup_recover, .run = world_recover, .kernel = true,
      .check = check_canceled, .covers = "");
