/* SPDX-License-Identifier: MIT */
/*
 * net.h: listeners, connections and whatever else epoll can watch.
 *
 * A bh_io belongs to the task that opened it or was given it, and is closed
 * when that task ends. Its file descriptor belongs to the service, not to the
 * worker: a worker's death closes nobody else's connection. Only the owner may use a
 * bh_io (-BH_ESTALE for anybody else).
 *
 * Addresses are text: "HOST:PORT" (a numeric host), "[V6]:PORT", "unix:/PATH", or
 * "unix:@NAME" (abstract: it is no file, and goes when its listener goes). With "seqpacket:"
 * in place of "unix:" a connection keeps the bounds of its messages (datagram.h).
 *
 * Waiting. Every call with a deadline is a suspension point: the fiber may go on in
 * another worker. Each says below what becomes of what it was doing when it ends with
 * -BH_ETIMEDOUT (@deadline) or -BH_ECANCELED (the task was aborted, or a token that it
 * listens to was canceled); other errors leave things as those do. A worker's death
 * ends the task that was running in it, and closes what that task owned; a task that
 * was waiting does not notice.
 *
 * A descriptor that was closed behind its bh_io's back, by a system call past close(), and
 * whose number is another's by now: calls that would wait answer -EBADF.
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
 * the service's configuration. (If they are several it has no address of its own,
 * and bh_local_address(), bh_local_port() and bh_io_set_option() refuse it.) Configured
 * listeners are opened by the supervisor before any worker exists, and stay open while
 * workers and tasks come and go: one that is opened again is the same socket.
 *
 * A Unix path's file outlives its listener; that of a configured one goes when the system
 * ends. A listener that finds one there which nobody listens at removes it and takes its
 * place; at one that is alive, and at what is no socket, the answer is -EADDRINUSE. (Two that come upon the same dead file at
 * the same moment may both succeed; the file is then the later one's.)
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
 * has taken all who waited),
 * -BH_ENOSLOT, -EMFILE and -ENFILE (wait a little and try again).
 */
BH_API int bh_accept(bh_io listener, bh_io *out, int64_t deadline) BH_NODISCARD;

/*
 * Serves: accepts connections at @listener, or, if that is 0, at every address of the
 * service's configuration, and spawns a detached task for each, with @opts (NULL: none).
 * That task owns its connection: it is opts->give of that spawn, and what the fiber's
 * argument points to, a bh_io, or what the poll task's state of @size bytes begins with;
 * the rest of the state is 0.
 *
 * Goes on until the service stops, and then returns 0. What runs short meanwhile (open
 * files, I/O slots, task slots, stacks) ends nothing: the next connections wait, those that
 * have been idle the longest are asked to leave (see bh_readable()), and the log says
 * so. A connection whose task type is in quarantine is closed, and the log counts it.
 *
 * Errors: -BH_ECANCELED, -ENOENT (0, and nothing configured), -EINVAL, those of
 * bh_listen(), -EDEADLK (called from a poll task).
 */
BH_API int bh_serve(bh_io listener, bh_fiber_fn fn, const struct bh_spawn_opts *opts) BH_NODISCARD;
BH_API int bh_serve_poll(bh_io listener, bh_poll_fn fn, size_t size,
			 const struct bh_spawn_opts *opts) BH_NODISCARD;

/*
 * Connects to the listener at @address (as accepted ones: TCP_NODELAY). The host may be a
 * name here: its addresses are asked for, and the one that answers first is taken (resolve.h).
 * On error, timed out and canceled included, nothing stays open and @out is untouched; the peer
 * may have seen a connection that ends at once.
 *
 * Errors: -BH_ETIMEDOUT (the deadline, or the system's own limit of some two minutes),
 * -BH_ECANCELED, -EINVAL, -ENAMETOOLONG, -ECONNREFUSED, -ENOENT (no such path),
 * -ENETUNREACH, -EHOSTUNREACH, -EACCES, -BH_ENOSLOT, -EMFILE, -ENFILE; of a name, those of
 * bh_resolve(), too.
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

/* Closes it. What was written is still sent. Errors: -BH_ESTALE. */
BH_API int bh_close(bh_io io);

