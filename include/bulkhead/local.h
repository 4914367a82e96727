/* SPDX-License-Identifier: MIT */
/*
 * local.h: a set of tasks that share one process, for code that cannot leave it: a
 * library with thread-locals, a connection kept in malloc memory (what a LocalSet is
 * to Tokio).
 *
 * Its tasks are pinned (task.h) to the process that made the set, and so run one at a
 * time: between two calls that wait they have their common private memory to
 * themselves. The fiber that made the set owns them: it alone may spawn into the set
 * and run it, and need not be in that process itself. When that process dies they end
 * with BH_END_LOST. A task of the set may spawn pinned tasks into the same process itself.
 *
 *     struct bh_local_set set;
 *
 *     err = bh_local_set_init(&set);
 *     if (!err)
 *             err = bh_local_set_spawn(&set, talk, &arg, sizeof(arg), NULL);
 *     if (!err)
 *             err = bh_local_set_run(&set, BH_FOREVER);
 */
#ifndef BULKHEAD_LOCAL_H
#define BULKHEAD_LOCAL_H

#include <bulkhead/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Its fields are the runtime's; `failed` may be read. */
struct bh_local_set {
	bh_task owner;
	uint32_t worker, epoch;
	uint32_t n, room;
	uint32_t failed; /* tasks that ended, but did not return */
	uint32_t reserved;
	bh_task *tasks; /* bh_alloc() memory; NULL when none are left */
};

/* An empty set, in this process. Errors: -EPERM (not in a fiber). */
BH_API int bh_local_set_init(struct bh_local_set *set) BH_NODISCARD;

/* Spawn a task into the set; it may start at once. Errors: as bh_spawn(), -EPERM (not
 * the set's owner), -ENOMEM. */
BH_API int bh_local_set_spawn(struct bh_local_set *set, bh_fiber_fn fn, const void *arg, size_t len,
			      const struct bh_spawn_opts *opts) BH_NODISCARD;
BH_API int bh_local_set_spawn_poll(struct bh_local_set *set, bh_poll_fn fn, const void *state,
				   size_t len, const struct bh_spawn_opts *opts) BH_NODISCARD;

/* Waits until all tasks of the set have ended; it is empty then, and may be used again.
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED (the tasks left stay in the set, and end with their
 * owner), -EPERM. */
BH_API int bh_local_set_run(struct bh_local_set *set, int64_t deadline) BH_NODISCARD;

/* Notes what the function is called: see Names in task.h. */
#ifndef __cplusplus
#define bh_local_set_spawn(set, fn, ...) \
	bh_local_set_spawn(set, bh_fiber_called(fn, #fn), __VA_ARGS__)
#define bh_local_set_spawn_poll(set, fn, ...) \
	bh_local_set_spawn_poll(set, bh_poll_called(fn, #fn), __VA_ARGS__)
#endif

#ifdef __cplusplus
}
#endif
#endif
