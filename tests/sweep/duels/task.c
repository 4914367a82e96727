/* SPDX-License-Identifier: MIT */
/* task.c: tasks that one side runs and the other wakes, ends or drops. */
#include "tests/sweep/duels/duel.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "ipc/protocol/ready.h"
#include "ipc/protocol/wake.h"
#include "workers/base/context.h"
#include "workers/base/rt.h"
#include "workers/io/io.h"
#include "workers/queue/queue.h"
#include "workers/task/task.h"

static void must(int rc)
{
	if (rc)
		_Exit(3);
}

static uint64_t handle_of(struct world *w, uint32_t idx)
{
	return bh_handle(bh_state_gen(bh_ld_rlx(&w->v.tasks[idx].state)), idx);
}

uint32_t duel_other_task(struct world *w)
{
	return world_task(w, BH_RUNNING, OTHER);
}

/* -- wake against suspend ---------------------------------------------------------- */

/* Ends once the waker has done what it wakes for. */
static enum bh_poll awaits(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	if (!notes.flag)
		return BH_PENDING;
	notes.ran[bh_rt.idx]++;
	return BH_READY;
}

static void setup_awaits(struct world *w)
{
	world_start(w, SPARE);
	bh_st_rlx(&w->v.workers[VICTIM].current, 0);
	bh_st_rlx(&w->v.tasks[w->me].state,
		  bh_state_unheld(bh_ld_rlx(&w->v.tasks[w->me].state), BH_WAITING));
	w->other = duel_counted(w);
	w->v.tasks[w->other].fn = (uint64_t)(uintptr_t)awaits;
	bh_st_rlx(&w->v.workers[VICTIM].lifo, w->other);
}

static void run_wake(struct world *w)
{
	notes.flag = true;
	bh_rt_wake(w->other, 0, 0);
}
DUEL(suspend_wake, .setup = setup_awaits, .a = duel_turn, .b = run_wake, .drain = true);

static void run_kernel_wake(struct world *w)
{
	notes.flag = true;
	bh_kernel_wake(&w->v, w->other, 0, 0);
}
DUEL(suspend_kernel_wake, .setup = setup_awaits, .a = duel_turn, .b = run_kernel_wake,
     .kernel = true, .drain = true);

/* Two that wake the same task. */
static void setup_waits(struct world *w)
{
	setup_awaits(w);
	bh_st_rlx(&w->v.workers[VICTIM].lifo, 0);
	bh_st_rlx(&w->v.tasks[w->other].state,
		  bh_state_unheld(bh_ld_rlx(&w->v.tasks[w->other].state), BH_WAITING));
	w->v.tasks[w->other].wait = BH_WAIT_SUSPEND;
}
DUEL(wake_wake, .setup = setup_waits, .a = run_wake, .b = run_wake, .drain = true);
DUEL(wake_kernel_wake, .setup = setup_waits, .a = run_wake, .b = run_kernel_wake, .kernel = true,
     .drain = true);

/* -- a socket's edge against the wait for it ------------------------------------------ */

/* What the executor does once the fiber has switched away. */
static void after_suspend(void *arg)
{
	(void)arg;
	if (!bh_state_suspend(&bh_rt.task->state))
		must(!bh_runq_push(&bh_rt.me->runq, bh_rt.idx));
	duel_end();
}

static void setup_io(struct world *w)
{
	w->io = world_io(w, w->me);
	w->v.tasks[w->me].kind = BH_KIND_FIBER;
}

static void run_io_wait(struct world *w)
{
	unsigned char executor[8192];

	bh_context_make(&bh_rt.loop, executor + sizeof(executor), after_suspend, NULL);
	bh_st_rlx(&bh_rt.me->journal.wake, bh_rt.idx);
	bh_io_wait(bh_handle(3, w->io), &w->v.ios[w->io], 0, false, BH_FOREVER);
}

/* As the kernel's reactor does with an event. */
static void run_mark(struct world *w)
{
	uint32_t tasks[2];
	uint32_t n = bh_ready_event(&w->v, bh_handle(3, w->io), EPOLLIN, tasks);

	for (uint32_t i = 0; i < n; i++)
		bh_kernel_wake(&w->v, tasks[i], 0, 0);
}

/* A new kernel does not know which wake-ups its predecessor owed. */
static void run_mark_again(struct world *w)
{
	for (uint32_t at = 1; at;)
		at = bh_ready_step(&w->v, at, 64);
}

