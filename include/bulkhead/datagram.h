/* SPDX-License-Identifier: MIT */
/*
 * datagram.h: messages with bounds: UDP, Unix datagrams, Unix sockets that are
 * "seqpacket:".
 *
 * Their sockets are bh_io like any other: owned, given, closed, waited for (bh_readable())
 * as net.h says. Errors of theirs, beside those of each call: -BH_ESTALE, -EOPNOTSUPP
 * (@io keeps no bounds of messages: a stream, a listener, no socket).
 *
 * A message is taken whole: what does not fit into the buffer is lost. It may be empty.
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
 *   bh_send_batch, the same                it says how many were sent: an error, if none
 *   a crash of the task                    its sockets are closed. What it had sent is on
 *                                          its way; of a message that it was about to send,
 *                                          all or nothing; one it was about to take may be
 *                                          lost with it
 *   this side is closed                    what had come and was not read is gone; what was
 *                                          sent arrives
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
 * free. @peer: the only one that it talks to; NULL: any. One of the two may be NULL.
 *
 * A Unix path's file outlives its socket. One that nobody has open is removed and its
 * place taken, as by bh_listen().
 *
 * Errors (nothing stays open): -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EINVAL (both NULL, two
 * families, no address), -ENAMETOOLONG, -ENOENT and -ECONNREFUSED (a Unix @peer that is not
 * there), -ENETUNREACH, -BH_ENOSLOT, -EMFILE, -ENFILE.
 */
BH_API int bh_open_datagram(bh_io *out, const char *local, const char *peer) BH_NODISCARD;

/* Talks to @peer alone from now on; NULL: to any again. What has come from others already
 * stays to be read. Errors: as above. */
BH_API int bh_set_peer(bh_io io, const char *peer) BH_NODISCARD;

/* -- one message ------------------------------------------------------------------------ */

/*
 * Takes one message, at most @len bytes of it. Returns how long it was: more than @len is
 * one that was cut. *@from (may be NULL) is who sent it; `len` 0: an end without a name.
 *
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED, -ECONNREFUSED (nobody was there for one sent earlier), ...
 */
BH_API ssize_t bh_recv_from(bh_io io, void *buf, size_t len, struct bh_sockaddr *from,
			    int64_t deadline) BH_NODISCARD;
BH_API ssize_t bh_try_recv_from(bh_io io, void *buf, size_t len,
				struct bh_sockaddr *from) BH_NODISCARD;
BH_API ssize_t bh_poll_recv_from(struct bh_cx *cx, bh_io io, void *buf, size_t len,
				 struct bh_sockaddr *from) BH_NODISCARD;

/*
 * Sends one message to @to; NULL: to the peer that it is connected to. Returns @len. It waits
 * for room here, and for a Unix socket's at its other end.
 *
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED, -EMSGSIZE (longer than one may be), -EDESTADDRREQ and
 * -ENOTCONN (NULL, and no peer), -EISCONN (it has another peer: Unix), -ECONNREFUSED, -ENOENT,
 * -EPIPE, -EACCES (a broadcast, without BH_OPT_BROADCAST), -ENETUNREACH, ...
 * bh_poll_send_to(): -EBUSY, too: a Unix socket's other end is full, and nothing tells when
 * it no longer is (it does where that is the connected peer): try again later, bh_poll_at().
 */
BH_API ssize_t bh_send_to(bh_io io, const void *buf, size_t len, const struct bh_sockaddr *to,
			  int64_t deadline) BH_NODISCARD;
BH_API ssize_t bh_try_send_to(bh_io io, const void *buf, size_t len,
			      const struct bh_sockaddr *to) BH_NODISCARD;
BH_API ssize_t bh_poll_send_to(struct bh_cx *cx, bh_io io, const void *buf, size_t len,
			       const struct bh_sockaddr *to) BH_NODISCARD;

/* -- many ---------------------------------------------------------------------------------- */

/* One of a batch. Memory is the caller's. */
struct bh_datagram {
	void *data;
	size_t size; /* receiving: bytes of room at `data` */
	size_t len;  /* bytes to send; or received, and more than `size` if it was cut */
	/* UDP, if not 0: `data` is several messages of so many bytes each (the last may be
	 * shorter). To send: Linux, or the card, cuts it (GSO; at most 64, and 65507 bytes).
	 * Received: only with BH_OPT_GRO are there any such. */
	uint32_t segment;
	struct bh_sockaddr peer; /* from; or to: `len` 0 is the connected peer */
};

/* How many are handed to Linux at once. */
#define BH_BATCH_MAX 64

/*
 * Takes what has come, by one system call: at most @n messages, and BH_BATCH_MAX; waits for
 * the first alone. Returns how many. Errors: as bh_recv_from().
 */
BH_API int bh_recv_batch(bh_io io, struct bh_datagram *d, int n, int64_t deadline) BH_NODISCARD;
BH_API int bh_try_recv_batch(bh_io io, struct bh_datagram *d, int n) BH_NODISCARD;
BH_API int bh_poll_recv_batch(struct bh_cx *cx, bh_io io, struct bh_datagram *d,
			      int n) BH_NODISCARD;

/*
 * Sends @n messages, as few system calls as that takes. Returns how many were sent: fewer
 * than @n, but one at least, if then came an error, the deadline or an abort; that is for
 * the next call to say. (The others: if there is no room for more now, or BH_BATCH_MAX.)
 *
 * Errors, of the first: as bh_send_to(). With `segment`: -EIO (the way there cannot: send them
 * one by one), -EINVAL (too many, or too long for the way), -EOPNOTSUPP (not UDP).
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
