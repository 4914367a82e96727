/* SPDX-License-Identifier: MIT */
/* test_tasks.c: task.h, where a unit test would have to stand in for the kernel. */
#include <errno.h>

#include "runtime.h"

static int64_t wait_for_ever(void *unused)
{
	(void)unused;
	return bh_suspend(BH_FOREVER);
}

/* Not even while it runs on: its end will wake nobody. */
TEST(a_detached_task_cannot_be_joined)
{
	bh_task t;

	CHECK(bh_spawn(&t, wait_for_ever, NULL, 0, NULL) == 0);
	CHECK(bh_detach(t) == 0);
	CHECK(bh_join(t, NULL, BH_FOREVER) == -BH_ESTALE);
	CHECK(bh_detach(t) == -BH_ESTALE);
	CHECK(bh_abort(t) == 0);
	EVENTUALLY(bh_abort(t) == -BH_ESTALE);
}

RUNTIME_MAIN("tasks")
