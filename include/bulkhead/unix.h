/* SPDX-License-Identifier: MIT */
/*
 * unix.h: descriptors that go over Unix sockets, to other tasks, services and programs.
 *
 * Any connected Unix socket will do: a stream ("unix:/PATH"), "seqpacket:/PATH", datagrams
 * (datagram.h), one end of a socketpair() that was adopted. The descriptor is in one message
 * with some bytes; reading these bytes by other calls (bh_read()) drops the descriptor.
 *
 * The descriptor's owner:
 *
 *   bh_send_io, timed out or canceled     the caller's still; nothing was sent
 *   bh_send_io, an error                  the same
 *   its task crashes, before the send     closed, with the task's others
 *   its task crashes, after the send      on its way; the sender's number is closed
 *   on its way                            Linux's. It is closed if the receiving end is closed
 *                                         (its task crashes, too) before it is taken
 *   bh_recv_io, timed out or canceled     on its way still
 *   its task crashes in the middle        closed, or on its way still
 *
 * At each moment it has one owner at most. The peer at its other end notices nothing, and
 * data that has come is not lost.
 */
#ifndef BULKHEAD_UNIX_H
#define BULKHEAD_UNIX_H

#include <bulkhead/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bh_cx;

/*
 * Sends @io with the first of @len bytes (1 at least) over @over, and closes the caller's: its
 * handle is stale then. Returns the count of bytes sent with it, at least one; for a message,
 * always all.
 *
 * Errors (@io stays the caller's): -BH_ETIMEDOUT, -BH_ECANCELED, -BH_ESTALE, -EINVAL (@len 0,
 * @io is @over or all configured listeners at once), -EOPNOTSUPP (@over is no socket), -EPIPE,
 * -ECONNREFUSED, -ENOTCONN, -ETOOMANYREFS (too many are on their way), ...
 * As bh_try_ and bh_poll_: see datagram.h.
 */
BH_API ssize_t bh_send_io(bh_io over, bh_io io, const void *buf, size_t len,
			  int64_t deadline) BH_NODISCARD;
BH_API ssize_t bh_try_send_io(bh_io over, bh_io io, const void *buf, size_t len) BH_NODISCARD;
BH_API ssize_t bh_poll_send_io(struct bh_cx *cx, bh_io over, bh_io io, const void *buf,
			       size_t len) BH_NODISCARD;

/*
 * Takes one message, or the bytes of a stream up to a descriptor, into @buf (@len bytes),
 * and the descriptor that came along into *@out, as bh_io_adopt() does: it is the caller's.
 * *@out 0: no descriptor came. Returns the count of bytes; 0: end of stream. A second
 * descriptor in one message is closed.
 *
 * Errors: -BH_ETIMEDOUT, -BH_ECANCELED, -BH_ENOSLOT (nothing was taken), -EOPNOTSUPP (@over is no
 * socket). A message is gone with: -EMFILE (no number was free for its descriptor), -EPERM (epoll
 * does not take it: a file; it was closed).
 */
BH_API ssize_t bh_recv_io(bh_io over, bh_io *out, void *buf, size_t len,
			  int64_t deadline) BH_NODISCARD;
BH_API ssize_t bh_try_recv_io(bh_io over, bh_io *out, void *buf, size_t len) BH_NODISCARD;
BH_API ssize_t bh_poll_recv_io(struct bh_cx *cx, bh_io over, bh_io *out, void *buf,
			       size_t len) BH_NODISCARD;

#ifdef __cplusplus
}
#endif
#endif
