/* SPDX-License-Identifier: MIT */
/*
 * join.c: what passes from a child to its parent: the end, the value, the reply,
 * the crash.
 */
#include "workers/task/join.h"

#include <errno.h>
#include <string.h>

#include "workers/base/rt.h"
#include "workers/owned/blocks.h"
#include "workers/owned/gone.h"
#include "workers/owned/heap.h"
#include "workers/owned/ioslot.h"
#include "workers/task/task.h"
#include "workers/wait/coop.h"
#include "workers/wait/suspend.h"

enum {
	REPLY_MAX = (16 << 20) - 64
};

int bh_child_of(bh_task task, struct bh_tcb **out)
{
	struct bh_tcb *t = bh_tcb_of(&bh_rt.v, task);

	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	if (!t)
		return -BH_ESTALE;
	if (bh_ld_rlx(&t->parent) != bh_rt.handle)
		return -EPERM;
	if (bh_ld_rlx(&t->state) & BH_DETACHED)
		return -BH_ESTALE; /* was given up: its end will wake nobody */
	*out = t;
	return 0;
}

/* Moves the child's reply to the running task's list of blocks. Commit: the CAS
 * on its owner; killed after it, the journal names it. */
static void take_reply(struct bh_tcb *t, bh_task child, struct bh_result *res)
{
	uint32_t ref = bh_ld_rlx(&t->reply);
	struct bh_block *b = bh_block_at(&bh_rt.v, ref);
	uint64_t owner = child;

	if (!b)
		return;
	bh_st_rlx(&bh_rt.me->journal.block, ref);
	bh_compiler_barrier();
	bh_st_rlx(&b->next, bh_ld_rlx(&bh_rt.task->blocks));
	if (bh_cas(&b->owner, &owner, bh_rt.handle)) {
		bh_st_rel(&bh_rt.task->blocks, ref);
		res->data = bh_heap_reply_data(bh_block_data(&bh_rt.v, ref));
		res->len = b->len;
	}
	bh_st_rlx(&t->reply, 0);
	bh_compiler_barrier();
	bh_st_rlx(&bh_rt.me->journal.block, 0);
}

static void take_crash(uint64_t id, struct bh_crash *out)
{
	struct bh_arena_crash *c = &bh_rt.v.a->crash[id % BH_ARENA_CRASHES];

	if (bh_ld_acq(&c->id) != id)
		return; /* many crashes ago */
	*out = (struct bh_crash){ .id = id,
				  .signal = c->signal,
				  .exit_code = c->exit_code,
				  .address = c->address,
				  .instruction = c->instruction,
				  .worker = c->worker,
				  .pid = c->pid,
				  .stack_overflow = (uint8_t)c->stack_overflow,
				  .restart_us = bh_ld_rlx(&c->restart_us),
				  .task = c->task };
	memcpy(out->task_name, c->task_name, sizeof(out->task_name));
	out->task_name[sizeof(out->task_name) - 1] = '\0';
	/* The ring came round while it was copied: another crash's, then. */
	if (bh_ld_acq(&c->id) != id)
		*out = (struct bh_crash){ 0 };
}

/* Takes the result of a DONE child and frees it. */
static void reap(struct bh_tcb *t, bh_task child, struct bh_result *res)
{
	if (res) {
		memset(res, 0, sizeof(*res));
		res->end = t->end;
		bool died = t->end == BH_END_CRASHED || t->end == BH_END_HOG;
		res->value = died ? 0 : t->value;
		if (died)
			take_crash((uint64_t)t->value, &res->crash);
		take_reply(t, child, res);
	}
	bh_child_drop(t, bh_handle_idx(child), false);
}