/* -- reading and writing ---------------------------------------------------------------- */

/* Reads at most @len bytes; waits for the first. 0 is the peer's end. Timed out or
 * canceled: nothing was read, and nothing is lost.
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED, -ECONNRESET, ... */
BH_API ssize_t bh_read(bh_io io, void *buf, size_t len, int64_t deadline) BH_NODISCARD;

/* The same into @n buffers (at most 1024), one after the other. */
BH_API ssize_t bh_readv(bh_io io, const struct iovec *iov, int n, int64_t deadline) BH_NODISCARD;

/* Reads @len bytes. Less than @len: the peer's end came before. Timed out or canceled:
 * what had come is in @buf, but how much is not said, so the stream is of no more use. */
BH_API ssize_t bh_read_exact(bh_io io, void *buf, size_t len, int64_t deadline) BH_NODISCARD;

/* Writes all @len bytes. Returns @len, or an error, timed out and canceled included:
 * how much of it the peer got is then unknown, so the stream is of no more use.
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED, -EPIPE, -ECONNRESET, ... */
BH_API ssize_t bh_write(bh_io io, const void *buf, size_t len, int64_t deadline) BH_NODISCARD;

/* The same from @n buffers. Returns the sum of their lengths. */
BH_API ssize_t bh_writev(bh_io io, const struct iovec *iov, int n, int64_t deadline) BH_NODISCARD;

/*
 * Writes @len bytes of the open file @file, from *@offset on, without copying them
 * through the process. Returns how many, which is less than @len only where the file
 * ends. *@offset moves with what was written, so after an error, timed out and
 * canceled included, it says where to go on. Reading the file may block the worker for
 * a disk's moment.
 *
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED, -EPIPE, -ECONNRESET, -EBADF, -EINVAL (@file is
 * no file whose contents can be mapped), ...
 */
BH_API ssize_t bh_sendfile(bh_io io, int file, off_t *offset, size_t len,
			   int64_t deadline) BH_NODISCARD;

/*
 * Waits until @io has something to read (or its peer's end, or an error: the read
 * will tell), without reading: what a server does between two requests of a
 * connection.
 * Errors: -BH_ESTOPPING (the service is stopping: close instead of waiting for
 * more work), -BH_ENOSLOT (close: the service has reached a limit, others wait for room,
 * and this is one of the connections that have been idle the longest), -BH_ETIMEDOUT,
 * -BH_ECANCELED.
 */
BH_API int bh_readable(bh_io io, int64_t deadline) BH_NODISCARD;

/* Waits until @io has room for something to write, or an error. Errors:
 * -BH_ETIMEDOUT, -BH_ECANCELED. */
BH_API int bh_writable(bh_io io, int64_t deadline) BH_NODISCARD;

/* -- a peer that hangs up -------------------------------------------------------------- */

/*
 * When a peer counts as gone. One that closes and one that only ends its sending (`nc -N`,
 * shutdown(SHUT_WR)) look alike from here, until something is written: whoever has closed
 * resets the connection then.
 */
enum bh_gone {
	BH_GONE_EOF = 1,   /* it has ended its sending, whether all it sent was read or not */
	BH_GONE_RESET = 2, /* the connection is over in both directions: reset, timed out */
};

/*
 * Joins child @task as bh_join() does, for the peer of @io: -ECONNRESET as soon as that is
 * gone; the handle stays valid, the child goes on (see bh_abort()). A child that
 * has ended is joined, whatever the peer did. What the peer sends meanwhile is for the
 * next read. A pipe's peer is gone when its last other end is closed, in either case.
 *
 * Errors: -ECONNRESET, those of bh_join(), -BH_ESTALE and -EBADF of @io, -EINVAL (@when).
 */
