/* SPDX-License-Identifier: MIT */
/*
 * net.h: listeners, connections and every other descriptor that epoll can watch.
 *
 * A bh_io belongs to the task that opened it or was given it, and is closed
 * when that task ends. Its file descriptor belongs to the service, not to the
 * worker: a worker's death closes no other task's connection. Only the owner may use a
 * bh_io (-BH_ESTALE for any other task).
 *
 * Addresses are text: "HOST:PORT" (a numeric host), "[V6]:PORT", "unix:/PATH", or
 * "unix:@NAME" (abstract: no file; the name goes with its listener). With "seqpacket:"
 * in place of "unix:" a connection keeps the bounds of its messages (datagram.h).
 *
 * Waiting. Every call with a deadline is a suspension point: the fiber may go on in
 * another worker. Each call says below in what state it leaves the connection when it ends
 * with -BH_ETIMEDOUT (@deadline) or -BH_ECANCELED (the task was aborted, or a token that it
 * listens to was canceled); after any other error the state is the same. A worker's death
 * ends the task that was running in it, and closes what that task owned; a waiting task
 * does not notice.
 *
 * If a raw system call (past close()) closed a bh_io's descriptor, and another file has the
 * number by now, calls that would wait answer -EBADF.
 *
 * SIGPIPE is never raised.
 */
#ifndef BULKHEAD_NET_H
#define BULKHEAD_NET_H

#include <sys/uio.h>

#include <bulkhead/base.h>
#include <bulkhead/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- opening and closing ------------------------------------------------------------- */

/*
 * Opens a listener for streams at @address, or, if that is NULL, at all addresses of
 * the service's configuration. (With several addresses the listener has none of its own,
 * and bh_local_address(), bh_local_port() and bh_io_set_option() refuse it.) Configured
 * listeners are opened by the supervisor before any worker exists, and stay open while
 * workers and tasks come and go: opening a configured address again gives the same socket.
 *
 * A Unix path's file outlives its listener; a configured listener's file goes when the system
 * ends. A dead socket file at the path (no process listens there) is removed and replaced; a
 * live socket, or a file of another kind, is -EADDRINUSE. (Two listeners that replace the same
 * dead file at the same moment may both succeed; the file is then the later listener's.)
 *
 * Errors: -EADDRINUSE, -EACCES, -EINVAL, -ENAMETOOLONG (more than 107 bytes of path),
 * -ENOENT (NULL, and nothing configured; a path whose directory is missing),
 * -BH_ENOSLOT.
 */
BH_API int bh_listen(bh_io *out, const char *address) BH_NODISCARD;

/*
 * Accepts one connection (non-blocking, close-on-exec, TCP_NODELAY). Several
 * tasks may accept from one listening address, each with its own bh_listen().
 * Timed out or canceled: no connection was taken.
 *
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED, -BH_ESTOPPING (the service is stopping, and
 * every connection that waited is accepted),
 * -BH_ENOSLOT, -EMFILE and -ENFILE (wait a little and try again).
 */
BH_API int bh_accept(bh_io listener, bh_io *out, int64_t deadline) BH_NODISCARD;

/*
 * Serves: accepts connections at @listener, or, if that is 0, at every address of the
 * service's configuration, and spawns a detached task for each, with @opts (NULL: none).
 * That task owns its connection (opts->give of the spawn). A fiber's argument points to the
 * connection's bh_io; a poll task's state, @size bytes, begins with that bh_io, and the rest of
 * the state is 0.
 *
 * Goes on until the service stops, and then returns 0. A shortage (open files, I/O slots,
 * task slots, stacks) does not end the call: new connections wait, the connections that have
 * been idle the longest are asked to leave (see bh_readable()), and the log reports the
 * shortage. A connection whose task type is in quarantine is closed, and the log counts it.
 *
 * Errors: -BH_ECANCELED, -ENOENT (0, and nothing configured), -EINVAL, the errors of
 * bh_listen(), -EDEADLK (called from a poll task).
 */
