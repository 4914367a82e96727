/* SPDX-License-Identifier: MIT */
/* fiber.c: how a fiber begins, and its end on its own stack. */
#include "workers/wait/fiber.h"

#include <errno.h>

#include "workers/base/context.h"
#include "workers/base/rt.h"
#include "workers/crash/fork.h"
#include "workers/owned/blocks.h"
#include "workers/owned/defer.h"

/* Entry of every fiber, on its own stack. */
static void fiber_main(void *arg)
{
	struct bh_tcb *t = arg;

	int64_t value = ((bh_fiber_fn)t->fn)((void *)t->arg);

	if (bh_rt.forked)
		bh_forked_end(value);
	bh_defers_run(t);
	t->value = value; /* now that nothing can crash that the key is for */
	bh_rt.after = BH_AFTER_END;
	bh_context_switch(bh_fiber_context(t), &bh_rt.loop);
	__builtin_unreachable();
}

int bh_fiber_start(struct bh_tcb *t)
{
	uint32_t ref = bh_ld_rlx(&t->stack);

	if (!ref && !(ref = bh_block_take(t, bh_rt.handle, BH_STACK_CLASS, &t->stack)))
		return -ENOMEM;
	struct bh_fiber *f = bh_fiber_at(ref);
	*f = (struct bh_fiber){ .limit = BH_FOREVER };
	bh_context_make(bh_fiber_context(t), f, fiber_main, t);
	return 0;
}
