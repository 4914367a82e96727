/* SPDX-License-Identifier: MIT */
/*
 * defer.c: clean-ups of the running task.
 *
 * They lie in blocks of the task's list that are marked by their length, filled from
 * the front; the newest block stands first in the list, so a walk finds the newest
 * clean-up first. Only the task touches them; after a crash they are never read.
 */
#include "workers/owned/defer.h"

#include <errno.h>

#include "workers/base/rt.h"
#include "workers/owned/blocks.h"

#define DEFERS_MARK 0xdefe0000u /* a length that no block has */

enum {
	DEFERS_CLASS = 0,
	DEFERS_MAX = 15
};

struct defers {
	uint64_t count;
	uint64_t reserved;
	struct {
		void (*fn)(void *arg);
		void *arg;
	} e[DEFERS_MAX];
};
_Static_assert(sizeof(struct defers) <= 256, "fits a block of the smallest class");

/* The newest block of clean-ups that is not empty (@full: or not full). */
static struct defers *newest(struct bh_tcb *t, bool room)
{
	struct bh_block *b;

	for (uint32_t ref = bh_ld_rlx(&t->blocks); (b = bh_block_at(&bh_rt.v, ref));
	     ref = bh_ld_rlx(&b->next)) {
		struct defers *d = bh_block_data(&bh_rt.v, ref);

		if (b->len != DEFERS_MARK)
			continue;
		if (room)
			return d->count < DEFERS_MAX ? d : NULL;
		if (d->count)
			return d;
	}
	return NULL;
}

static struct defers *add_block(struct bh_tcb *t)
{
	uint32_t ref = bh_block_take(t, bh_rt.handle, DEFERS_CLASS, NULL);
	struct bh_block *b = bh_block_at(&bh_rt.v, ref);
	struct defers *d;

	if (!b)
		return NULL;
	d = bh_block_data(&bh_rt.v, ref);
	d->count = 0;
	b->len = DEFERS_MARK;
	t->opts |= BH_TASK_DEFERS;
	return d;
}

int bh_defer(void (*fn)(void *arg), void *arg)
{
	struct bh_tcb *t = bh_rt.task;
	struct defers *d;

	if (!t)
		return bh_rt_no_task(-EPERM);
	d = t->opts & BH_TASK_DEFERS ? newest(t, true) : NULL;
	if (!d)
		d = add_block(t);
	if (!d)
		return -ENOMEM;
	d->e[d->count].fn = fn;
	d->e[d->count].arg = arg;
	d->count++;
	return 0;
}

/* Takes entry @i out of @d. */
static void take_out(struct defers *d, uint64_t i)
{
	for (d->count--; i < d->count; i++)
		d->e[i] = d->e[i + 1];
}

void bh_defer_drop(void (*fn)(void *arg), const void *arg)
{
	struct bh_block *b;

	for (uint32_t ref = bh_ld_rlx(&bh_rt.task->blocks); (b = bh_block_at(&bh_rt.v, ref));
	     ref = bh_ld_rlx(&b->next)) {
		struct defers *d = bh_block_data(&bh_rt.v, ref);

		if (b->len != DEFERS_MARK)
			continue;
		for (uint64_t i = d->count; i-- > 0;)
			if (d->e[i].fn == fn && d->e[i].arg == arg) {
				take_out(d, i);
				return;
			}
	}
}

void bh_defers_run(struct bh_tcb *t)
{
	struct defers *d;

	/* Each may register, allocate and free: the list is walked anew for each. */
	while ((t->opts & BH_TASK_DEFERS) && (d = newest(t, false)) && d->count <= DEFERS_MAX) {
		uint64_t i = --d->count;

		d->e[i].fn(d->e[i].arg);
	}
}
