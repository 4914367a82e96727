/* SPDX-License-Identifier: MIT */
/* task.c: spawn, end, join, abort, wake. */
#include "tests/sweep/sweep.h"

#include <errno.h>
#include <stdlib.h>

#include "workers/base/rt.h"
#include "workers/base/types.h"
#include "workers/owned/blocks.h"
#include "workers/owned/ioslot.h"
#include "workers/queue/queue.h"
#include "workers/task/task.h"

static void must(int rc)
{
	if (rc)
		_Exit(3);
}

static enum bh_poll pending(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	return BH_PENDING;
}

static int64_t fiber(void *arg)
{
	(void)arg;
	return 0;
}

/* -- spawn -- */

static void run_spawn_detached(struct world *w)
{
	int state = 1;

	(void)w;
	must(bh_spawn_poll(NULL, pending, &state, sizeof(state), NULL));
}
SWEEP(spawn_detached, .run = run_spawn_detached,
      .covers = "bh_state_reserve bh_state_publish bh_rt_schedule");

static void run_spawn_joinable(struct world *w)
{
	bh_task t;

	(void)w;
	must(bh_spawn_poll(&t, pending, NULL, 0, NULL));
}
SWEEP(spawn_joinable, .run = run_spawn_joinable, .covers = "link_child");

static void run_spawn_arg_block(struct world *w)
{
	char arg[300] = "x";
	bh_task t;

	(void)w;
	must(bh_spawn(&t, fiber, arg, sizeof(arg), NULL));
}
SWEEP(spawn_arg_block, .run = run_spawn_arg_block, .covers = "bh_block_take set_arg");

/* A stranger's socket: everything is made, and then undone. */
static void run_spawn_refused(struct world *w)
{
	char arg[300] = "x";
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;

	(void)w;
	o.give = bh_handle(9, 9);
	if (bh_spawn(NULL, fiber, arg, sizeof(arg), &o) == 0)
		_Exit(3);
}
SWEEP(spawn_refused, .run = run_spawn_refused, .covers = "unreserve bh_block_free bh_state_free");

/* A fiber has its stack when it is published, or there is no fiber. */
static void run_spawn_fiber(struct world *w)
{
	bh_task t;

	must(bh_spawn(&t, fiber, NULL, 0, NULL));
	if (!bh_ld_rlx(&bh_tcb_of(&w->v, t)->stack))
		_Exit(3);
}
SWEEP(spawn_fiber, .run = run_spawn_fiber, .covers = "");

static void setup_full(struct world *w)
{
	world_use_up(w, BH_STACK_CLASS);
	w->io = world_io(w, w->me);
}

/* One of those that are kept for work; a connection gets none. */
static void run_spawn_full(struct world *w)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	bh_task t;

	must(bh_spawn(&t, fiber, NULL, 0, NULL));
	if (bh_block_class(bh_ld_rlx(&bh_tcb_of(&w->v, t)->stack)) != BH_WORK_CLASS)
		_Exit(3);
	o.give = bh_handle(3, w->io);
	if (bh_spawn(NULL, fiber, NULL, 0, &o) != -ENOMEM)
		_Exit(3);
}
SWEEP(spawn_full, .setup = setup_full, .run = run_spawn_full, .covers = "");

static void setup_no_stack(struct world *w)
{
	world_use_up(w, BH_STACK_CLASS);
	world_use_up(w, BH_WORK_CLASS);
}

static void run_spawn_no_stack(struct world *w)
{
	bh_task t;

	(void)w;
	if (bh_spawn(&t, fiber, "x", 2, NULL) != -ENOMEM)
		_Exit(3);
}
SWEEP(spawn_no_stack, .setup = setup_no_stack, .run = run_spawn_no_stack, .covers = "");

/* The one task that a type on probation is allowed; and one that cannot be. */
static void setup_probation(struct world *w)
{
	world_become(w, w->victim); /* whose types they are */
	uint32_t type = bh_type_of((uint64_t)(uintptr_t)fiber, NULL);

	bh_st_rel(&w->v.types[type].gate.word, BH_GATE_PROBATION);
}

static void run_spawn_trial(struct world *w)
{
	uint32_t type = bh_type_of((uint64_t)(uintptr_t)fiber, NULL);
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	bh_task t;

	o.give = bh_handle(9, 9);
	if (bh_spawn(&t, fiber, NULL, 0, &o) == 0)
		_Exit(3);
	must(bh_spawn(&t, fiber, NULL, 0, NULL));
	if (bh_ld_rlx(&w->v.types[type].gate.trial) != t ||
	    bh_spawn(NULL, fiber, NULL, 0, NULL) != -BH_EQUARANTINED)
		_Exit(3);
}
SWEEP(spawn_trial, .setup = setup_probation, .run = run_spawn_trial, .covers = "pass");

/* The same by key: who has another one is let through all the while. */
static void setup_key(struct world *w)
{
	world_become(w, w->victim);
	uint32_t type = bh_type_of((uint64_t)(uintptr_t)fiber, NULL);
	struct bh_gate *g = &w->v.a->gate[3];

	bh_st_rlx(&g->type, type);
	bh_st_rlx(&g->key, 7);
	bh_st_rel(&g->word, 5 << 8 | BH_GATE_PROBATION);
	bh_st_rel(&w->v.types[type].gate.word, BH_GATE_KEYS);
}

