/* SPDX-License-Identifier: MIT */
/*
 * fiber.h: what the runtime keeps of a fiber beside its tcb: at the top of its
 * stack, so it costs nothing to those tasks that have none, is valid in every
 * worker, and goes away with the stack. Only the fiber itself touches it.
 */
#ifndef BH_WORKERS_WAIT_FIBER_H
#define BH_WORKERS_WAIT_FIBER_H

#include "workers/base/context.h"
#include "workers/base/rt.h"

/* A bh_token_run() that the fiber is in; lies in that call's frame. */
struct bh_token_guard {
	bh_token token;
	struct bh_token_guard *outer;
};

struct bh_fiber {
	int64_t limit;     /* of the bh_run_until()s it is in; BH_FOREVER: of none */
	uint32_t shielded; /* > 0: it waits although it was aborted */
	struct bh_token_guard *guards;
} __attribute__((aligned(16)));

/* Stacks lie at multiples of their size: the same line of each would fall into the same
 * few sets of the caches, and a thousand fibers would fight over them. So tops differ, by
 * less than a page, so that a small fiber still touches one. */
enum {
	BH_STACK_COLORS = 16,
	BH_STACK_COLOR_BYTES = 128
};

static inline struct bh_fiber *bh_fiber_at(uint32_t stack)
{
	unsigned char *top = (unsigned char *)bh_block_data(&bh_rt.v, stack) +
			     bh_class_bytes(bh_block_class(stack));

	top -= bh_block_idx(stack) % BH_STACK_COLORS * BH_STACK_COLOR_BYTES;
	return (struct bh_fiber *)(void *)top - 1;
}

/* Of the running task, which is a fiber. */
static inline struct bh_fiber *bh_fiber_here(void)
{
	return bh_fiber_at(bh_ld_rlx(&bh_rt.task->stack));
}

/* Of the running task; NULL: it is no fiber. */
static inline struct bh_fiber *bh_fiber_self(void)
{
	struct bh_tcb *t = bh_rt.task;

	return t && t->kind == BH_KIND_FIBER ? bh_fiber_here() : NULL;
}

/* Where a fiber that does not run has its registers. */
static inline struct bh_context *bh_fiber_context(struct bh_tcb *t)
{
	_Static_assert(sizeof(struct bh_context) == sizeof(t->sp),
		       "a context is its stack pointer");
	return (struct bh_context *)&t->sp;
}

/* Makes the first frame of the running task. The service's main, which the zygote has
 * spawned, gets its stack here; of all others it was taken by the spawn. */
int bh_fiber_start(struct bh_tcb *t);

#endif
