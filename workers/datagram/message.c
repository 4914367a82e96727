/* SPDX-License-Identifier: MIT */
/* message.c: one message of a socket that keeps their bounds. */
#include <errno.h>
#include <sys/socket.h>

#include <bulkhead/datagram.h>

#include "workers/datagram/attempt.h"
#include "workers/datagram/sockaddr.h"

struct message {
	void *buf;
	size_t len;
	struct bh_sockaddr *from; /* may be NULL */
	const struct bh_sockaddr *to;
};

static ssize_t receive(const struct bh_ioslot *s, void *call)
{
	struct message *m = call;
	struct sockaddr *sa = m->from ? bh_sockaddr_of(m->from) : NULL;
	socklen_t size = sizeof(m->from->raw);
	ssize_t n;

	if (!bh_io_is_bounded(s->kind))
		return -EOPNOTSUPP;
	do
		n = recvfrom(bh_ld_rlx(&s->fd), m->buf, m->len, MSG_DONTWAIT | MSG_TRUNC, sa,
			     sa ? &size : NULL);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && sa)
		m->from->len = size;
	return n < 0 ? -errno : n;
}

static ssize_t send_one(const struct bh_ioslot *s, void *call)
{
	const struct message *m = call;
	const struct sockaddr *sa = m->to ? bh_sockaddr_of(m->to) : NULL;
	ssize_t n;

	if (!bh_io_is_bounded(s->kind))
		return -EOPNOTSUPP;
	do
		n = sendto(bh_ld_rlx(&s->fd), m->buf, m->len, MSG_DONTWAIT | MSG_NOSIGNAL, sa,
			   sa ? m->to->len : 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? bh_send_failed(m->to, errno) : n;
}

#define RECEIVE(buf, len, from)                                       \
	&(struct bh_attempt)                                          \
	{                                                             \
		receive, &(struct message){ buf, len, from, NULL }, 0 \
	}
#define SEND(buf, len, to)                                                              \
	&(struct bh_attempt)                                                            \
	{                                                                               \
		send_one, &(struct message){ (void *)(uintptr_t)buf, len, NULL, to }, 1 \
	}

ssize_t bh_recv_from(bh_io io, void *buf, size_t len, struct bh_sockaddr *from, int64_t deadline)
{
	return bh_attempt(io, RECEIVE(buf, len, from), deadline);
}

ssize_t bh_try_recv_from(bh_io io, void *buf, size_t len, struct bh_sockaddr *from)
{
	return bh_attempt_try(io, RECEIVE(buf, len, from));
}

ssize_t bh_poll_recv_from(struct bh_cx *cx, bh_io io, void *buf, size_t len,
			  struct bh_sockaddr *from)
{
	return bh_attempt_poll(cx, io, RECEIVE(buf, len, from));
}

ssize_t bh_send_to(bh_io io, const void *buf, size_t len, const struct bh_sockaddr *to,
		   int64_t deadline)
{
	return bh_attempt(io, SEND(buf, len, to), deadline);
}

ssize_t bh_try_send_to(bh_io io, const void *buf, size_t len, const struct bh_sockaddr *to)
{
	return bh_attempt_try(io, SEND(buf, len, to));
}

ssize_t bh_poll_send_to(struct bh_cx *cx, bh_io io, const void *buf, size_t len,
			const struct bh_sockaddr *to)
{
	return bh_attempt_poll(cx, io, SEND(buf, len, to));
}
