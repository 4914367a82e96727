/* SPDX-License-Identifier: MIT */
/*
 * reader.c: lines, frames and counts out of a stream (buffered.h).
 *
 * All of it is private to the task that opened it. A byte is taken out of the reader by
 * the one store of `at` that ends a call with 1, so that a wait that ends early loses none.
 */
#include <bulkhead/buffered.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <bulkhead/mem.h>
#include <bulkhead/net.h>

#include "workers/base/rt.h"

enum {
	FIRST = 4 << 10,
	STANDARD = 64 << 10,
	LARGEST = (16 << 20) - 64, /* of bh_alloc() */
};

struct bh_reader {
	bh_io io;
	size_t most;    /* that buf may become */
	size_t room;    /* of buf */
	size_t at, end; /* what it holds: buf[at .. end) */
	char *buf;
};

int bh_reader_open(struct bh_reader **out, bh_io io, size_t most)
{
	size_t room = most && most < FIRST ? most : FIRST;
	struct bh_reader *r;

	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	if (most > LARGEST)
		return -EINVAL;
	r = bh_alloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = (struct bh_reader){ .io = io, .most = most ? most : STANDARD, .room = room };
	r->buf = bh_alloc(room);
	if (!r->buf) {
		bh_free(r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

void bh_reader_close(struct bh_reader *r)
{
	if (!r)
		return;
	bh_free(r->buf);
	bh_free(r);
}

size_t bh_reader_held(const struct bh_reader *r)
{
	return r->end - r->at;
}

/* Room for a byte at least. -EMSGSIZE: it holds as much as it may. */
static int make_room(struct bh_reader *r)
{
	size_t room = r->room < r->most / 2 ? r->room * 2 : r->most;
	char *buf;

	if (r->at == r->end)
		r->at = r->end = 0;
	if (r->end < r->room)
		return 0;
	if (r->at) {
		memmove(r->buf, r->buf + r->at, r->end - r->at);
		r->end -= r->at;
		r->at = 0;
		return 0;
	}
	if (room <= r->room)
		return -EMSGSIZE;
	buf = bh_realloc(r->buf, room);
	if (!buf)
		return -ENOMEM;
	r->buf = buf;
	r->room = room;
	return 0;
}

/* 1: there is more than before; 0: the peer's end, before it held anything. */
static int fill(struct bh_reader *r, int64_t deadline)
{
	int err = make_room(r);
	ssize_t n;

	if (err)
		return err;
	n = bh_read(r->io, r->buf + r->end, r->room - r->end, deadline);
	if (n < 0)
		return (int)n;
	r->end += (size_t)n;
	if (n)
		return 1;
	return r->at == r->end ? 0 : -BH_ETRUNCATED;
}

/* Until it holds @n bytes. */
static int need(struct bh_reader *r, size_t n, int64_t deadline)
{
	int rc = 1;

	if (n > r->most)
		return -EMSGSIZE;
	while (rc > 0 && r->end - r->at < n)
		rc = fill(r, deadline);
	return rc;
}

static int take(struct bh_reader *r, struct bh_bytes *out, size_t n)
{
	*out = (struct bh_bytes){ r->buf + r->at, n };
	r->at += n;
	return 1;
}

static size_t limited(const struct bh_reader *r, size_t limit)
{
	return limit && limit < r->most ? limit : r->most;
}

int bh_reader_until(struct bh_reader *r, struct bh_bytes *out, const void *mark, size_t len,
		    size_t limit, int64_t deadline)
{
	size_t searched = 0; /* no mark begins before */
	int rc;

	if (!len)
		return -EINVAL;
	limit = limited(r, limit);
	do {
		size_t held = r->end - r->at;
		const char *from = r->buf + r->at + searched;
		const char *found = memmem(from, held - searched, mark, len);
		size_t n = found ? (size_t)(found - from) + searched + len : held;

		if (n > limit || (!found && n == limit))
			return -EMSGSIZE;
		if (found)
			return take(r, out, n);
		searched = held < len ? 0 : held - (len - 1);
		rc = fill(r, deadline);
	} while (rc > 0);
	return rc;
}

int bh_reader_line(struct bh_reader *r, struct bh_bytes *out, size_t limit, int64_t deadline)
{
	int rc = bh_reader_until(r, out, "\n", 1, limit, deadline);

	if (rc == 1) {
		out->len--;
		if (out->len && out->data[out->len - 1] == '\r')
			out->len--;
		out->data[out->len] = '\0';
	}
	return rc;
}

int bh_reader_exact(struct bh_reader *r, struct bh_bytes *out, size_t n, int64_t deadline)
{
	int rc = need(r, n, deadline);

	return rc > 0 ? take(r, out, n) : rc;
}

int bh_reader_frame(struct bh_reader *r, struct bh_bytes *out, unsigned prefix, size_t limit,
		    int64_t deadline)
{
	uint64_t n = 0;
	int rc;

	if (prefix != 1 && prefix != 2 && prefix != 4 && prefix != 8)
		return -EINVAL;
	rc = need(r, prefix, deadline);
	if (rc <= 0)
		return rc;
	for (unsigned i = 0; i < prefix; i++)
		n = n << 8 | (unsigned char)r->buf[r->at + i];
	if (n > limited(r, limit) || n > r->most - prefix)
		return -EMSGSIZE;
	rc = need(r, prefix + n, deadline);
	if (rc <= 0)
		return rc;
	r->at += prefix;
	return take(r, out, n);
}

int bh_reader_some(struct bh_reader *r, struct bh_bytes *out, size_t limit, int64_t deadline)
{
	int rc = need(r, 1, deadline);
	size_t n = r->end - r->at;

	return rc > 0 ? take(r, out, limit && limit < n ? limit : n) : rc;
}

int bh_reader_readable(struct bh_reader *r, int64_t deadline)
{
	return r->at < r->end ? 0 : bh_readable(r->io, deadline);
}
