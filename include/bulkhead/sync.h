/* SPDX-License-Identifier: MIT */
/*
 * sync.h: mutexes, rwlocks, semaphores and notices: tasks that wait for each other.
 *
 * All of them lie in shared memory and serve the tasks of one service, in any of its
 * workers. They are fair: first come, first served; no call passes tasks that wait already.
 * Locks and permits may be held across calls that wait.
 *
 * bh_X_open() makes an object and bh_X_close() ends it (-EPERM: not the caller's): tasks that
 * wait then are answered -BH_ESTALE. Every other call comes in three kinds:
 *
 *   bh_mutex_lock(m, deadline)      for fibers, which wait; and for blocking jobs, which sleep
 *   bh_mutex_try_lock(m)            for any task: -EAGAIN where the others would wait
 *   bh_poll_mutex_lock(cx, m, &w)   for poll tasks: -EAGAIN, and a wake-up is arranged; @w, a
 *                                   struct bh_waits in the task's state, zero at first, is
 *                                   where it keeps its place in the queue between two polls
 *
 * Ownership. An object belongs to the task that made it, and goes with it: make it in a
 * task that outlives its users (the service's main, say). Its handle may be passed to any
 * task. The system knows what each task holds or waits for, so that no task waits for a
 * task that is gone:
 *
 *                 the holder            a waiting task        the object's owner
 *   returns,      what it holds goes    its place goes to     the object is closed:
 *   is aborted    to the next task      the next task         waiting tasks and all later
 *                                                             calls get -BH_ESTALE
 *   crashes       the same; for a       the same              the same
 *                 mutex, or a rwlock
 *                 held to write, the
 *                 next holder is told
 *                 -BH_EOWNERDEAD
 *
 * A call that answers -BH_ECANCELED or -BH_ETIMEDOUT leaves nothing behind: its place in
 * the queue is given up. If the lock was granted in the same moment, the call answers 0, and
 * the caller holds it.
 *
 * A service may have as many objects as tasks, and two claims (held or waiting) per task on
 * average: limits.tasks of its configuration.
 *
 * Common errors: -BH_ESTALE (the object is gone), -BH_ENOSLOT (too many objects or claims),
 * -EPERM (outside of a task), -EDEADLK (a call that waits, in a poll task), -BH_ETIMEDOUT,
 * -BH_ECANCELED.
 */
#ifndef BULKHEAD_SYNC_H
#define BULKHEAD_SYNC_H

#include <bulkhead/base.h>
#include <bulkhead/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A poll task's place in a queue; part of its state, zero at first and when the call is
 * through. A task that stops calling (after BH_AWAIT_BY() timed out, say) must give it up. */
struct bh_waits {
	uint64_t claim;
};

/* Gives up the place. A lock or permit that was granted meanwhile is released. */
BH_API void bh_waits_leave(struct bh_waits *w);

/* -- mutex ------------------------------------------------------------------------------- */

BH_API int bh_mutex_open(bh_mutex *out) BH_NODISCARD;
BH_API int bh_mutex_close(bh_mutex m);

/*
 * Locks @m: 0, or -BH_EOWNERDEAD: the caller has the lock as well, but the previous holder
 * crashed, so the guarded data may be half changed. One holder is told, once.
 * A task that locks @m again while it holds it waits for ever, or until its deadline.
 */
BH_API int bh_mutex_lock(bh_mutex m, int64_t deadline) BH_NODISCARD;
BH_API int bh_mutex_try_lock(bh_mutex m) BH_NODISCARD;
BH_API int bh_poll_mutex_lock(struct bh_cx *cx, bh_mutex m, struct bh_waits *w) BH_NODISCARD;

/* Errors: -EPERM (the caller does not hold @m). */
BH_API int bh_mutex_unlock(bh_mutex m);

/* -- rwlock ------------------------------------------------------------------------------- */

BH_API int bh_rwlock_open(bh_rwlock *out) BH_NODISCARD;
BH_API int bh_rwlock_close(bh_rwlock l);

/*
 * Many tasks may read, or one may write. A reader that asks behind a waiting writer waits for
 * that writer. *@permit is for bh_permit_release(). 0, or -BH_EOWNERDEAD: the caller has the
 * lock as well, but a writer crashed.
 */
BH_API int bh_rwlock_read(bh_rwlock l, bh_permit *permit, int64_t deadline) BH_NODISCARD;
BH_API int bh_rwlock_try_read(bh_rwlock l, bh_permit *permit) BH_NODISCARD;
BH_API int bh_poll_rwlock_read(struct bh_cx *cx, bh_rwlock l, bh_permit *permit,
			       struct bh_waits *w) BH_NODISCARD;
BH_API int bh_rwlock_write(bh_rwlock l, bh_permit *permit, int64_t deadline) BH_NODISCARD;
BH_API int bh_rwlock_try_write(bh_rwlock l, bh_permit *permit) BH_NODISCARD;
BH_API int bh_poll_rwlock_write(struct bh_cx *cx, bh_rwlock l, bh_permit *permit,
				struct bh_waits *w) BH_NODISCARD;

/* -- semaphore ---------------------------------------------------------------------------- */

/* With @permits to begin with, at most 2^29 ever. Errors: -EINVAL. */
BH_API int bh_semaphore_open(bh_semaphore *out, uint32_t permits) BH_NODISCARD;
BH_API int bh_semaphore_close(bh_semaphore s);

/* Takes @n permits at once; *@permit is for bh_permit_release(). A request for few permits
 * does not pass an earlier one for many. Errors: -EINVAL (@n is 0, or above the maximum). */
BH_API int bh_semaphore_acquire(bh_semaphore s, uint32_t n, bh_permit *permit,
				int64_t deadline) BH_NODISCARD;
BH_API int bh_semaphore_try_acquire(bh_semaphore s, uint32_t n, bh_permit *permit) BH_NODISCARD;
BH_API int bh_poll_semaphore_acquire(struct bh_cx *cx, bh_semaphore s, uint32_t n,
				     bh_permit *permit, struct bh_waits *w) BH_NODISCARD;

/* Adds @n permits. Errors: -EINVAL (there would be too many). */
BH_API int bh_semaphore_add(bh_semaphore s, uint32_t n);

/* How many permits could be taken now; may be out of date when it returns. */
BH_API int64_t bh_semaphore_available(bh_semaphore s);

/* Releases a permit of bh_rwlock_...() or bh_semaphore_...(). Errors: -BH_ESTALE (not the
 * caller's, or released already). */
BH_API int bh_permit_release(bh_permit permit);

/* -- notice -------------------------------------------------------------------------------- */

/* A wake-up for tasks that wait for a condition and check it themselves. */
BH_API int bh_notice_open(bh_notice *out) BH_NODISCARD;
BH_API int bh_notice_close(bh_notice n);

/* Wakes the task that has waited longest. If none waits, the notice is kept for the next task
 * that waits, which returns at once; at most one notice is kept. */
BH_API int bh_notice_one(bh_notice n);

/* Wakes all tasks that wait now; no notice is kept. (If the calling worker crashes in the
 * middle, tasks that began to wait since may be woken, too.) */
BH_API int bh_notice_all(bh_notice n);

/* Waits for a notice. If a task was given a notice and ends before this call could return,
 * the notice goes to the next task. */
BH_API int bh_notice_wait(bh_notice n, int64_t deadline) BH_NODISCARD;
BH_API int bh_notice_try_wait(bh_notice n) BH_NODISCARD;
BH_API int bh_poll_notice_wait(struct bh_cx *cx, bh_notice n, struct bh_waits *w) BH_NODISCARD;

#ifdef __cplusplus
}
#endif
#endif
