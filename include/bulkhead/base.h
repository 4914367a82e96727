/* SPDX-License-Identifier: MIT */
/*
 * base.h: what every other public header needs: error values, deadlines,
 * handles, attributes.
 *
 * Errors
 *   Functions return 0 (or a count) on success and a negative errno value on
 *   failure; errno itself is never the channel. bh_strerror() has a text for
 *   each value, the ones below included.
 *
 * Deadlines
 *   Every call that can wait takes an absolute deadline: nanoseconds of
 *   CLOCK_MONOTONIC, as bh_now() returns them. BH_FOREVER waits for ever,
 *   BH_NOWAIT does not wait at all (-BH_ETIMEDOUT at once if there is nothing).
 *   A deadline is never early and late by at most 1 ms plus one wake-up. Durations
 *   are for bh_sleep(), bh_after(), bh_clock_advance() and BH_AWAIT_SLEEP() alone.
 *
 * Handles
 *   bh_task and bh_io are {generation, index} values, not pointers. They may be
 *   stored anywhere and passed to any worker of the service; a handle whose object
 *   is gone is answered with -BH_ESTALE, never with undefined behaviour. 0 is no
 *   object.
 *
 * Names
 *   bh_poll_X() is for poll tasks what bh_X() is for fibers: it takes the poll's context
 *   first, and answers -EAGAIN where bh_X() would wait. An object made by bh_X_open() is the
 *   runtime's, belongs to a task, and ends by bh_X_close() or with that task; bh_X_init()
 *   fills a value of the caller's. The order of parameters: the object that a call acts upon,
 *   then the result that it fills, last the deadline. Times are in ns unless the name says else.
 */
#ifndef BULKHEAD_BASE_H
#define BULKHEAD_BASE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BH_NODISCARD __attribute__((warn_unused_result))
#define BH_API       __attribute__((visibility("default")))

/* The bound of a flexible array at a structure's end; ISO C++ has no flexible arrays. */
#ifdef __cplusplus
#define BH_AT_ITS_END 1
#else
#define BH_AT_ITS_END
#endif

typedef uint64_t bh_task;  /* a task: see task.h */
typedef uint64_t bh_io;    /* a socket or listener: see net.h */
typedef uint64_t bh_token; /* a cancellation token: see cancel.h */
typedef uint64_t bh_mutex, bh_rwlock, bh_semaphore, bh_notice; /* see sync.h */
typedef uint64_t bh_permit; /* a task's hold on a rwlock or a semaphore: likewise */

#define BH_FOREVER INT64_MAX
#define BH_NOWAIT  ((int64_t)0)

/* Durations in nanoseconds. */
#define BH_US(n) ((int64_t)(n)*1000)
#define BH_MS(n) ((int64_t)(n)*1000000)
#define BH_S(n)  ((int64_t)(n)*1000000000)

/*
 * Errors with a meaning of their own here. Each is a plain errno value, so that
 * strerror() still says something where bh_strerror() is not at hand.
 *
 *   -BH_ECANCELED    this task was aborted: clean up and return
 *   -BH_ESTOPPING    the service is stopping: take no new work
 *   -BH_ESTALE       the handle's object is gone
 *   -BH_EQUARANTINED tasks of this type crashed too often, by this key, and are refused
 *   -BH_ETIMEDOUT    the deadline passed
 *   -BH_ENOSLOT      the service's task (or socket) table is full: see the
 *                    limits of its configuration
 *   -BH_ETRUNCATED   the peer's end came in the middle of a line or frame (buffered.h)
 *   -BH_EOWNERDEAD   the lock is the caller's; the previous holder crashed with it
 *   -BH_EFORKED      this process is a fork() of a worker, not a worker: it runs on,
 *                    but no task does in it (docs/guide.md, Processes and threads)
 */
#define BH_ECANCELED    ECANCELED
#define BH_ESTOPPING    ESHUTDOWN
#define BH_ESTALE       ESTALE
#define BH_EQUARANTINED EKEYREJECTED
#define BH_ETIMEDOUT    ETIMEDOUT
#define BH_ENOSLOT      ENOBUFS
#define BH_ETRUNCATED   ENODATA
#define BH_EOWNERDEAD   EOWNERDEAD
#define BH_EFORKED      ENOLINK

/* A text for a negative error value (or its positive twin). Never NULL; static. */
BH_API const char *bh_strerror(int error);

/* The library's version, "MAJOR.MINOR.PATCH". */
BH_API const char *bh_version(void);

#ifdef __cplusplus
}
#endif
#endif
