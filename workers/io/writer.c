/* SPDX-License-Identifier: MIT */
/* writer.c: gathering what is written (buffered.h). Private to the task that opened it. */
#include <bulkhead/buffered.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <bulkhead/mem.h>
#include <bulkhead/net.h>

#include "workers/base/rt.h"
#include "workers/io/io.h"
#include "workers/wait/coop.h"

enum {
	STANDARD = 4 << 10
};

struct bh_writer {
	bh_io io;
	unsigned corks;
	size_t room;    /* of buf */
	size_t at, end; /* what was gathered and is not sent: buf[at .. end) */
	char buf[];
};

int bh_writer_open(struct bh_writer **out, bh_io io, size_t room)
{
	struct bh_writer *w;

	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	if (!room)
		room = STANDARD;
	w = room < SIZE_MAX - sizeof(*w) ? bh_alloc(sizeof(*w) + room) : NULL;
	if (!w)
		return -ENOMEM;
	*w = (struct bh_writer){ .io = io, .room = room };
	*out = w;
	return 0;
}

void bh_writer_close(struct bh_writer *w)
{
	bh_free(w);
}

/* Sends all. @flags: MSG_MORE if more comes in any case. */
static int push(struct bh_writer *w, int flags, int64_t deadline)
{
	struct bh_ioslot *s;
	int err = bh_io_of(w->io, &s);

	if (!err)
		err = bh_coop();
	while (!err && w->at < w->end) {
		ssize_t n = bh_io_send(s, w->buf + w->at, w->end - w->at, flags);

		if (n >= 0)
			w->at += (size_t)n;
		else if (errno == EAGAIN)
			err = bh_io_wait(w->io, s, 1, false, deadline);
		else if (errno != EINTR)
			return -errno;
	}
	if (w->at == w->end)
		w->at = w->end = 0;
	return err;
}

static void gather(struct bh_writer *w, const void *data, size_t len)
{
	if (len)
		memcpy(w->buf + w->end, data, len);
	w->end += len;
}

int bh_writer_write(struct bh_writer *w, const void *data, size_t len, int64_t deadline)
{
	if (len > w->room - w->end) {
		int err = push(w, MSG_MORE, deadline);
		ssize_t n;

		if (err)
			return err;
		if (len > w->room) {
			n = bh_write(w->io, data, len, deadline);
			return n < 0 ? (int)n : 0;
		}
	}
	gather(w, data, len);
	return 0;
}

int bh_writer_frame(struct bh_writer *w, const void *data, size_t len, unsigned prefix,
		    int64_t deadline)
{
	unsigned char head[8];
	int err = 0;

	if (prefix != 1 && prefix != 2 && prefix != 4 && prefix != 8)
		return -EINVAL;
	if (prefix < 8 && len >> prefix * 8)
		return -EMSGSIZE;
	for (unsigned i = 0; i < prefix; i++)
		head[i] = (unsigned char)((uint64_t)len >> (prefix - 1 - i) * 8);
	/* Room for both, that a wait which ends early leaves neither. */
	if (len <= w->room && prefix + len > w->room - w->end)
		err = push(w, MSG_MORE, deadline);
	if (!err)
		err = bh_writer_write(w, head, prefix, deadline);
	return err ? err : bh_writer_write(w, data, len, deadline);
}

int bh_writer_flush(struct bh_writer *w, int64_t deadline)
{
	return w->corks || w->at == w->end ? 0 : push(w, 0, deadline);
}

void bh_writer_cork(struct bh_writer *w)
{
	w->corks++;
}

int bh_writer_uncork(struct bh_writer *w, int64_t deadline)
{
	if (w->corks)
		w->corks--;
	return bh_writer_flush(w, deadline);
}