int bh_join(bh_task task, struct bh_result *res, int64_t deadline)
{
	struct bh_tcb *t;
	int err = bh_child_of(task, &t);

	if (err)
		return err;
	bh_coop(); /* whatever it says: what has ended is taken, the rest says it again */
	while (!bh_child_ended(t)) {
		err = bh_rt_suspend(BH_WAIT_JOIN, task, deadline);
		if (err && !bh_child_ended(t))
			return err;
	}
	reap(t, task, res);
	return 0;
}

int bh_join_or_gone(bh_task task, struct bh_result *res, bh_io io, enum bh_gone when,
		    int64_t deadline)
{
	struct bh_ioslot *s;
	struct bh_tcb *t;
	int err = bh_child_of(task, &t);

	if (!err)
		err = bh_io_of(io, &s);
	if (err)
		return err;
	bh_coop();
	while (!err && !bh_child_ended(t)) {
		err = bh_gone_arm(s, when);
		if (!err)
			err = bh_rt_suspend(BH_WAIT_JOIN, task, deadline);
		bh_gone_disarm(s);
	}
	if (!bh_child_ended(t))
		return err;
	reap(t, task, res);
	return 0;
}

int bh_poll_join(struct bh_cx *cx, bh_task task, struct bh_result *res)
{
	struct bh_tcb *t;
	int err = bh_child_of(task, &t);

	if (err)
		return err;
	if (!bh_child_ended(t)) {
		/* Not wait_on: an inline state may lie there. Its end wakes the parent. */
		cx->task->wait = BH_WAIT_SUSPEND;
		return -EAGAIN;
	}
	err = bh_coop_poll(cx);
	if (err)
		return err;
	reap(t, task, res);
	return 0;
}

int bh_detach(bh_task task)
{
	struct bh_tcb *t;
	int err = bh_child_of(task, &t);

	if (!err)
		bh_child_drop(t, bh_handle_idx(task), true);
	return err;
}

int bh_reply_room(size_t len, void **out)
{
	struct bh_tcb *t = bh_rt.task;
	uint32_t cls = len > REPLY_MAX ? BH_CLASSES : bh_class_of(len + BH_HEAP_REPLY_HEADER);
	uint32_t old, ref;
	struct bh_block *b;

	if (!t || cls >= BH_CLASSES)
		return t ? -E2BIG : bh_rt_no_task(-EPERM);
	old = bh_ld_rlx(&t->reply);
	if (old) {
		bh_st_rlx(&bh_rt.me->journal.block, old);
		bh_compiler_barrier();
		bh_st_rlx(&t->reply, 0);
		bh_block_free(old, bh_rt.handle);
	}
	ref = bh_block_take(t, bh_rt.handle, cls, &t->reply);
	b = bh_block_at(&bh_rt.v, ref);
	if (!b)
		return -ENOMEM;
	*out = bh_heap_reply_init(bh_block_data(&bh_rt.v, ref), len);
	b->len = (uint32_t)len;
	return 0;
}

int bh_reply(const void *data, size_t len)
{
	void *to;
	int err = bh_reply_room(len, &to);

	if (!err && len)
		memcpy(to, data, len);
	return err;
}

int bh_crash_wait(struct bh_crash *crash, int64_t deadline)
{
	struct bh_arena_crash *c = &bh_rt.v.a->crash[crash->id % BH_ARENA_CRASHES];

	for (;;) {
		if (!crash->id || bh_ld_acq(&c->id) != crash->id)
			return -BH_ESTALE;
		crash->restart_us = bh_ld_rlx(&c->restart_us);
		if (crash->restart_us)
			return 0;
		int64_t next = bh_after(BH_MS(1));
		int err = bh_rt_suspend(BH_WAIT_SLEEP, 0, next < deadline ? next : deadline);
		if (err == -BH_ECANCELED || err == -EDEADLK || err == -BH_EFORKED)
			return err;
		/* Its deadline, or the limit of a bh_run_until(). */
		if (bh_now() >= deadline || (err == -BH_ETIMEDOUT && bh_now() < next))
			return -BH_ETIMEDOUT;
	}
}
