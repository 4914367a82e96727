/* SPDX-License-Identifier: MIT */
/*
 * task.c: the life of a task from inside a worker: spawn, end, join.
 *
 * Each step that touches shared memory is written so that a kill between any two
 * instructions leaves a state that recovery (ipc/repair/recover.h) can finish: first
 * the journal says what is being done, then the element names its owner (one
 * CAS), then it is linked (one store), then it is made visible (one store).
 */
#include "workers/task/task.h"

#include <errno.h>
#include <string.h>

#include "workers/base/clock.h"
#include "workers/base/rt.h"
#include "workers/base/types.h"
#include "workers/owned/blocks.h"
#include "workers/owned/defer.h"
#include "workers/owned/ioslot.h"
#include "workers/queue/jobs.h"
#include "workers/queue/queue.h"
#include "workers/queue/trace.h"
#include "workers/task/admit.h"
#include "workers/task/claims.h"
#include "workers/task/room.h"

enum {
	STACK_MAX = 16 << 20,
	ARG_MAX = 1 << 20
};

/* -- spawn -------------------------------------------------------------------- */

/* A new task in RESERVED, held by this worker. */
static struct bh_tcb *reserve(uint32_t *idx, uint64_t *word)
{
	struct bh_journal *j = &bh_rt.me->journal;

	bh_st_rlx(&j->task, 0);
	bh_st_rlx(&j->count, bh_ld_rlx(&bh_rt.me->count.spawned) + 1);
	while ((*idx = bh_pool_take(&bh_rt.v.task_pool, &bh_rt.me->tasks))) {
		struct bh_tcb *t = &bh_rt.v.tasks[*idx];

		bh_st_rlx(&j->slot, *idx);
		bh_compiler_barrier();
		bh_st_rlx(&j->op, BH_OP_SPAWN);
		bh_compiler_barrier();
		if (bh_state_reserve(&t->state, bh_rt.slot, bh_rt.epoch, word)) {
			bh_st_rlx(&j->task, *word);
			return t;
		}
	}
	bh_st_rlx(&j->op, BH_OP_NONE);
	return NULL;
}

void bh_task_blank(struct bh_tcb *t)
{
	bh_st_rlx(&t->deadline_ns, 0);
	t->value = 0;
	bh_st_rlx(&t->child, 0);
	bh_st_rlx(&t->sibling, 0);
	bh_st_rlx(&t->prev, 0);
	bh_st_rlx(&t->blocks, 0);
	bh_st_rlx(&t->ios, 0);
	bh_st_rlx(&t->arg_block, 0);
	bh_st_rlx(&t->reply, 0);
	bh_st_rlx(&t->stack, 0);
	t->end = 0;
	t->wait = 0;
	t->claims = 0;
	t->crashes = t->verdict = 0;
	t->sp = t->heap = t->wait_on = 0;
}

/* Copies the argument: into the task itself if a poll task's state fits there,
 * else into a block. A poll task that may start again has its state twice there. */
static int set_arg(struct bh_tcb *t, uint64_t handle, const void *arg, size_t len)
{
	bool twice = t->kind == BH_KIND_POLL && (t->opts & BH_TASK_RESTART);
	size_t bytes = twice ? bh_state_copy_at(len) + len : len;
	uint32_t cls = bh_class_of(bytes ? bytes : 1), ref;

	t->arg = 0;
	if (t->kind == BH_KIND_POLL && !twice && len <= BH_TASK_INLINE) {
		memset(t->small, 0, sizeof(t->small));
		if (len)
			memcpy(t->small, arg, len);
		t->arg = (uint64_t)(uintptr_t)t->small;
		return 0;
	}
	if (!len && t->kind != BH_KIND_POLL)
		return 0;
	ref = bh_block_take(t, handle, cls, &t->arg_block);
	struct bh_block *b = bh_block_at(&bh_rt.v, ref);
	if (!b)
		return -ENOMEM;
	void *data = bh_block_data(&bh_rt.v, ref);
	if (len)
		memcpy(data, arg, len);
	if (len && twice)
		memcpy((char *)data + bh_state_copy_at(len), arg, len);
	b->len = (uint32_t)len;
	t->arg = (uint64_t)(uintptr_t)data;
	return 0;
}

/* A stack for a fiber: who spawns is told if there is none, for later nobody may be left
 * to tell. Those kept for work are not for a task that brings a socket. */