BH_API int bh_serve(bh_io listener, bh_fiber_fn fn, const struct bh_spawn_opts *opts) BH_NODISCARD;
BH_API int bh_serve_poll(bh_io listener, bh_poll_fn fn, size_t size,
			 const struct bh_spawn_opts *opts) BH_NODISCARD;

/*
 * Connects to the listener at @address (TCP_NODELAY, as for accepted connections). The host
 * may be a name here: its addresses are looked up, and the first to answer is used (resolve.h).
 * On error, timed out and canceled included, nothing stays open and @out is untouched; the peer
 * may have seen a connection that ends at once.
 *
 * Errors: -BH_ETIMEDOUT (the deadline, or the system's own limit of some two minutes),
 * -BH_ECANCELED, -EINVAL, -ENAMETOOLONG, -ECONNREFUSED, -ENOENT (no such path),
 * -ENETUNREACH, -EHOSTUNREACH, -EACCES, -BH_ENOSLOT, -EMFILE, -ENFILE; for a name, also the
 * errors of bh_resolve().
 */
BH_API int bh_connect(bh_io *out, const char *address, int64_t deadline) BH_NODISCARD;

/* How much of a connection bh_shutdown() ends. */
enum bh_half {
	BH_HALF_READ = 0,  /* reads say 0 from now on */
	BH_HALF_WRITE = 1, /* the peer reads 0 after all that was written */
	BH_HALF_BOTH = 2,
};

/* Ends one half of a connection, or both; the bh_io stays open. Never waits.
 * Errors: -BH_ESTALE, -ENOTCONN (a listener, too), -ENOTSOCK. */
BH_API int bh_shutdown(bh_io io, enum bh_half half);

/* Closes @io. Written bytes are still sent. Errors: -BH_ESTALE. */
BH_API int bh_close(bh_io io);

/* -- reading and writing ---------------------------------------------------------------- */

/* Reads at most @len bytes; waits for the first. 0: end of stream. Timed out or
 * canceled: nothing was read, and nothing is lost.
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED, -ECONNRESET, ... */
BH_API ssize_t bh_read(bh_io io, void *buf, size_t len, int64_t deadline) BH_NODISCARD;

/* The same into @n buffers (at most 1024), one after the other. */
BH_API ssize_t bh_readv(bh_io io, const struct iovec *iov, int n, int64_t deadline) BH_NODISCARD;

/* Reads @len bytes. Less than @len: the stream ended before. Timed out or canceled: the
 * bytes that had come are in @buf, but their number is unknown: the stream is of no more use. */
BH_API ssize_t bh_read_exact(bh_io io, void *buf, size_t len, int64_t deadline) BH_NODISCARD;

/* Writes all @len bytes. Returns @len, or an error, timed out and canceled included:
 * how much of it the peer got is then unknown, so the stream is of no more use.
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED, -EPIPE, -ECONNRESET, ... */
BH_API ssize_t bh_write(bh_io io, const void *buf, size_t len, int64_t deadline) BH_NODISCARD;

/* The same from @n buffers. Returns the sum of their lengths. */
BH_API ssize_t bh_writev(bh_io io, const struct iovec *iov, int n, int64_t deadline) BH_NODISCARD;

/*
 * Writes @len bytes of the open file @file, from *@offset on, without copying them
 * through the process. Returns the count, less than @len only where the file
 * ends. *@offset moves with each byte written, so after an error, timed out and
 * canceled included, it says where to go on. Reading the file may block the worker for
 * one disk access.
 *
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED, -EPIPE, -ECONNRESET, -EBADF, -EINVAL (@file is
 * no file whose contents can be mapped), ...
 */
BH_API ssize_t bh_sendfile(bh_io io, int file, off_t *offset, size_t len,
			   int64_t deadline) BH_NODISCARD;

/*
 * Waits until @io has something to read (or the end of the stream, or an error: the read
 * will tell), without reading: a server's call between two requests of a connection.
 * Errors: -BH_ESTOPPING (the service is stopping: close instead of waiting for
 * more work), -BH_ENOSLOT (close: the service has reached a limit, other connections wait
 * for room, and this connection is among the longest idle), -BH_ETIMEDOUT, -BH_ECANCELED.
 */
