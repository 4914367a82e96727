/* SPDX-License-Identifier: MIT */
/*
 * coop.c: the budget of a poll.
 *
 * A fiber whose sockets are always ready would never wait, and nothing else would
 * run in its worker. So every operation that might have waited, and did not, spends
 * one of a poll's budget, and the one that finds it spent lets others run first.
 * The budget is the worker's, refilled for each task that it takes from a queue; a
 * task from the LIFO slot lives on what its waker left, for two tasks that wake
 * each other are one long poll to everybody else.
 */
#include "workers/wait/coop.h"

#include <errno.h>

#include "workers/base/rt.h"
#include "workers/wait/fiber.h"

bool bh_coop_spend(void)
{
	if (bh_rt.budget) {
		bh_rt.budget--;
		return true;
	}
	if (!bh_rt.task)
		return false;
	if (bh_rt.task->opts & BH_TASK_UNCONSTRAINED)
		return true;
	bh_count(&bh_rt.me->count.budget_yields, 1);
	return false;
}

int bh_coop(void)
{
	struct bh_tcb *t = bh_rt.task;

	if (!t || t->kind != BH_KIND_FIBER || bh_coop_spend())
		return 0;
	int err = bh_yield();
	if (!err && bh_fiber_here()->limit <= bh_now())
		err = -BH_ETIMEDOUT;
	return err;
}

int bh_coop_poll(struct bh_cx *cx)
{
	if (bh_coop_spend())
		return 0;
	if (bh_rt.forked)
		return -BH_EFORKED;
	cx->again = true;
	return -EAGAIN;
}

int bh_unconstrained(int on)
{
	struct bh_tcb *t = bh_rt.task;

	if (!t)
		return bh_rt_no_task(-EPERM);
	t->opts =
		(uint8_t)(on ? t->opts | BH_TASK_UNCONSTRAINED : t->opts & ~BH_TASK_UNCONSTRAINED);
	return 0;
}