static int set_stack(struct bh_tcb *t, uint64_t handle, const struct bh_spawn_opts *o)
{
	uint32_t cls = o && o->stack_bytes ? bh_stack_class_of(o->stack_bytes) : BH_STACK_CLASS;

	if (bh_block_take(t, handle, cls, &t->stack))
		return 0;
	if (cls <= BH_STACK_CLASS && !(o && o->give) &&
	    bh_block_take(t, handle, BH_WORK_CLASS, &t->stack))
		return 0;
	return -ENOMEM;
}

static void link_child(struct bh_tcb *t, uint32_t idx)
{
	struct bh_tcb *me = bh_rt.task;
	uint32_t first = bh_ld_rlx(&me->child);

	bh_st_rlx(&t->sibling, first);
	bh_st_rlx(&t->prev, 0);
	if (first)
		bh_st_rlx(&bh_rt.v.tasks[first].prev, idx);
	bh_st_rel(&me->child, idx);
}

/* Commit: the store of the predecessor's link. */
static void unlink_child(struct bh_tcb *t, uint32_t idx)
{
	struct bh_tcb *me = bh_rt.task;
	uint32_t next = bh_ld_rlx(&t->sibling), prev = bh_ld_rlx(&t->prev);
	struct bh_tcb *p = bh_tcb_at(&bh_rt.v, prev), *n = bh_tcb_at(&bh_rt.v, next);

	if (bh_ld_rlx(&me->child) == idx)
		bh_st_rel(&me->child, next);
	else if (p && bh_ld_rlx(&p->sibling) == idx)
		bh_st_rel(&p->sibling, next);
	if (n)
		bh_st_rlx(&n->prev, bh_ld_rlx(&me->child) == next ? 0 : prev);
}

/* Undoes a spawn that failed half-way: everything goes back, the slot last. */
static void unreserve(struct bh_tcb *t, uint32_t idx, uint64_t word)
{
	bh_blocks_release(t, bh_handle(bh_state_gen(word), idx), true);
	bh_st_rlx(&bh_rt.me->journal.task, 0); /* nothing left to undo, nothing to count */
	bh_pool_freeing(&bh_rt.me->tasks, idx);
	bh_state_free(&t->state, word);
	bh_pool_give(&bh_rt.v.task_pool, &bh_rt.me->tasks, idx);
	bh_st_rlx(&bh_rt.me->journal.op, BH_OP_NONE);
}

static int apply_opts(struct bh_tcb *t, const struct bh_spawn_opts *o)
{
	if (o && o->stack_bytes > STACK_MAX)
		return -EINVAL;
	t->opts = 0;
	t->hog = bh_hog_code(o ? o->hog_ms : 0);
	if (o && o->on_crash == BH_CRASH_RESTART)
		t->opts |= BH_TASK_RESTART;
	if (o && o->detach_on_end)
		t->opts |= BH_TASK_KEEP;
	t->restarts = o && o->restarts ? o->restarts : 0xffff;
	return o && o->on_crash > BH_CRASH_RESTART ? -EINVAL : 0;
}

/* *@here if the options say so, else NULL: wherever a worker finds it. */
static inline const struct bh_home *home_of(const struct bh_spawn_opts *o, struct bh_home *here)
{
	if (!o || o->size != sizeof(*o) || !o->pinned)
		return NULL;
	*here = (struct bh_home){ bh_rt.slot, bh_rt.epoch };
	return here;
}

/* Commit: the store of the state. */
static void publish(struct bh_tcb *t, uint64_t word, bool detached, const struct bh_home *h)
{
	uint64_t flags = detached ? BH_DETACHED : 0;

	if (h)
		bh_state_publish_pinned(&t->state, word, flags, h->worker, h->epoch);
	else
		bh_state_publish(&t->state, word, flags);
}

/* Whoever spawns is told; so is the log, but for connections: bh_serve() counts those. */
static int refuse(int err, const struct bh_spawn_opts *o)
{
	enum bh_short what = bh_room_short_spawn(err);

	if (what != BH_SHORTS && !(o && o->give))
		bh_add(&bh_rt.v.a->shortage.refused[what], 1);
	return err;
}