static const char *check_edge(struct world *w, unsigned killed)
{
	bool marked = bh_ld_rlx(&w->v.ios[w->io].ready[0]) & BH_IO_READY;

	if (killed || !marked)
		return NULL;
	return world_state(w, w->me) == BH_WAITING ? "ready, and its task sleeps" : NULL;
}
DUEL(io_wait_mark, .setup = setup_io, .a = run_io_wait, .b = run_mark, .check = check_edge,
     .kernel = true, .heir = run_mark_again);

/* -- the end of a task against who has to do with it ------------------------------------ */

static void run_finish(struct world *w)
{
	(void)w;
	bh_task_finish(BH_END_RETURNED);
}

/* Worker 0 runs the child of a task that runs in worker 1. */
static void setup_child(struct world *w)
{
	w->other = duel_other_task(w);
	world_adopt(w, w->other, w->me);
	world_block(w, w->me);
	bh_st_rlx(&w->v.workers[VICTIM].journal.block, 0);
}
DUEL(end_parent_end, .setup = setup_child, .a = run_finish, .b = run_finish);

static void run_detach(struct world *w)
{
	int rc = bh_detach(handle_of(w, w->me));

	must(rc && rc != -BH_ESTALE);
}
DUEL(end_detach, .setup = setup_child, .a = run_finish, .b = run_detach);

static void run_join(struct world *w)
{
	struct bh_result res;
	int rc = bh_join(handle_of(w, w->me), &res, BH_NOWAIT);

	must(rc && rc != -BH_ETIMEDOUT && rc != -EDEADLK); /* it runs still */
}
DUEL(end_join, .setup = setup_child, .a = run_finish, .b = run_join);

static void run_abort(struct world *w)
{
	bh_rt_wake(w->me, 0, BH_ABORTED);
}
DUEL(end_abort, .setup = setup_child, .a = run_finish, .b = run_abort);

/* The parent waits to join it, and is woken from elsewhere as well. */
static void setup_joined(struct world *w)
{
	struct bh_tcb *p;

	w->other = world_task(w, BH_WAITING, OTHER);
	world_adopt(w, w->other, w->me);
	p = &w->v.tasks[w->other];
	p->wait = BH_WAIT_JOIN;
	p->wait_on = handle_of(w, w->me);
}

static void run_wake_parent(struct world *w)
{
	bh_kernel_wake(&w->v, w->other, 0, 0);
}
DUEL(end_wake_parent, .setup = setup_joined, .a = run_finish, .b = run_wake_parent, .kernel = true);

/* -- spawn against the verifying scan ---------------------------------------------------- */

static enum bh_poll pending(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	return BH_PENDING;
}

static void run_spawn(struct world *w)
{
	bh_task t;

	(void)w;
	must(bh_spawn_poll(&t, pending, NULL, 0, NULL));
}
DUEL(spawn_verify, .a = run_spawn, .b = world_scan, .kernel = true);

static void run_spawn_block(struct world *w)
{
	char arg[300] = "x";
	bh_task t;

	(void)w;
	must(bh_spawn_poll(&t, pending, arg, sizeof(arg), NULL));
}
DUEL(spawn_block_verify, .a = run_spawn_block, .b = world_scan, .kernel = true);

static void setup_owns(struct world *w)
{
	w->child = world_task(w, BH_WAITING, OTHER);
	world_adopt(w, w->me, w->child);
	world_block(w, w->me);
}
DUEL(finish_verify, .setup = setup_owns, .a = run_finish, .b = world_scan, .kernel = true);

/* -- the recovery of a third worker against those that live -------------------------------- */

/* Worker 2 died with tasks in its ring, its slot and its journal. */
static void setup_dead(struct world *w)
{
	struct bh_slot *dead = &w->v.workers[SPARE];

	world_start(w, SPARE);
	setup_awaits(w);
	bh_st_rlx(&w->v.workers[VICTIM].lifo, 0);
	bh_st_rlx(&w->v.tasks[w->other].state,
		  bh_state_unheld(bh_ld_rlx(&w->v.tasks[w->other].state), BH_WAITING));
	w->v.tasks[w->other].wait = BH_WAIT_SUSPEND;
	for (int i = 0; i < 2; i++)
		must(!bh_runq_push(&dead->runq, duel_counted(w)));
	bh_st_rlx(&dead->lifo, duel_counted(w));
	bh_st_rlx(&dead->journal.wake, w->other);
}

static void run_recover(struct world *w)
{
	world_recover_slot(w, SPARE);
}
DUEL(steal_recovery, .setup = setup_dead, .a = duel_turn, .b = run_recover, .kernel = true,
     .heir = run_recover);
DUEL(wake_recovery, .setup = setup_dead, .a = run_wake, .b = run_recover, .kernel = true,
     .heir = run_recover, .drain = true);
