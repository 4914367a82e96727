/* SPDX-License-Identifier: MIT */
/*
 * sync.h: mutexes, rwlocks, semaphores and notices: tasks that wait for each other.
 *
 * All of them lie in shared memory and serve the tasks of one service, in whichever worker
 * those run. They are fair: who asks first is served first, and a call that is let in past
 * others who wait is none of these. They may be held across calls that wait.
 *
 * bh_X_open() makes one and bh_X_close() ends it (-EPERM: it is not the caller's): who waits
 * then is answered -BH_ESTALE. Every other call comes in three kinds:
 *
 *   bh_mutex_lock(m, deadline)      for fibers, which wait; and for blocking jobs, which sleep
 *   bh_mutex_try_lock(m)            for any task: -EAGAIN where the others would wait
 *   bh_poll_mutex_lock(cx, m, &w)   for poll tasks: -EAGAIN, and a wake-up is arranged; @w, a
 *                                   struct bh_waits in the task's state, zero at first, is
 *                                   where it keeps its place in the queue between two polls
 *
 * Whose they are. An object belongs to the task that made it, and goes with it: let that be
 * one that outlives its users (the service's main, say). Its handle may be passed to any
 * task. What a task holds or waits for is known to the system, so that nobody waits for one
 * who is gone:
 *
 *                 its holder            who waits             the object's owner
 *   returns,      what it holds goes    its place goes to     the object is closed: who
 *   is aborted    to the next one       the next one          waits, and each later call,
 *                                                             is answered -BH_ESTALE
 *   crashes       the same; of a mutex  the same              the same
 *                 or a rwlock held to
 *                 write the next holder
 *                 is told -BH_EOWNERDEAD
 *
 * What a call leaves behind that answers -BH_ECANCELED or -BH_ETIMEDOUT: nothing; the place
 * in the queue is given up. What was granted in the same moment is reported: such a call
 * answers 0, and the caller holds it.
 *
 * A service may have as many objects as tasks, and two claims (held, or waiting) a task on
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

/* A poll task's place in a queue; in its state, zero at first and when the call is through.
 * Left alone for good (after BH_AWAIT_BY() timed out, say), it is to be given up. */
struct bh_waits {
	uint64_t claim;
};

/* Gives the place up. What was granted meanwhile is given back. */
BH_API void bh_waits_leave(struct bh_waits *w);

/* -- mutex ------------------------------------------------------------------------------- */

BH_API int bh_mutex_open(bh_mutex *out) BH_NODISCARD;
BH_API int bh_mutex_close(bh_mutex m);

/*
 * Locks it: 0, or -BH_EOWNERDEAD: the caller has it, too, but whoever had it crashed, so that
 * what it guards may be half changed. This is told to one holder, once.
 * A task that has it and locks it again waits for ever, or until its deadline.
 */
BH_API int bh_mutex_lock(bh_mutex m, int64_t deadline) BH_NODISCARD;
BH_API int bh_mutex_try_lock(bh_mutex m) BH_NODISCARD;
BH_API int bh_poll_mutex_lock(struct bh_cx *cx, bh_mutex m, struct bh_waits *w) BH_NODISCARD;

/* Errors: -EPERM (the caller does not have it). */
BH_API int bh_mutex_unlock(bh_mutex m);

/* -- rwlock ------------------------------------------------------------------------------- */

BH_API int bh_rwlock_open(bh_rwlock *out) BH_NODISCARD;
BH_API int bh_rwlock_close(bh_rwlock l);

/*
 * Many may read, or one writes. Who asks to read behind a waiting writer waits for it.
 * *@permit is for bh_permit_release(). 0, or -BH_EOWNERDEAD: the caller has it, too, but one who
 * wrote crashed.
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

/* Takes @n permits at once; *@permit is for bh_permit_release(). Who asks for many is not passed by
 * those who ask for few. Errors: -EINVAL (@n is 0, or more than there can be). */
BH_API int bh_semaphore_acquire(bh_semaphore s, uint32_t n, bh_permit *permit,
				int64_t deadline) BH_NODISCARD;
BH_API int bh_semaphore_try_acquire(bh_semaphore s, uint32_t n, bh_permit *permit) BH_NODISCARD;
BH_API int bh_poll_semaphore_acquire(struct bh_cx *cx, bh_semaphore s, uint32_t n,
				     bh_permit *permit, struct bh_waits *w) BH_NODISCARD;

/* Puts @n more in. Errors: -EINVAL (there would be too many). */
BH_API int bh_semaphore_add(bh_semaphore s, uint32_t n);

/* How many could be taken now: a number that is old when it is read. */
BH_API int64_t bh_semaphore_available(bh_semaphore s);

/* Gives back what bh_rwlock_...() and bh_semaphore_...() gave. Errors: -BH_ESTALE (it is
 * not the caller's, or was given back). */
BH_API int bh_permit_release(bh_permit permit);

/* -- notice -------------------------------------------------------------------------------- */

/* A wake-up for tasks that look whether something has come true. */
BH_API int bh_notice_open(bh_notice *out) BH_NODISCARD;
BH_API int bh_notice_close(bh_notice n);

/* Wakes the task that has waited longest. If none waits, the next one to do so does not wait;
 * of several such notices one is kept. */
BH_API int bh_notice_one(bh_notice n);

/* Wakes all that wait now; none is kept. (If the worker that calls it crashes in the middle,
 * some that began to wait since may be woken, too.) */
BH_API int bh_notice_all(bh_notice n);

/* Waits for a notice. One that was given to a task which ends before it could return from
 * here goes to the next one. */
BH_API int bh_notice_wait(bh_notice n, int64_t deadline) BH_NODISCARD;
BH_API int bh_notice_try_wait(bh_notice n) BH_NODISCARD;
BH_API int bh_poll_notice_wait(struct bh_cx *cx, bh_notice n, struct bh_waits *w) BH_NODISCARD;

#ifdef __cplusplus
}
#endif
#endif