BH_API int bh_join_or_gone(bh_task task, struct bh_result *res, bh_io io, enum bh_gone when,
			   int64_t deadline) BH_NODISCARD;

/* -- addresses and options --------------------------------------------------------------- */

/* Long enough for every address, with its NUL. */
#define BH_ADDRESS_MAX 128

/*
 * Write the address of the own end, or of the peer's, to @text (@size bytes), in a
 * form that bh_connect() takes. "unix:" alone is an end without a name, as of whoever
 * connected. Return the length.
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
	BH_OPT_RESET,          /* TCP. 1: closing discards what is unsent and resets the
				  connection: for a peer that is not to be trusted */
	BH_OPT_BROADCAST,      /* UDP. 1: may send to broadcast addresses */
	BH_OPT_GRO,            /* UDP. 1: messages of one sender may come together, see `segment`
				  in datagram.h; read by bh_recv_batch() alone then */
};

/* Sets an option. For others there is setsockopt() on bh_io_fd().
 * Errors: -BH_ESTALE, -EINVAL, -EOPNOTSUPP, -ENOTSOCK. */
BH_API int bh_io_set_option(bh_io io, enum bh_io_option option, int value);

/* -- other descriptors ------------------------------------------------------------------- */

/*
 * Makes descriptor @fd of the caller's (a pipe, an eventfd, timerfd, signalfd,
 * inotify, a socket of any type, a device: whatever epoll takes) a bh_io: to read,
 * write, wait for, give away. From then on it is the runtime's to close, with the
 * task that owns it, and no longer the caller's. It is made non-blocking (a flag of
 * the open file, so its duplicates are, too) and close-on-exec. A read takes one
 * message of what comes in messages.
 *
 * All workers of a service share their descriptors, so a number means the same in all
 * of them, and is open until somebody closes it. One that is not adopted is closed when
 * the task that opened it crashes; when it ends otherwise, it stays. (One that came
 * by a recvmsg() of the task's own, or by a system call past the C library, is known to nobody and stays in
 * either case. Connect or adopt such a socket before the next call that can wait: a
 * stream socket without an address and a peer is taken for one that a dead worker lost,
 * and may be closed.)
 *
 * Errors (@fd is still the caller's): -EPERM (epoll does not take it: a regular file, a
 * directory), -EEXIST (it is a bh_io already), -EBADF, -EINVAL (one of the runtime's
 * own numbers), -BH_ENOSLOT.
 */
BH_API int bh_io_adopt(bh_io *out, int fd) BH_NODISCARD;

/* The descriptor, for calls that the runtime does not have. It must not be used after the
 * bh_io was closed; its owner may do that by close(), too. (bh_read() of this bh_io then
 * takes one system call more before it waits, since it no longer knows who else reads.)
 * Errors: -BH_ESTALE. */
BH_API int bh_io_fd(bh_io io);

/*
 * -- for poll tasks --
 *
 * As the calls above, but where those would wait they answer -EAGAIN, and the task is
 * polled again when trying again may help. So may a poll for another reason: call them
 * again until the answer is another one. For a limit in time see bh_poll_at(). Buffers
 * are not kept.
 *
 * bh_poll_write(), -writev() and -sendfile() write what there is room for, at least a
 * byte, and return how much; so nothing is unknown of a stream whose task is canceled.
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

/* 0: the peer is gone. Beside it the task may wait for other things: call all of them. */
BH_API int bh_poll_gone(struct bh_cx *cx, bh_io io, enum bh_gone when) BH_NODISCARD;

/* Connects to an address in numbers; for a name bh_poll_resolve() first. *@io must be 0 at
 * first; while the answer is -EAGAIN it is the connection under way (closing it gives up).
 * 0: *@io is connected. Another error: it is closed, and 0 again. -EBUSY: a Unix listener has
 * too many waiting; nothing tells when it has no longer, so try again later. The rest as
 * bh_connect(). */
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
