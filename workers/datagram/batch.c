/* SPDX-License-Identifier: MIT */
/*
 * batch.c: many messages by one system call (recvmmsg, sendmmsg), and several in one piece
 * of memory (UDP's GRO and GSO).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include <bulkhead/datagram.h>

#include "workers/datagram/attempt.h"
#include "workers/datagram/sockaddr.h"
#include "workers/wait/coop.h"

struct batch {
	struct bh_datagram *to;         /* received */
	const struct bh_datagram *from; /* to send */
	int n;
};

/* What comes beside a message: the length of its segments. */
union control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

struct vector {
	struct mmsghdr m[BH_BATCH_MAX];
	struct iovec iov[BH_BATCH_MAX];
	union control c[BH_BATCH_MAX];
};

static void set(struct vector *v, int i, void *data, size_t len, struct sockaddr *sa,
		socklen_t sa_len)
{
	v->iov[i] = (struct iovec){ .iov_base = data, .iov_len = len };
	v->m[i].msg_hdr = (struct msghdr){
		.msg_name = sa,
		.msg_namelen = sa_len,
		.msg_iov = &v->iov[i],
		.msg_iovlen = 1,
	};
}

static int at_most(int n)
{
	return n < BH_BATCH_MAX ? n : BH_BATCH_MAX;
}

/* -- receiving ------------------------------------------------------------------------- */

static uint32_t segment_of(struct msghdr *m)
{
	int size;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&size, CMSG_DATA(c), sizeof(size));
			return (uint32_t)size;
		}
	return 0;
}

static ssize_t receive(const struct bh_ioslot *s, void *call)
{
	struct batch *b = call;
	int n = at_most(b->n), got;
	struct vector v;

	if (!bh_io_is_bounded(s->kind))
		return -EOPNOTSUPP;
	for (int i = 0; i < n; i++) {
		struct bh_datagram *d = &b->to[i];

		set(&v, i, d->data, d->size, bh_sockaddr_of(&d->peer), sizeof(d->peer.raw));
		if (s->kind == BH_IO_UDP) {
			v.m[i].msg_hdr.msg_control = &v.c[i];
			v.m[i].msg_hdr.msg_controllen = sizeof(v.c[i]);
		}
	}
	do
		got = recvmmsg(bh_ld_rlx(&s->fd), v.m, (unsigned)n, MSG_DONTWAIT | MSG_TRUNC, NULL);
	while (got < 0 && errno == EINTR);
	for (int i = 0; i < got; i++) {
		b->to[i].len = v.m[i].msg_len;
		b->to[i].peer.len = v.m[i].msg_hdr.msg_namelen;
		b->to[i].segment = segment_of(&v.m[i].msg_hdr);
	}
	return got < 0 ? -errno : got;
}

#define RECEIVE(d, n)                                     \
	&(struct bh_attempt)                              \
	{                                                 \
		receive, &(struct batch){ d, NULL, n }, 0 \
	}

int bh_recv_batch(bh_io io, struct bh_datagram *d, int n, int64_t deadline)
{
	return n < 1 ? -EINVAL : (int)bh_attempt(io, RECEIVE(d, n), deadline);
}

int bh_try_recv_batch(bh_io io, struct bh_datagram *d, int n)
{
	return n < 1 ? -EINVAL : (int)bh_attempt_try(io, RECEIVE(d, n));
}

int bh_poll_recv_batch(struct bh_cx *cx, bh_io io, struct bh_datagram *d, int n)
{
	return n < 1 ? -EINVAL : (int)bh_attempt_poll(cx, io, RECEIVE(d, n));
}

/* -- sending ------------------------------------------------------------------------------ */

static void set_segment(struct vector *v, int i, uint32_t segment)
{
	struct msghdr *m = &v->m[i].msg_hdr;
	uint16_t size = (uint16_t)segment;

	m->msg_control = &v->c[i];
	m->msg_controllen = CMSG_SPACE(sizeof(size));
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
}

static int put_in(struct vector *v, int i, const struct bh_ioslot *s, const struct bh_datagram *d)
{
	if (d->segment && s->kind != BH_IO_UDP)
		return -EOPNOTSUPP;
	if (d->segment > UINT16_MAX)
		return -EINVAL;
	set(v, i, d->data, d->len, d->peer.len ? bh_sockaddr_of(&d->peer) : NULL, d->peer.len);
	if (d->segment)
		set_segment(v, i, d->segment);
	return 0;
}

static ssize_t send_some(const struct bh_ioslot *s, void *call)
{
	const struct batch *b = call;
	int n = at_most(b->n), put;
	struct vector v;

	if (!bh_io_is_bounded(s->kind))
		return -EOPNOTSUPP;
	for (int i = 0; i < n; i++) {
		int err = put_in(&v, i, s, &b->from[i]);

		if (err && i == 0)
			return err;
		if (err)
			n = i; /* those before it are sent, and it is the next call's first */
	}
	do
		put = sendmmsg(bh_ld_rlx(&s->fd), v.m, (unsigned)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	return put < 0 ? bh_send_failed(b->from[0].peer.len ? &b->from[0].peer : NULL, errno) : put;
}

#define SEND(d, n)                                          \
	&(struct bh_attempt)                                \
	{                                                   \
		send_some, &(struct batch){ NULL, d, n }, 1 \
	}

int bh_send_batch(bh_io io, const struct bh_datagram *d, int n, int64_t deadline)
{
	int sent = 0;

	while (sent < n) {
		int put = (int)bh_attempt(io, SEND(d + sent, n - sent), deadline);

		if (put < 0)
			return sent ? sent : put;
		sent += put;
	}
	return n < 1 ? -EINVAL : sent;
}

int bh_try_send_batch(bh_io io, const struct bh_datagram *d, int n)
{
	return n < 1 ? -EINVAL : (int)bh_attempt_try(io, SEND(d, n));
}

int bh_poll_send_batch(struct bh_cx *cx, bh_io io, const struct bh_datagram *d, int n)
{
	return n < 1 ? -EINVAL : (int)bh_attempt_poll(cx, io, SEND(d, n));
}
