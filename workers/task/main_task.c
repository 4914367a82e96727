/* SPDX-License-Identifier: MIT */
/* main_task.c: a service's first task: its main(), and what comes of it. */
#include "workers/task/main_task.h"

#include <stdbool.h>
#include <string.h>

#include <bulkhead/cancel.h>
#include <bulkhead/time.h>

#include "ipc/base/monotonic.h"
#include "ipc/protocol/enqueue.h"
#include "workers/base/rt.h"
#include "workers/base/types.h"
#include "workers/task/task.h"

/* Main crashed, and the kernel wants a pause before it runs again. True: the service is
 * asked to stop meanwhile. */
static bool held_back(void)
{
	int64_t left = bh_ld_acq(&bh_rt.v.a->main_after_ns) - bh_monotonic_ns();

	return left > 0 && !bh_token_wait(bh_stop_token(), bh_after(left));
}

/* The value outlives the task, whose slot is used again. Killed before the task has ended,
 * main has crashed and starts again: the kernel believes these words once it has ended. */
static int64_t main_fiber(void *unused)
{
	int64_t value;

	bh_st_rel(&bh_rt.v.a->main_returned_ns, 0);
	if (held_back())
		return 0;
	value = bh_rt.service.main(unused);
	bh_st_rlx(&bh_rt.v.a->main_value, value);
	bh_st_rel(&bh_rt.v.a->main_returned_ns, bh_monotonic_ns());
	return value;
}

int bh_spawn_main(const struct bh_service *service)
{
	static char name[40];
	static struct bh_pool_cache cache;
	struct bh_arena *a = bh_rt.v.a;
	uint32_t idx = bh_pool_take(&bh_rt.v.task_pool, &cache);
	uint64_t word;

	if (bh_ld_acq(&a->booted))
		return 0;
	if (!idx || !bh_state_reserve(&bh_rt.v.tasks[idx].state, BH_OWNER_ZYGOTE, 0, &word))
		return -BH_ENOSLOT;
	struct bh_tcb *t = &bh_rt.v.tasks[idx];
	bh_task_blank(t);
	strncpy(name, service->name ? service->name : "service", sizeof(name) - 6);
	strcat(name, ".main");
	t->fn = (uint64_t)(uintptr_t)main_fiber;
	t->arg = 0;
	t->kind = BH_KIND_FIBER;
	t->type = (uint16_t)bh_type_of((uint64_t)(uintptr_t)service->main, name);
	t->opts = BH_TASK_RESTART;
	t->hog = 0;
	t->restarts = 0xffff;
	bh_st_rlx(&bh_rt.v.tokens[BH_TOKEN_SERVICE].word, 1ull << 32);
	bh_st_rel(&bh_rt.v.tokens[BH_TOKEN_SERVICE].owner, BH_TOKEN_OWNER_SERVICE);
	bh_st_rel(&a->booted, 1);
	bh_state_publish(&t->state, word, BH_DETACHED);
	bh_enqueue_shared(&bh_rt.v, idx);
	while (cache.n)
		bh_pool_give_shared(&bh_rt.v.task_pool, cache.idx[--cache.n]);
	return 0;
}