static void run_spawn_trial_by_key(struct world *w)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	bh_task t;

	o.crash_key = 7;
	must(bh_spawn(&t, fiber, NULL, 0, &o));
	if (bh_ld_rlx(&w->v.a->gate[3].trial) != t ||
	    bh_spawn(NULL, fiber, NULL, 0, &o) != -BH_EQUARANTINED ||
	    bh_ld_rlx(&w->v.a->refused) != 1)
		_Exit(3);
	o.crash_key = 8;
	must(bh_spawn(NULL, fiber, NULL, 0, &o));
}
SWEEP(spawn_trial_by_key, .setup = setup_key, .run = run_spawn_trial_by_key, .covers = "pass");

static void setup_give(struct world *w)
{
	world_io(w, w->me);
	w->io = world_io(w, w->me);
	world_io(w, w->me);
}

static void run_spawn_give(struct world *w)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	bh_task t;

	o.give = bh_handle(3, w->io);
	must(bh_spawn(&t, fiber, NULL, 0, &o));
}
SWEEP(spawn_give, .setup = setup_give, .run = run_spawn_give, .covers = "bh_io_give");

/* -- the running task ends -- */

static void run_finish(struct world *w)
{
	(void)w;
	bh_task_finish(BH_END_RETURNED);
}
SWEEP(finish_detached, .run = run_finish, .covers = "bh_state_end bh_task_finish");

static void setup_owned(struct world *w)
{
	w->child = world_task(w, BH_WAITING, OTHER);
	w->other = world_task(w, BH_DONE, OTHER);
	world_adopt(w, w->me, w->child);
	world_adopt(w, w->me, w->other);
	world_adopt(w, w->me, world_task(w, BH_SCHEDULED, OTHER));
	bh_inject_push(&w->v.inject, bh_ld_rlx(&w->v.tasks[w->me].child));
	world_block(w, w->me);
	world_block(w, w->me);
}
SWEEP(finish_with_children, .setup = setup_owned, .run = run_finish,
      .covers = "bh_child_drop unlink_child bh_state_detach release bh_blocks_release");

static void run_finish_canceled(struct world *w)
{
	(void)w;
	bh_task_finish(BH_END_CANCELED);
}
SWEEP(finish_canceled, .setup = setup_owned, .run = run_finish_canceled, .covers = "bh_rt_wake");

/* A parent sleeps in a join of the running task. */
static void setup_joined(struct world *w)
{
	w->other = world_task(w, BH_WAITING, OTHER);
	world_adopt(w, w->other, w->me);
	struct bh_tcb *p = &w->v.tasks[w->other];
	p->wait = BH_WAIT_JOIN;
	p->wait_on = bh_handle(bh_state_gen(bh_ld_rlx(&w->v.tasks[w->me].state)), w->me);
	bh_st_rlx(&p->deadline_ns, 0);
}

static void run_finish_reply(struct world *w)
{
	(void)w;
	must(bh_reply("hello", 5));
	must(bh_reply("again", 5));
	bh_task_finish(BH_END_RETURNED);
}
SWEEP(finish_joined, .setup = setup_joined, .run = run_finish_reply,
      .covers = "bh_reply bh_state_wake");

/* -- join, detach, abort -- */

static void setup_done_child(struct world *w)
{
	uint32_t before = world_task(w, BH_DONE, OTHER), after = world_task(w, BH_DONE, OTHER);

	w->child = world_task(w, BH_DONE, OTHER);
	world_adopt(w, w->me, before);
	world_adopt(w, w->me, w->child);
	world_adopt(w, w->me, after);
	/* Its reply. */
	uint32_t ref = world_block(w, w->child);
	bh_st_rlx(&w->v.tasks[w->child].blocks, 0);
	bh_st_rlx(&w->v.tasks[w->child].reply, ref);
}

static bh_task child_handle(struct world *w)
{
	return bh_handle(bh_state_gen(bh_ld_rlx(&w->v.tasks[w->child].state)), w->child);
}

static void run_join(struct world *w)
{
	struct bh_result res;

	must(bh_join(child_handle(w), &res, BH_NOWAIT));
}
SWEEP(join_done, .setup = setup_done_child, .run = run_join, .covers = "take_reply");

static void setup_waiting_child(struct world *w)
{
	w->child = world_task(w, BH_WAITING, OTHER);
	world_adopt(w, w->me, w->child);
}

static void run_detach(struct world *w)
{
	must(bh_detach(child_handle(w)));
}
SWEEP(detach, .setup = setup_waiting_child, .run = run_detach, .covers = "");

static void run_abort(struct world *w)
{
	must(bh_abort(child_handle(w)));
}
SWEEP(abort_waiting, .setup = setup_waiting_child, .run = run_abort, .covers = "");

static const char *check_woken(struct world *w)
{
	enum bh_state s = world_state(w, w->other);

	return s == BH_WAITING || s == BH_SCHEDULED ? NULL :
						      "the task is neither waiting nor woken";
}

static void setup_waiting(struct world *w)
{
	w->other = world_task(w, BH_WAITING, OTHER);
}

static void run_wake(struct world *w)
{
	bh_rt_wake(w->other, 0, 0);
}
SWEEP(wake_waiting, .setup = setup_waiting, .run = run_wake, .check = check_woken, .covers = "");

static void setup_wake_full(struct world *w)
{
	w->other = world_task(w, BH_WAITING, OTHER);
	bh_st_rlx(&w->v.workers[VICTIM].lifo, world_task(w, BH_SCHEDULED, OTHER));
}
SWEEP(wake_displaces_lifo, .setup = setup_wake_full, .run = run_wake, .check = check_woken,
      .covers = "");
