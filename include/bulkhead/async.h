/* SPDX-License-Identifier: MIT */
/*
 * async.h: poll tasks that read as straight code.
 *
 * A poll task is called again and again, and each time has to find out how far it
 * had come. These macros write that down: await in the middle of a function, a loop
 * or an if, and the next poll goes on there.
 *
 *     struct greeter {
 *             struct bh_async async; // zero: at the beginning
 *             int i;                 // what must last across an await lives here
 *     };
 *
 *     static enum bh_poll greeter(struct bh_cx *cx, void *state)
 *     {
 *             struct greeter *g = state;
 *
 *             BH_ASYNC_BEGIN(cx, &g->async);
 *             for (g->i = 0; g->i < 3; g->i++) {
 *                     puts("hello");
 *                     BH_AWAIT_SLEEP(BH_S(1));
 *             }
 *             BH_ASYNC_END();
 *     }
 *
 *     struct greeter g = { 0 };
 *     err = bh_spawn_poll(NULL, greeter, &g, sizeof(g), NULL);
 *
 * Between BEGIN and END is a switch on the line where the task waits. Hence the
 * limits, all of which but the second the compiler reports:
 *
 *   - at most one await a line, and none inside a switch of your own;
 *   - a local variable has no value after an await: keep in the state what must last
 *     (a pointer to the state itself, set before BEGIN, is fine);
 *   - no variable-length array, and nothing with a cleanup attribute, may be in scope
 *     at an await;
 *   - awaits stand in the poll function itself. What you would split off into an async
 *     function of its own is a child task to join, or another poll function that is
 *     awaited with its own state: BH_AWAIT_POLL().
 *
 * Cancel and crash: as for every poll task. An aborted task is not polled again, so
 * its code after the await never runs; the runtime releases all that it owns.
 */
#ifndef BULKHEAD_ASYNC_H
#define BULKHEAD_ASYNC_H

#include <errno.h>

#include <bulkhead/net.h>
#include <bulkhead/task.h>
#include <bulkhead/time.h>

/* Where the task waits: a member of its state, zero at first. */
struct bh_async {
	int64_t deadline; /* of BH_AWAIT_SLEEP() */
	uint32_t line;    /* of the await the task is in; 0: not begun */
	uint32_t reserved;
};

#define BH_ASYNC_BEGIN(cx, async)                        \
	struct bh_cx *const bh_async_cx_ = (cx);         \
	struct bh_async *const bh_async_here_ = (async); \
	switch (bh_async_here_->line) {                  \
	default:                                         \
		__builtin_trap(); /* not a line of it */ \
	case 0:

/* The end of the function: the task is done, with value 0. */
#define BH_ASYNC_END()      \
	}                   \
	(void)bh_async_cx_; \
	return BH_READY

/* The task is done; @value is what its joiner gets. */
#define BH_ASYNC_RETURN(value)                         \
	do {                                           \
		bh_poll_result(bh_async_cx_, (value)); \
		return BH_READY;                       \
	} while (0)

/* The point that the next poll goes on from. */
#define BH_ASYNC_POINT_                  \
	bh_async_here_->line = __LINE__; \
	__attribute__((fallthrough));    \
	case __LINE__:

/* @result (a member of the state, or used before the next await) = @op, an
 * operation of the bh_poll_...() kind, once it no longer says -EAGAIN. */
#define BH_AWAIT(result, op)                    \
	do {                                    \
		BH_ASYNC_POINT_(result) = (op); \
		if ((result) == -EAGAIN)        \
			return BH_PENDING;      \
	} while (0)

/* The same; -BH_ETIMEDOUT if that takes until @deadline (in the state). */
#define BH_AWAIT_BY(result, op, deadline)                           \
	do {                                                        \
		BH_ASYNC_POINT_(result) = (op);                     \
		if ((result) == -EAGAIN && bh_now() < (deadline)) { \
			bh_poll_at(bh_async_cx_, (deadline));       \
			return BH_PENDING;                          \
		}                                                   \
		if ((result) == -EAGAIN)                            \
			(result) = -BH_ETIMEDOUT;                   \
	} while (0)

/* Until @condition holds; it is looked at when the task is woken (bh_wake()). */
#define BH_AWAIT_UNTIL(condition)          \
	do {                               \
		BH_ASYNC_POINT_            \
		if (!(condition))          \
			return BH_PENDING; \
	} while (0)

/* Until the poll function @fn is done with its own @state (inside this task's). */
#define BH_AWAIT_POLL(fn, state) BH_AWAIT_UNTIL((fn)(bh_async_cx_, (state)) == BH_READY)

/* For @ns; never shorter. */
#define BH_AWAIT_SLEEP(ns)                                                                  \
	do {                                                                                \
		bh_async_here_->deadline = bh_after(ns);                                    \
		BH_ASYNC_POINT_                                                             \
		if (bh_poll_sleep_until(bh_async_cx_, bh_async_here_->deadline) == -EAGAIN) \
			return BH_PENDING;                                                  \
	} while (0)

/* Lets other tasks run. */
#define BH_AWAIT_YIELD()                         \
	do {                                     \
		bh_async_here_->line = __LINE__; \
		bh_poll_again(bh_async_cx_);     \
		return BH_PENDING;               \
	case __LINE__:;                          \
	} while (0)

#endif
