/* SPDX-License-Identifier: MIT */
/* recovery.c: recovery itself: the kernel may be killed in it, and starts
 * again. */
#include "tests/sweep/sweep.h"

#include <bulkhead/task.h>

#include "ipc/protocol/wake.h"
#include "ipc/repair/verify.h"

/* A worker that died with one of everything. */
static void setup_rich(struct world *w)
{
	struct bh_slot *me = &w->v.workers[VICTIM];

	w->child = world_task(w, BH_WAITING, OTHER);
	world_adopt(w, w->me, world_task(w, BH_DONE, OTHER));
	world_adopt(w, w->me, w->child);
	world_block(w, w->me);
	world_block(w, w->me);
	world_stack(w, w->me);
	world_io(w, w->me);
	world_io(w, w->me);
	for (int i = 0; i < 3; i++)
		bh_runq_push(&me->runq, world_task(w, BH_SCHEDULED, OTHER));
	bh_st_rlx(&me->lifo, world_task(w, BH_SCHEDULED, OTHER));
	bh_or(&w->v.a->idle.searching, 1ull << VICTIM);
	/* A parent waits for the running task. */
	w->other = world_task(w, BH_WAITING, OTHER);
	world_adopt(w, w->other, w->me);
	w->v.tasks[w->other].wait = BH_WAIT_JOIN;
	w->v.tasks[w->other].wait_on =
		bh_handle(bh_state_gen(bh_ld_rlx(&w->v.tasks[w->me].state)), w->me);
}

static const char *check_parent(struct world *w)
{
	return world_state(w, w->other) == BH_SCHEDULED ? NULL : "the parent was not woken";
}

SWEEP(recover_worker, .setup = setup_rich, .run = world_recover, .kernel = true,
      .check = check_parent,
      .covers = "bh_recover_begin bh_recover_task bh_recover_worker bh_pool_recover orphan");

/* Its outcome is held back, and shows later. */
SWEEP(recover_held, .setup = setup_rich, .run = world_recover_held, .kernel = true,
      .check = check_parent, .covers = "bh_recover_decide");

static void setup_restart(struct world *w)
{
	setup_rich(w);
	w->v.tasks[w->me].opts = BH_TASK_RESTART;
	w->v.tasks[w->me].restarts = 3;
	w->v.tasks[w->me].verdict = BH_VERDICT_RESTART; /* of a crash before */
}

/* However often the kernel was killed in it, it was one crash. */
static const char *check_restarted(struct world *w)
{
	const struct bh_tcb *t = &w->v.tasks[w->me];

	if (world_state(w, w->me) != BH_SCHEDULED)
		return "the task was not restarted";
	if (t->restarts != 2)
		return "the crash did not cost one restart";
	if (!bh_ld_rlx(&t->stack))
		return "it has no stack to start again on";
	return t->crashes == 1 ? NULL : "it was not counted as one crash";
}
SWEEP(recover_restart, .setup = setup_restart, .run = world_recover, .kernel = true,
      .check = check_restarted, .covers = "restart_task");

static void setup_last_restart(struct world *w)
{
	setup_restart(w);
	w->v.tasks[w->me].restarts = 1;
}

static const char *check_last_restart(struct world *w)
{
	if (world_state(w, w->me) != BH_SCHEDULED)
		return "the task was not restarted, and might have been";
	return w->v.tasks[w->me].restarts == 0 ? NULL : "there is a restart left";
}
SWEEP(recover_last_restart, .setup = setup_last_restart, .run = world_recover, .kernel = true,
      .check = check_last_restart, .covers = "");

/* More than is released in one call: the scan goes on with it, as was decided. */
static void setup_large(struct world *w)
{
	setup_rich(w);
	w->budget = 2;
	/* Its parent joins it, and is told by whom it crashed. */
	bh_and(&w->v.tasks[w->me].state, ~BH_DETACHED);
}

static const char *check_large(struct world *w)
{
	const struct bh_tcb *t = &w->v.tasks[w->me];

	if (world_state(w, w->me) != BH_DONE || t->end != BH_END_CRASHED || t->value != 1)
		return "its end is not what was decided";
	if (!(bh_ld_rlx(&w->v.tasks[w->child].state) & BH_ABORTED))
		return "a child was not aborted";
	return check_parent(w);
}

static void run_recover_and_scan(struct world *w)
{
	world_recover(w);
	world_scan(w);
}
SWEEP(recover_large, .setup = setup_large, .run = run_recover_and_scan, .kernel = true,
      .check = check_large, .covers = "decide");

static void setup_large_restart(struct world *w)
{
	setup_restart(w);
	w->budget = 2;
}
SWEEP(recover_large_restart, .setup = setup_large_restart, .run = run_recover_and_scan,
      .kernel = true, .check = check_restarted, .covers = "");

SWEEP(verify, .setup = setup_rich, .run = run_recover_and_scan, .kernel = true,
      .covers = "bh_verify_step bh_recover_release take_over");

/* A wake-up by the kernel: of a timer, of a socket. */
static void setup_kernel_wake(struct world *w)
{
	w->other = world_task(w, BH_WAITING, OTHER);
}

static void run_kernel_wake(struct world *w)
{
	bh_kernel_wake(&w->v, w->other, 0, 0);
}
SWEEP(kernel_wake, .setup = setup_kernel_wake, .run = run_kernel_wake, .covers = "bh_kernel_wake");
