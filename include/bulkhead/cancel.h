/* SPDX-License-Identifier: MIT */
/*
 * cancel.h: cleaning up, tokens, and scopes.
 *
 * How a task is made to end. Canceling is cooperative: bh_abort() (task.h) wakes
 * the task, and each call of it that waits answers -BH_ECANCELED from then on. It
 * is expected to return; its clean-ups run; what it owns is released; its joiner
 * is told. A poll task is not polled again: its clean-ups run at once.
 *
 * What each call that waits leaves behind when the abort comes in the middle:
 *
 *   bh_read, bh_readv, bh_accept,     nothing was taken from the socket: what was
 *   bh_readable, bh_writable          read is always reported
 *   bh_read_exact                     perhaps a part was read: the stream is of no
 *   bh_write, bh_writev               more use; the same of a part sent
 *   bh_sendfile                       *offset says how much was sent
 *   bh_connect, bh_connect_any        nothing: the socket is closed
 *   bh_resolve                        nothing
 *   bh_recv_from, bh_recv_batch,      nothing was taken, nothing was sent
 *   bh_send_to
 *   bh_send_io                        nothing was sent, the descriptor is the caller's
 *   bh_recv_io                        nothing was taken
 *   bh_send_batch                     it says how many were sent
 *   bh_join, bh_join_or_gone,
 *   bh_scope_next                     the handle stays valid, the result is there
 *   bh_reader_...                     what was read is in the reader: call again
 *   bh_writer_...                     what was not sent is in the writer: call again
 *   bh_copy, bh_copy_both             perhaps a part was read and not written
 *   bh_sleep, bh_suspend, bh_yield    nothing; a wake-up is not kept
 *   bh_interval_tick                  the tick is not used up
 *   bh_run_until                      depends on the calls that the function makes
 *   bh_fs_...                         see fs.h
 *
 * The same holds for -BH_ETIMEDOUT.
 */
#ifndef BULKHEAD_CANCEL_H
#define BULKHEAD_CANCEL_H

#include <bulkhead/base.h>
#include <bulkhead/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Has @fn(@arg) called when the running task ends, whether it returns or was
 * aborted: in reverse order of registration, before anything that the task owns is
 * released. A fiber's clean-ups run on its stack, after its function has returned: so @arg
 * must not point into that function's frame (bh_alloc() it, or pass a value). Calls that
 * wait answer -BH_ECANCELED in the clean-ups of an aborted task, and -EDEADLK in the
 * clean-ups of a poll task.
 *
 * Not called when the task crashes: its worker's state is unknown then, so the
 * system cleans up by releasing all that the task owned.
 *
 * Errors: -ENOMEM, -EPERM (outside of a task).
 */
BH_API int bh_defer(void (*fn)(void *arg), void *arg) BH_NODISCARD;

/* -- tokens ------------------------------------------------------------------------ */

/*
 * A token is a flag that any number of tasks of the service can look at and wait
 * for. It is set once. Tokens form a tree, at most 16 deep: canceling a token cancels
 * all below it. Its handle may be passed to any task.
 *
 * A token belongs to the task that made it. When that task ends, in any way, or closes
 * it, the token is canceled and gone: tasks that wait for it are told, and its handle
 * answers -BH_ESTALE. So "not 0" from the calls below always means "stop".
 *
 * A service has as many tokens as sockets (limits.sockets of its configuration).
 */

/* Makes a token; @parent 0: the root of a tree. Canceled at once if its parent is.
 * Errors: -BH_ENOSLOT, -ENOMEM, -BH_ESTALE (@parent is gone), -ELOOP (too deep),
 * -EPERM (outside of a task). */
BH_API int bh_token_open(bh_token *out, bh_token parent) BH_NODISCARD;

/* Cancels @token and all below it, and wakes the tasks that wait. Any task may cancel; a
 * second cancel does nothing. Errors: -BH_ESTALE, -EPERM (the service's own token, or no
 * service runs here). */
BH_API int bh_token_cancel(bh_token token);

/* Cancels and frees @token. Errors: -BH_ESTALE, -EPERM (not the caller's). */
BH_API int bh_token_close(bh_token token);

/* 1: canceled; 0: not; -BH_ESTALE. */
BH_API int bh_token_canceled(bh_token token);

/* Suspends the running fiber until @token is canceled: 0. Errors: -BH_ESTALE,
 * -BH_ETIMEDOUT, -BH_ECANCELED (the caller was aborted), -EDEADLK. */