BH_API int bh_readable(bh_io io, int64_t deadline) BH_NODISCARD;

/* Waits until @io has room for something to write, or an error. Errors:
 * -BH_ETIMEDOUT, -BH_ECANCELED. */
BH_API int bh_writable(bh_io io, int64_t deadline) BH_NODISCARD;

/* -- a peer that hangs up -------------------------------------------------------------- */

/*
 * When a peer counts as gone. A peer that closes and a peer that only ends its sending
 * (`nc -N`, shutdown(SHUT_WR)) look alike from here until something is written: the closed
 * peer resets the connection then.
 */
enum bh_gone {
	BH_GONE_EOF = 1,   /* the peer has ended its sending, whether all was read or not */
	BH_GONE_RESET = 2, /* the connection is over in both directions: reset, timed out */
};

/*
 * Joins child @task as bh_join() does, for the peer of @io: -ECONNRESET as soon as the peer is
 * gone; the handle stays valid, the child goes on (see bh_abort()). A child that
 * has ended is joined even if the peer is gone. Bytes that the peer sends meanwhile are for
 * the next read. A pipe's peer is gone, for either @when, once its last other end is closed.
 *
 * Errors: -ECONNRESET, the errors of bh_join(), -BH_ESTALE and -EBADF of @io, -EINVAL (@when).
 */
BH_API int bh_join_or_gone(bh_task task, struct bh_result *res, bh_io io, enum bh_gone when,
			   int64_t deadline) BH_NODISCARD;

/* -- addresses and options --------------------------------------------------------------- */

/* Long enough for every address, with its NUL. */
#define BH_ADDRESS_MAX 128

/*
 * Write the address of this end, or of the peer's, to @text (@size bytes), in a
 * form that bh_connect() takes. "unix:" alone is an end without a name: usually the
 * connecting side. Return the length.
 * Errors: -BH_ESTALE, -ENOTCONN, -ENOTSOCK, -ENOSPC (@size), -EAFNOSUPPORT.
 */
BH_API int bh_local_address(bh_io io, char *text, size_t size);
BH_API int bh_peer_address(bh_io io, char *text, size_t size);

/* The local port of a listener or stream, or a negative error. */
BH_API int bh_local_port(bh_io io);

enum bh_io_option {
	BH_OPT_NODELAY = 1,    /* TCP. 1: small writes leave at once (the default here) */
	BH_OPT_KEEPALIVE,      /* TCP. Seconds of silence until the peer is probed; 0: never */
	BH_OPT_SEND_BUFFER,    /* bytes; Linux doubles them for its bookkeeping */
	BH_OPT_RECEIVE_BUFFER, /* the same. Before bh_accept() for large TCP windows */
	BH_OPT_RESET,          /* TCP. 1: closing discards unsent bytes and resets the
				  connection: for an untrusted peer */
	BH_OPT_BROADCAST,      /* UDP. 1: may send to broadcast addresses */
	BH_OPT_GRO,            /* UDP. 1: messages of one sender may come together, see `segment`
				  in datagram.h; read by bh_recv_batch() alone then */
};

/* Sets an option. For other options: setsockopt() on bh_io_fd().
 * Errors: -BH_ESTALE, -EINVAL, -EOPNOTSUPP, -ENOTSOCK. */
BH_API int bh_io_set_option(bh_io io, enum bh_io_option option, int value);

/* -- other descriptors ------------------------------------------------------------------- */

