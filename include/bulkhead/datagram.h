/* SPDX-License-Identifier: MIT */
/*
 * datagram.h: messages with bounds: UDP, Unix datagrams, Unix sockets that are
 * "seqpacket:".
 *
 * Their sockets are bh_io like any other: owned, given, closed, waited for (bh_readable())
 * as net.h says. Errors common to all calls: -BH_ESTALE, -EOPNOTSUPP
 * (@io keeps no bounds of messages: a stream, a listener, no socket).
 *
 * A message is taken whole: bytes that do not fit into the buffer are lost. It may be empty.
 *
 * Three forms of each call: with a deadline, for fibers; bh_try_...(), which never waits
 * (-EAGAIN: it would) and may be called by any task, in clean-ups, too; bh_poll_...(), for
 * poll tasks (-EAGAIN: a wake-up is arranged; see net.h).
 *
 * What is left when a call is ended:
 *
 *   bh_recv_from, timed out or canceled    nothing was taken: the next call gets it
 *   bh_recv_batch, the same                nothing was taken
 *   bh_send_to, the same                   nothing was sent
 *   bh_send_batch, the same                the count sent is returned: an error, if none
 *   a crash of the task                    its sockets are closed. Messages sent before are
 *                                          on their way; a message being sent goes whole or
 *                                          not at all; a message being received may be lost
 *   this side is closed                    unread messages are gone; sent messages arrive
 *   the other side is closed               UDP: nothing tells; a connected socket may get
 *                                          -ECONNREFUSED, once, when something is sent.
 *                                          Unix datagrams: sending is -ECONNREFUSED (-ENOENT:
 *                                          its file is gone, too). seqpacket: 0 (an empty
 *                                          message looks the same), and sending is -EPIPE
 */
#ifndef BULKHEAD_DATAGRAM_H
#define BULKHEAD_DATAGRAM_H

#include <bulkhead/address.h>
#include <bulkhead/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bh_cx;

/* -- opening --------------------------------------------------------------------------- */

/*
 * Opens a socket for datagrams: UDP ("HOST:PORT", "[V6]:PORT") or Unix ("unix:/PATH",
 * "unix:@NAME"). @local: where it receives; NULL: at a port, or abstract name, that is
 * free. @peer: the only peer that it talks to; NULL: any. One of the two may be NULL.
 *
 * A Unix path's file outlives its socket. A dead file (no process has it open) is removed and
 * replaced, as by bh_listen().
 *
 * Errors (nothing stays open): -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EINVAL (both NULL, two
 * families, no address), -ENAMETOOLONG, -ENOENT and -ECONNREFUSED (a Unix @peer that is not
 * there), -ENETUNREACH, -BH_ENOSLOT, -EMFILE, -ENFILE.
 */
BH_API int bh_open_datagram(bh_io *out, const char *local, const char *peer) BH_NODISCARD;

/* Talks to @peer alone from now on; NULL: to any again. Messages that have come from others
 * stay to be read. Errors: as above. */
BH_API int bh_set_peer(bh_io io, const char *peer) BH_NODISCARD;

/* -- one message ------------------------------------------------------------------------ */

/*
 * Takes one message, at most @len bytes of it. Returns the message's length: more than @len if
 * it was cut. *@from (may be NULL) is the sender; `len` 0: an end without a name.
 *
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED, -ECONNREFUSED (an earlier send found no socket), ...
 */
BH_API ssize_t bh_recv_from(bh_io io, void *buf, size_t len, struct bh_sockaddr *from,
			    int64_t deadline) BH_NODISCARD;
BH_API ssize_t bh_try_recv_from(bh_io io, void *buf, size_t len,
				struct bh_sockaddr *from) BH_NODISCARD;
BH_API ssize_t bh_poll_recv_from(struct bh_cx *cx, bh_io io, void *buf, size_t len,
				 struct bh_sockaddr *from) BH_NODISCARD;

/*
 * Sends one message to @to; NULL: to the connected peer. Returns @len. Waits for room in this
 * socket, and, for a Unix socket, in the receiver's.
 *
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED, -EMSGSIZE (message too long), -EDESTADDRREQ and
 * -ENOTCONN (NULL, and no peer), -EISCONN (it has another peer: Unix), -ECONNREFUSED, -ENOENT,
 * -EPIPE, -EACCES (a broadcast, without BH_OPT_BROADCAST), -ENETUNREACH, ...
 * bh_poll_send_to(): -EBUSY, too: the receiving Unix socket is full, and Linux reports no event
 * when it has room, unless it is the connected peer: try again later, bh_poll_at().
 */
BH_API ssize_t bh_send_to(bh_io io, const void *buf, size_t len, const struct bh_sockaddr *to,
			  int64_t deadline) BH_NODISCARD;
BH_API ssize_t bh_try_send_to(bh_io io, const void *buf, size_t len,
			      const struct bh_sockaddr *to) BH_NODISCARD;
BH_API ssize_t bh_poll_send_to(struct bh_cx *cx, bh_io io, const void *buf, size_t len,
			       const struct bh_sockaddr *to) BH_NODISCARD;

/* -- many ---------------------------------------------------------------------------------- */

/* One message of a batch. Memory is the caller's. */
struct bh_datagram {
	void *data;
	size_t size; /* receiving: bytes of room at `data` */
	size_t len;  /* bytes to send; or received, and more than `size` if it was cut */
	/* UDP, if not 0: `data` is several messages of so many bytes each (the last may be
	 * shorter). To send: Linux, or the card, cuts `data` (GSO; at most 64 messages, and
	 * 65507 bytes). Received: only with BH_OPT_GRO. */
	uint32_t segment;
	struct bh_sockaddr peer; /* from; or to: `len` 0 is the connected peer */
};

/* Messages per system call, at most. */
#define BH_BATCH_MAX 64

/*
 * Takes the messages that have come, by one system call: at most @n, and BH_BATCH_MAX; waits
 * for the first alone. Returns the count. Errors: as bh_recv_from().
 */
BH_API int bh_recv_batch(bh_io io, struct bh_datagram *d, int n, int64_t deadline) BH_NODISCARD;
BH_API int bh_try_recv_batch(bh_io io, struct bh_datagram *d, int n) BH_NODISCARD;
BH_API int bh_poll_recv_batch(struct bh_cx *cx, bh_io io, struct bh_datagram *d,
			      int n) BH_NODISCARD;

/*
 * Sends @n messages, by as few system calls as possible. Returns the count sent: fewer
 * than @n, but one at least, if an error, the deadline or an abort came in between, which
 * the next call reports. (bh_try_, bh_poll_: also if there is no more room, or BH_BATCH_MAX.)
 *
 * Errors, for the first message: as bh_send_to(). With `segment`: -EIO (the route cannot: send
 * them one by one), -EINVAL (too many, or too long for the route), -EOPNOTSUPP (not UDP).
 */
BH_API int bh_send_batch(bh_io io, const struct bh_datagram *d, int n,
			 int64_t deadline) BH_NODISCARD;
BH_API int bh_try_send_batch(bh_io io, const struct bh_datagram *d, int n) BH_NODISCARD;
BH_API int bh_poll_send_batch(struct bh_cx *cx, bh_io io, const struct bh_datagram *d,
			      int n) BH_NODISCARD;

#ifdef __cplusplus
}
#endif
#endif