BH_API int bh_token_wait(bh_token token, int64_t deadline) BH_NODISCARD;

/* For poll tasks: 0 if it is canceled; -EAGAIN: not yet, a wake-up is arranged, for
 * each later poll too. Errors: -BH_ESTALE. */
BH_API int bh_poll_token_wait(struct bh_cx *cx, bh_token token) BH_NODISCARD;

/*
 * Runs @fn(@arg), in this fiber; once the token is canceled, every call in it that
 * waits answers -BH_ECANCELED. It may nest, with other tokens and with bh_run_until().
 *
 * Returns 0, or -BH_ECANCELED if the token is canceled by the time @fn returned;
 * *@value (may be NULL) is what @fn returned, either way. Errors: -BH_ESTALE and
 * -EDEADLK (@fn was not called).
 */
BH_API int bh_token_run(bh_token token, int64_t (*fn)(void *arg), void *arg, int64_t *value);

/*
 * The service's own token: canceled when the service is asked to stop, as
 * bh_stopping() tells. A service with work to finish waits for this token, and then
 * has until the grace period of the configuration ends; tasks that still run are killed.
 */
BH_API bh_token bh_stop_token(void);

/* -- scopes ------------------------------------------------------------------------ */

/*
 * A scope is a set of children of the running task that are waited for together, in
 * the order in which they end; Tokio calls it a JoinSet. It belongs to the task that
 * opened it, lies in its memory, and only that task may use it. When the task ends,
 * its children end with it, closed scope or not.
 *
 *     bh_scope_open(&s);
 *     for (...)
 *             bh_scope_spawn(s, fetch, &url, sizeof(url), NULL);
 *     bh_scope_next(s, NULL, &res, deadline);      // the first to answer
 *     bh_scope_close(s);                           // ends the rest
 */
struct bh_scope;

/* Errors: -ENOMEM, -EPERM (outside of a task). */
BH_API int bh_scope_open(struct bh_scope **out) BH_NODISCARD;

/* Spawns a fiber in the scope; as bh_spawn(). */
BH_API int bh_scope_spawn(struct bh_scope *s, bh_fiber_fn fn, const void *arg, size_t len,
			  const struct bh_spawn_opts *opts) BH_NODISCARD;

/* Puts a child that was spawned by other means in the scope, which joins it from now
 * on. Errors: -ENOMEM, -BH_ESTALE, -EPERM (not a child of the caller). */
BH_API int bh_scope_add(struct bh_scope *s, bh_task child) BH_NODISCARD;

/* How many of its children have not been joined yet. */
BH_API size_t bh_scope_count(const struct bh_scope *s);

/*
 * Waits until one of the children ends, takes its result as bh_join() does, and
 * takes it out of the scope. *@which (may be NULL) gets its handle, stale by then.
 *
 * Errors: -ENOENT (no child is left), -BH_ETIMEDOUT, -BH_ECANCELED, -EDEADLK (from a
 * poll task).
 */
BH_API int bh_scope_next(struct bh_scope *s, bh_task *which, struct bh_result *res,
			 int64_t deadline) BH_NODISCARD;

/* For poll tasks: as bh_scope_next(), but -EAGAIN when none has ended (a wake-up is
 * arranged). */
BH_API int bh_poll_scope_next(struct bh_cx *cx, struct bh_scope *s, bh_task *which,
			      struct bh_result *res) BH_NODISCARD;

/* Waits for all children and drops their results. Returns how many did not return
 * (crashed, were aborted, ...), or an error as bh_scope_next(). */
BH_API int bh_scope_wait(struct bh_scope *s, int64_t deadline) BH_NODISCARD;

/* Aborts all children that are left; bh_scope_next() still reports each. */
BH_API void bh_scope_abort(struct bh_scope *s);

/*
 * Aborts the children that are left, waits until they have ended (even if the caller was
 * aborted itself: no child outlives its scope) and frees the scope. A poll task cannot wait:
 * there, children that have not ended yet are detached. @s may be NULL.
 */
BH_API void bh_scope_close(struct bh_scope *s);

/* Notes what the function is called: see Names in task.h. */
#ifndef __cplusplus
#define bh_scope_spawn(s, fn, ...) bh_scope_spawn(s, bh_fiber_called(fn, #fn), __VA_ARGS__)
#endif

#ifdef __cplusplus
}
#endif
#endif
