/* SPDX-License-Identifier: MIT */
/*
 * blocking.h: work that blocks, or computes for long, without holding up a worker.
 *
 * bh_spawn_blocking() runs a function in one of the service's blocking processes:
 * forks of the same image as its workers, with the same arena and the same
 * descriptors. They are made on demand, up to `blocking.max` of the configuration
 * (default 512), and a process without a job for `blocking.keep_alive`
 * (10 s) ends. Jobs beyond the limit wait, first come, first served.
 *
 * A job is a task: it is joined, detached, aborted and named as any other, has
 * bh_alloc() and bh_reply(), may own a socket, may spawn tasks, and is counted and
 * quarantined by its type. Two things are different:
 *
 *   It may block in anything (read(2), flock(2), a library that computes), but in
 *   no bh_ call: bh_ calls that would wait answer -EDEADLK. A job uses bh_now() and
 *   nanosleep(2) where a fiber would use bh_sleep().
 *
 *   It can be aborted at any moment, in the middle of an endless loop: bh_abort()
 *   ends its process (SIGKILL), and the job ends as BH_END_CANCELED without having
 *   run another instruction. Its open files are closed, which releases its file locks;
 *   a half-written file is left as it was, and its bh_defer() clean-ups do not run. A
 *   job that waits for a process never begins, and ends at once, even if all are busy.
 *
 * A job that crashes takes only its process along. It ends as BH_END_CRASHED with a
 * report (crash.worker is 64 + the number of its process), or starts again if
 * opts->on_crash says so. crash.restart_us is the time until its process was
 * cleaned up after; the next job gets a new process if it needs one.
 *
 * malloc() memory and globals are private to a process and stay in it from one job
 * to the next, as in a thread's thread-locals: a job must not rely on either.
 */
#ifndef BULKHEAD_BLOCKING_H
#define BULKHEAD_BLOCKING_H

#include <bulkhead/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Runs @fn with a copy of @arg (@len bytes) in a blocking process. Parameters,
 * ownership and errors are bh_spawn()'s; opts->stack_bytes is not used, for a job
 * runs on the stack of its process (8 MiB, as the system's limits have it), and
 * opts->pinned is refused (-EINVAL), for a job as for what a job spawns.
 *
 * When the caller ends, the job is aborted, as any child, unless it was detached
 * or opts->detach_on_end is set.
 */
BH_API int bh_spawn_blocking(bh_task *out, bh_fiber_fn fn, const void *arg, size_t len,
			     const struct bh_spawn_opts *opts) BH_NODISCARD;

/*
 * Calls @fn(@arg), which may block in anything, here and now, and returns its
 * value. Tasks queued at this worker go to the other workers before, and so do
 * tasks that @fn wakes or spawns; pinned tasks wait until @fn returns. @fn must not make a
 * bh_ call that can wait.
 *
 * The service has one worker less meanwhile: no process replaces the blocked worker,
 * so if all workers are in this call, the service's other tasks wait. Use
 * bh_spawn_blocking() for work that takes long, must outlive a crash of its caller, or has
 * to be aborted. Limits on polls (hogs, hangs) go on
 * counting. A crash in @fn is a crash of the calling task, and of no other.
 */
BH_API int64_t bh_block_in_place(bh_fiber_fn fn, void *arg);

/* Notes what the function is called: see Names in task.h. */
#ifndef __cplusplus
#define bh_spawn_blocking(out, fn, ...) \
	bh_spawn_blocking(out, bh_fiber_called(fn, #fn), __VA_ARGS__)
#endif

#ifdef __cplusplus
}
#endif
#endif
