/* SPDX-License-Identifier: MIT */
/*
 * blocking.h: work that blocks, or computes for long, without holding up a worker.
 *
 * bh_spawn_blocking() runs a function in one of the service's blocking processes:
 * forks of the same image as its workers, with the same arena and the same
 * descriptors. They are made on demand, up to `blocking.max` of the configuration
 * (512 if it says nothing), and one that has had no job for `blocking.keep_alive`
 * (10 s) ends. Jobs beyond the limit wait, first come, first served.
 *
 * A job is a task: it is joined, detached, aborted and named as any other, has
 * bh_alloc() and bh_reply(), may own a socket, may spawn tasks, and is counted and
 * quarantined by its type. Two things are different:
 *
 *   It may block in anything (read(2), flock(2), a library that computes), but in
 *   no bh_ call: those that would wait answer -EDEADLK. It uses bh_now() and
 *   nanosleep(2) where a fiber would use bh_sleep().
 *
 *   It can be aborted at any moment, in the middle of an endless loop: bh_abort()
 *   ends its process (SIGKILL), and the job ends as BH_END_CANCELED without having
 *   run another instruction. What it had opened is closed, and its locks on files with
 *   that; a half-written file is left as it was, and its bh_defer() clean-ups do not run. A
 *   job that waits to be run never begins, and ends at once, whoever is busy.
 *
 * A job that crashes takes only its process along. It ends as BH_END_CRASHED with a
 * report (crash.worker is 64 + the number of its process), or starts again if
 * opts->on_crash says so. crash.restart_us is the time until its process was
 * cleaned up after; the next job that needs one gets a new one.
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
 * Calls @fn(@arg), which may block in anything, here and now, and returns what it
 * returns. What was queued at this worker goes to the others before, and so does
 * what @fn wakes or spawns; pinned tasks wait for it. @fn must not make a bh_ call
 * that can wait.
 *
 * The service has one worker less meanwhile: nobody takes the place of a worker in
 * here, so with as many of them at a time as the service has workers, its other
 * tasks wait. For what takes long, or is not to be lost with its caller, or has to
 * be aborted, there is bh_spawn_blocking(). Limits on polls (hogs, hangs) go on
 * counting. A crash in @fn is a crash of the calling task, and costs that alone.
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