int bh_task_spawn(bh_task *out, enum bh_task_kind kind, uint64_t fn, const void *arg, size_t len,
		  const struct bh_spawn_opts *o, const struct bh_home *home)
{
	uint32_t idx, type;
	uint64_t word;
	struct bh_trial trial;
	int err;

	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	if (!fn || (len && !arg) || (o && o->size != sizeof(*o)))
		return -EINVAL;
	if (home && (kind == BH_KIND_BLOCKING || home->worker >= bh_rt.v.l.workers))
		return -EINVAL;
	if (len > ARG_MAX)
		return -E2BIG;
	type = bh_type_of(fn, o ? o->name : NULL);
	uint64_t key = bh_admit_key(o);
	err = bh_admit(type, key, &trial);
	if (err)
		return err;
	struct bh_tcb *t = reserve(&idx, &word);
	if (!t) {
		if (trial.gate)
			bh_trial_is(&trial, 0);
		return refuse(-BH_ENOSLOT, o);
	}
	uint64_t handle = bh_handle(bh_state_gen(word), idx);

	bh_task_blank(t);
	t->fn = fn;
	t->kind = (uint8_t)kind;
	t->type = (uint16_t)type;
	t->crash_key = key;
	t->born_ms = bh_rt_age_ms();
	bh_st_rlx(&t->parent, out ? bh_rt.handle : 0);
	err = apply_opts(t, o);
	if (!err)
		err = set_arg(t, handle, arg, len);
	if (!err && kind == BH_KIND_FIBER)
		err = set_stack(t, handle, o);
	if (!err && o && o->give)
		err = bh_io_give(o->give, t, handle);
	if (err) {
		unreserve(t, idx, word);
		if (trial.gate)
			bh_trial_is(&trial, 0);
		return refuse(err, o);
	}
	if (trial.gate)
		bh_trial_is(&trial, handle);
	if (out) {
		link_child(t, idx);
		*out = handle;
	}
	bh_st_rlx(&bh_rt.me->journal.wake, idx);
	bh_compiler_barrier();
	publish(t, word, !out, home);
	bh_compiler_barrier();
	bh_count(&bh_rt.me->count.spawned, 1);
	bh_st_rlx(&bh_rt.me->journal.op, BH_OP_NONE);
	bh_trace_spawn(idx, t);
	if (kind != BH_KIND_BLOCKING) {
		bh_rt_schedule(idx, BH_EV_SPAWN);
		return 0;
	}
	bh_trace_ready(BH_EV_SPAWN, idx);
	bh_job_queue(idx);
	return 0;
}

int bh_spawn(bh_task *out, bh_fiber_fn fn, const void *arg, size_t len,
	     const struct bh_spawn_opts *opts)
{
	struct bh_home here;

	return bh_task_spawn(out, BH_KIND_FIBER, (uint64_t)(uintptr_t)fn, arg, len, opts,
			     home_of(opts, &here));
}

int bh_spawn_blocking(bh_task *out, bh_fiber_fn fn, const void *arg, size_t len,
		      const struct bh_spawn_opts *opts)
{
	struct bh_home here;

	return bh_task_spawn(out, BH_KIND_BLOCKING, (uint64_t)(uintptr_t)fn, arg, len, opts,
			     home_of(opts, &here));
}

int bh_spawn_poll(bh_task *out, bh_poll_fn fn, const void *state, size_t len,
		  const struct bh_spawn_opts *opts)
{
	struct bh_home here;

	return bh_task_spawn(out, BH_KIND_POLL, (uint64_t)(uintptr_t)fn, state, len, opts,
			     home_of(opts, &here));
}

int bh_spawn_on(uint32_t worker, bh_task *out, bh_fiber_fn fn, const void *arg, size_t len,
		const struct bh_spawn_opts *opts)
{
	if (worker >= bh_workers())
		return -EINVAL;
	return bh_task_spawn(out, BH_KIND_FIBER, (uint64_t)(uintptr_t)fn, arg, len, opts,
			     &(struct bh_home){ worker, 0 });
}

int bh_spawn_poll_on(uint32_t worker, bh_task *out, bh_poll_fn fn, const void *state, size_t len,
		     const struct bh_spawn_opts *opts)
{
	if (worker >= bh_workers())
		return -EINVAL;
	return bh_task_spawn(out, BH_KIND_POLL, (uint64_t)(uintptr_t)fn, state, len, opts,
			     &(struct bh_home){ worker, 0 });
}

/* -- end ---------------------------------------------------------------------- */

