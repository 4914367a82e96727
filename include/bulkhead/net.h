/* SPDX-License-Identifier: MIT */
/*
 * net.h: listeners and streams for fibers.
 *
 * A bh_io belongs to the task that opened it or was given it, and is closed
 * when that task ends. Its file descriptor belongs to the service, not to the
 * worker: a worker's death closes nobody else's connection.
 *
 * Only the owner may use a bh_io (-BH_ESTALE for anybody else). Every call here
 * that can wait is a suspension point: the fiber may go on in another worker.
 * On abort they answer -BH_ECANCELED having transferred nothing: a read or
 * write that has moved bytes always reports them.
 */
#ifndef BULKHEAD_NET_H
#define BULKHEAD_NET_H

#include <bulkhead/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Opens a TCP listener. @address is "HOST:PORT" (numeric host, "[v6]:PORT"), or
 * NULL for the address of the service's configuration. Configured listeners
 * are opened by the supervisor before any worker exists, and stay open while
 * workers and tasks come and go: one that is opened again is the same socket.
 *
 * Errors: -EADDRINUSE, -EACCES, -EINVAL, -ENOENT (NULL, and nothing configured),
 * -BH_ENOSLOT.
 */
BH_API int bh_listen(bh_io *out, const char *address) BH_NODISCARD;

/*
 * Accepts one connection (non-blocking, close-on-exec, TCP_NODELAY). Several
 * tasks may accept from one listening address, each with its own bh_listen().
 *
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED, -BH_ESTOPPING (the service is stopping),
 * -BH_ENOSLOT, -EMFILE and -ENFILE (wait a little and try again).
 */
BH_API int bh_accept(bh_io listener, bh_io *out, int64_t deadline) BH_NODISCARD;

/* Reads at most @len bytes; waits for the first. 0 is the peer's end.
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED, -ECONNRESET, ... */
BH_API ssize_t bh_read(bh_io io, void *buf, size_t len, int64_t deadline) BH_NODISCARD;

/* Writes all @len bytes. Returns @len, or an error: how much of it the peer got
 * is then unknown, so the stream is of no more use. SIGPIPE is never raised.
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED, -EPIPE, -ECONNRESET, ... */
BH_API ssize_t bh_write(bh_io io, const void *buf, size_t len, int64_t deadline) BH_NODISCARD;

/*
 * Waits until @io has something to read (or its peer's end), without reading:
 * what a server does between two requests of a connection.
 * Errors: -BH_ESTOPPING (the service is stopping: close instead of waiting for
 * more work), -BH_ETIMEDOUT, -BH_ECANCELED.
 */
BH_API int bh_readable(bh_io io, int64_t deadline) BH_NODISCARD;

/*
 * -- for poll tasks --
 *
 * As the calls above, but where those would wait they answer -EAGAIN, and the task is
 * polled again when trying again may help. So may a poll for another reason: call them
 * again until the answer is another one. For a limit in time see bh_poll_at().
 * bh_poll_write() writes what there is room for, 1 to @len bytes. @buf is not kept.
 */
struct bh_cx;
BH_API int bh_poll_accept(struct bh_cx *cx, bh_io listener, bh_io *out) BH_NODISCARD;
BH_API ssize_t bh_poll_read(struct bh_cx *cx, bh_io io, void *buf, size_t len) BH_NODISCARD;
BH_API ssize_t bh_poll_write(struct bh_cx *cx, bh_io io, const void *buf, size_t len) BH_NODISCARD;
BH_API int bh_poll_readable(struct bh_cx *cx, bh_io io) BH_NODISCARD;

/* Closes it. Errors: -BH_ESTALE. */
BH_API int bh_close(bh_io io);

/* The local port of a listener or stream, or a negative error. */
BH_API int bh_port(bh_io io);

#ifdef __cplusplus
}
#endif
#endif
