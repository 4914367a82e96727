/* SPDX-License-Identifier: MIT */
/*
 * scope.c: sets of children that are waited for together: an array of handles in
 * the memory of the task, which alone touches it.
 *
 * A child's end wakes its parent; which one it was the parent finds by looking. It
 * goes on looking from where it stopped, so a round over the whole set finds all
 * that ended meanwhile, rather than one.
 */
#include <errno.h>

#include "workers/base/rt.h"
#include "workers/wait/fiber.h"
#include "workers/wait/suspend.h"

struct bh_scope {
	bh_task *child;
	size_t count, room;
	size_t at; /* where the search goes on */
};

int bh_scope_open(struct bh_scope **out)
{
	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	*out = bh_calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

static int reserve(struct bh_scope *s)
{
	size_t room = s->room ? 2 * s->room : 6;
	bh_task *child;

	if (s->count < s->room)
		return 0;
	child = bh_realloc(s->child, room * sizeof(*child));
	if (!child)
		return -ENOMEM;
	s->child = child;
	s->room = room;
	return 0;
}

int bh_scope_spawn(struct bh_scope *s, bh_fiber_fn fn, const void *arg, size_t len,
		   const struct bh_spawn_opts *opts)
{
	int err = bh_rt.task ? reserve(s) : bh_rt_no_task(-EPERM);

	if (!err)
		err = bh_spawn(&s->child[s->count], fn, arg, len, opts);
	s->count += !err;
	return err;
}

int bh_scope_add(struct bh_scope *s, bh_task child)
{
	struct bh_tcb *t = bh_tcb_of(&bh_rt.v, child);
	int err;

	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	if (!t)
		return -BH_ESTALE;
	if (bh_ld_rlx(&t->parent) != bh_rt.handle)
		return -EPERM;
	if (bh_ld_rlx(&t->state) & BH_DETACHED)
		return -BH_ESTALE;
	err = reserve(s);
	if (!err)
		s->child[s->count++] = child;
	return err;
}

size_t bh_scope_count(const struct bh_scope *s)
{
	return s->count;
}

static void take_out(struct bh_scope *s, size_t i)
{
	s->child[i] = s->child[--s->count];
}

/* 0: one had ended; -EAGAIN: none has; -ENOENT. */
static int take_ended(struct bh_scope *s, bh_task *which, struct bh_result *res)
{
	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	for (size_t left = s->count; left--; s->at++) {
		if (s->at >= s->count)
			s->at = 0;
		bh_task child = s->child[s->at];
		struct bh_tcb *t = bh_tcb_of(&bh_rt.v, child);

		if (t && bh_state_of(bh_ld_acq(&t->state)) != BH_DONE)
			continue;
		take_out(s, s->at);
		/* Stale: it was joined, or detached, behind the scope's back. */
		if (bh_join(child, res, BH_NOWAIT))
			return s->count ? -EAGAIN : -ENOENT;
		if (which)
			*which = child;
		return 0;
	}
	return s->count ? -EAGAIN : -ENOENT;
}

int bh_scope_next(struct bh_scope *s, bh_task *which, struct bh_result *res, int64_t deadline)
{
	int err, waited = 0;

	for (;;) {
		err = take_ended(s, which, res);
		if (err != -EAGAIN || waited)
			return err == -EAGAIN ? waited : err;
		/* The last look comes after the wait is over, however it ended. */
		waited = bh_rt_suspend(BH_WAIT_CHILDREN, 0, deadline);
	}
}

int bh_poll_scope_next(struct bh_cx *cx, struct bh_scope *s, bh_task *which, struct bh_result *res)
{
	cx->task->wait = BH_WAIT_CHILDREN;
	return take_ended(s, which, res);
}

int bh_scope_wait(struct bh_scope *s, int64_t deadline)
{
	struct bh_result res;
	int err, others = 0;

	while (!(err = bh_scope_next(s, NULL, &res, deadline))) {
		others += res.end != BH_END_RETURNED;
		bh_free(res.data);
	}
	return err == -ENOENT ? others : err;
}

void bh_scope_abort(struct bh_scope *s)
{
	for (size_t i = 0; i < s->count; i++)
		bh_abort(s->child[i]);
}

void bh_scope_close(struct bh_scope *s)
{
	struct bh_fiber *f = bh_fiber_self();

	if (!s || bh_rt.forked)
		return;
	bh_scope_abort(s);
	if (f) {
		int64_t limit = f->limit;

		f->limit = BH_FOREVER;
		f->shielded++;
		if (bh_scope_wait(s, BH_FOREVER) < 0)
			s->count = 0;
		f->shielded--;
		f->limit = limit;
	}
	for (size_t i = 0; i < s->count; i++)
		bh_detach(s->child[i]);
	bh_free(s->child);
	bh_free(s);
}