/* Frees a DONE child that is in no list any more. */
static void release(struct bh_tcb *t, uint32_t idx)
{
	uint64_t w = bh_ld_acq(&t->state);

	if (bh_state_of(w) != BH_DONE)
		return;
	bh_blocks_release(t, bh_handle(bh_state_gen(w), idx), true);
	bh_pool_freeing(&bh_rt.me->tasks, idx);
	if (bh_state_free(&t->state, w))
		bh_pool_give(&bh_rt.v.task_pool, &bh_rt.me->tasks, idx);
}

/* Drops child @idx of the running task: frees it if it has ended, else lets it
 * go on detached, aborted unless it asked to be kept. */
void bh_child_drop(struct bh_tcb *t, uint32_t idx, bool keep)
{
	uint32_t gen = bh_state_gen(bh_ld_acq(&t->state));

	bh_st_rlx(&bh_rt.me->journal.slot, idx);
	bh_compiler_barrier();
	bh_st_rlx(&bh_rt.me->journal.op, BH_OP_RELEASE);
	unlink_child(t, idx);
	if (bh_state_detach(&t->state, gen, 0))
		release(t, idx);
	else if (!keep)
		bh_rt_wake(idx, gen, BH_ABORTED);
	bh_st_rlx(&bh_rt.me->journal.op, BH_OP_NONE);
}

static void drop_children(struct bh_tcb *me)
{
	uint32_t idx;

	while ((idx = bh_ld_rlx(&me->child))) {
		struct bh_tcb *t = bh_tcb_at(&bh_rt.v, idx);

		if (!t || bh_ld_rlx(&t->parent) != bh_rt.handle) {
			bh_st_rlx(&me->child, 0); /* not our list any more: scribbled over */
			return;
		}
		bh_child_drop(t, idx, t->opts & BH_TASK_KEEP);
	}
}

/* Most tasks own nothing: it costs them no call. */
static void release_owned(struct bh_tcb *t)
{
	if (t->claims)
		bh_claims_drop(t);
	if (bh_ld_rlx(&t->child))
		drop_children(t);
	if (bh_ld_rlx(&t->ios))
		bh_ios_release(t, bh_rt.handle);
	if (bh_ld_rlx(&t->blocks) | bh_ld_rlx(&t->stack) | bh_ld_rlx(&t->arg_block))
		bh_blocks_release(t, bh_rt.handle, false);
}

void bh_task_finish(enum bh_end end)
{
	struct bh_slot *me = bh_rt.me;
	struct bh_tcb *t = bh_rt.task;
	bool done = end == BH_END_RETURNED;
	_Atomic uint64_t *counter = done ? &me->count.completed : &me->count.canceled;

	bh_trace_outcome(BH_EVP_DONE);
	if (t->kind != BH_KIND_FIBER && (t->opts & BH_TASK_DEFERS)) {
		t->opts |= BH_TASK_VALUED; /* it is, but for its clean-ups */
		bh_defers_run(t);          /* a fiber's ran on its stack */
	}
	release_owned(t);
	bh_st_rlx(&t->deadline_ns, 0);
	t->heap = 0;
	t->end = (uint8_t)end;
	uint64_t parent = bh_ld_rlx(&t->parent);
	uint32_t reply = bh_ld_rlx(&t->reply);

	bh_st_rlx(&me->journal.slot, bh_rt.idx);
	bh_st_rlx(&me->journal.count, bh_ld_rlx(counter) + 1);
	bh_st_rlx(&me->journal.block, reply); /* nobody's once the slot is free */
	bh_pool_freeing(&me->tasks, bh_rt.idx);
	bh_st_rlx(&me->journal.op, done ? BH_OP_END : BH_OP_CANCEL);
	bh_compiler_barrier();
	if (bh_state_end(&t->state)) {
		if (reply)
			bh_block_free(reply, bh_rt.handle);
		bh_pool_give(&bh_rt.v.task_pool, &me->tasks, bh_rt.idx);
	} else if (parent) {
		bh_rt_wake(bh_handle_idx(parent), bh_handle_gen(parent), 0);
	}
	bh_compiler_barrier();
	bh_count(counter, 1);
	bh_st_rlx(&me->journal.op, BH_OP_NONE);
	bh_st_rlx(&me->journal.block, 0);
	bh_st_rlx(&me->tasks.pending, 0);
}
