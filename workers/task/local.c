/* SPDX-License-Identifier: MIT */
/* local.c: bh_local_set: pinned children of one fiber, and a list of their handles in
 * that fiber's memory. What becomes of them in a crash is what becomes of children. */
#include <bulkhead/local.h>

#include <errno.h>

#include "workers/base/rt.h"
#include "workers/task/task.h"

int bh_local_set_init(struct bh_local_set *set)
{
	if (!bh_rt.task || bh_rt.task->kind != BH_KIND_FIBER)
		return bh_rt_no_task(-EPERM);
	*set = (struct bh_local_set){ .owner = bh_rt.handle,
				      .worker = bh_rt.slot,
				      .epoch = bh_rt.epoch };
	return 0;
}

static bool owned(const struct bh_local_set *set)
{
	return bh_rt.task && set->owner == bh_rt.handle;
}

static int make_room(struct bh_local_set *set)
{
	uint32_t room = set->room ? 2 * set->room : 8;
	bh_task *tasks;

	if (set->n < set->room)
		return 0;
	tasks = bh_realloc(set->tasks, room * sizeof(*tasks));
	if (!tasks)
		return -ENOMEM;
	set->tasks = tasks;
	set->room = room;
	return 0;
}

static int spawn(struct bh_local_set *set, enum bh_task_kind kind, uint64_t fn, const void *arg,
		 size_t len, const struct bh_spawn_opts *opts)
{
	struct bh_home home = { set->worker, set->epoch };
	int err = owned(set) ? make_room(set) : bh_rt_no_task(-EPERM);

	if (!err)
		err = bh_task_spawn(&set->tasks[set->n], kind, fn, arg, len, opts, &home);
	if (!err)
		set->n++;
	return err;
}

int bh_local_set_spawn(struct bh_local_set *set, bh_fiber_fn fn, const void *arg, size_t len,
		       const struct bh_spawn_opts *opts)
{
	return spawn(set, BH_KIND_FIBER, (uint64_t)(uintptr_t)fn, arg, len, opts);
}

int bh_local_set_spawn_poll(struct bh_local_set *set, bh_poll_fn fn, const void *state, size_t len,
			    const struct bh_spawn_opts *opts)
{
	return spawn(set, BH_KIND_POLL, (uint64_t)(uintptr_t)fn, state, len, opts);
}

int bh_local_set_run(struct bh_local_set *set, int64_t deadline)
{
	struct bh_result res;
	int err;

	if (!owned(set))
		return bh_rt_no_task(-EPERM);
	for (; set->n; set->n--) {
		err = bh_join(set->tasks[set->n - 1], &res, deadline);
		if (err)
			return err;
		bh_free(res.data);
		set->failed += res.end != BH_END_RETURNED;
	}
	bh_free(set->tasks);
	set->tasks = NULL;
	set->room = 0;
	return 0;
}