/*
 * Makes descriptor @fd of the caller's (a pipe, an eventfd, timerfd, signalfd,
 * inotify, a socket of any type, a device: whatever epoll takes) a bh_io: to read,
 * write, wait for, give away. From then on the runtime closes it, with the task that
 * owns it; the caller must not. The descriptor is made non-blocking (a flag of
 * the open file, so its duplicates are, too) and close-on-exec. Where data comes in
 * messages, a read takes one message.
 *
 * All workers of a service share their descriptors: a number means the same in all
 * of them, and is open until a task closes it. A descriptor that is not adopted is closed when
 * the task that opened it crashes; when that task ends otherwise, the descriptor stays open.
 * (The runtime does not know descriptors from the task's own recvmsg() or from a system call
 * past the C library: they stay open in either case. Connect or adopt such a socket before
 * the next call that can wait: a stream socket without an address and a peer is taken for a
 * socket that a dead worker lost, and may be closed.)
 *
 * Errors (@fd is still the caller's): -EPERM (epoll does not take it: a regular file, a
 * directory), -EEXIST (it is a bh_io already), -EBADF, -EINVAL (one of the runtime's
 * own numbers), -BH_ENOSLOT.
 */
BH_API int bh_io_adopt(bh_io *out, int fd) BH_NODISCARD;

/* The descriptor, for calls that the runtime does not have. It must not be used after the
 * bh_io was closed; its owner may do that by close(), too. (From then on bh_read() of this
 * bh_io makes one more system call before it waits: the descriptor may have other readers.)
 * Errors: -BH_ESTALE. */
BH_API int bh_io_fd(bh_io io);

/*
 * -- for poll tasks --
 *
 * As the calls above, but instead of waiting they answer -EAGAIN, and the task is
 * polled again when another try may succeed. The task may be polled for another reason,
 * too: repeat the call while it answers -EAGAIN. For a time limit see bh_poll_at(). Buffers
 * are not kept.
 *
 * bh_poll_write(), -writev() and -sendfile() write as much as there is room for, at least a
 * byte, and return the count; so a stream's state is known even if its task is canceled.
 */
struct bh_cx;
BH_API int bh_poll_accept(struct bh_cx *cx, bh_io listener, bh_io *out) BH_NODISCARD;
BH_API ssize_t bh_poll_read(struct bh_cx *cx, bh_io io, void *buf, size_t len) BH_NODISCARD;
BH_API ssize_t bh_poll_readv(struct bh_cx *cx, bh_io io, const struct iovec *iov,
			     int n) BH_NODISCARD;
BH_API ssize_t bh_poll_write(struct bh_cx *cx, bh_io io, const void *buf, size_t len) BH_NODISCARD;
BH_API ssize_t bh_poll_writev(struct bh_cx *cx, bh_io io, const struct iovec *iov,
			      int n) BH_NODISCARD;
BH_API ssize_t bh_poll_sendfile(struct bh_cx *cx, bh_io io, int file, off_t *offset,
				size_t len) BH_NODISCARD;
BH_API int bh_poll_readable(struct bh_cx *cx, bh_io io) BH_NODISCARD;
BH_API int bh_poll_writable(struct bh_cx *cx, bh_io io) BH_NODISCARD;

/* 0: the peer is gone. To wait for other events as well, make all their calls in each poll. */
BH_API int bh_poll_gone(struct bh_cx *cx, bh_io io, enum bh_gone when) BH_NODISCARD;

/* Connects to an address in numbers; for a name bh_poll_resolve() first. *@io must be 0 at
 * first; while the answer is -EAGAIN it is the connection under way (closing it gives up).
 * 0: *@io is connected. Another error: *@io is closed, and 0 again. -EBUSY: a Unix listener's
 * backlog is full; Linux reports no event when it has room, so try again later. Otherwise
 * as bh_connect(). */
BH_API int bh_poll_connect(struct bh_cx *cx, bh_io *io, const char *address) BH_NODISCARD;

/* Notes what the function is called: see Names in task.h. */
#ifndef __cplusplus
#define bh_serve(listener, fn, ...) bh_serve(listener, bh_fiber_called(fn, #fn), __VA_ARGS__)
#define bh_serve_poll(listener, fn, ...) \
	bh_serve_poll(listener, bh_poll_called(fn, #fn), __VA_ARGS__)
#endif

#ifdef __cplusplus
}
#endif
#endif
