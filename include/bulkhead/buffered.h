/* SPDX-License-Identifier: MIT */
/*
 * buffered.h: reading lines and frames, gathering what is written, and passing streams on.
 * For fibers.
 *
 * A reader and a writer belong to the task that opened them, as the bh_io does that they
 * are of, and lie in its memory (mem.h): they may be kept across any wait, they go when the
 * task ends, and after a crash nothing is left of them. They hold the bh_io's handle, and
 * do not close it.
 *
 * Timed out (-BH_ETIMEDOUT) and canceled (-BH_ECANCELED): what was read stays in the reader,
 * and the same call, or another one, goes on from there. So it does after all other errors.
 */
#ifndef BULKHEAD_BUFFERED_H
#define BULKHEAD_BUFFERED_H

#include <bulkhead/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- reading --------------------------------------------------------------------------- */

struct bh_reader;

/* Bytes in a reader: valid, and the caller's to change, until the reader's next call. */
struct bh_bytes {
	char *data;
	size_t len;
};

/*
 * A reader of @io that holds at most @most bytes (0: 64 KiB; at most 16 MiB - 64): no line,
 * frame or count can be longer. It begins with 4 KiB, and grows when more has come. Whatever
 * else reads from @io meanwhile misses what the reader has read already.
 * Errors: -ENOMEM, -EINVAL (@most), -EPERM (outside of a task).
 */
BH_API int bh_reader_open(struct bh_reader **out, bh_io io, size_t most) BH_NODISCARD;

/* Gives its memory back; what it holds is lost. @r may be NULL. */
BH_API void bh_reader_close(struct bh_reader *r);

/*
 * The calls that read answer
 *
 *   1      *@out is what was asked for, and is taken out of the reader;
 *   0      the peer's end came, and nothing before it;
 *   -BH_ETRUNCATED  the peer's end came in the middle: bh_reader_some() has what came before;
 *   -EMSGSIZE       it is longer than @limit (0: as much as the reader holds). Nothing is
 *                   taken: a larger limit may be tried, or an answer sent and the
 *                   connection closed, for where the next one begins is not known;
 *
 * or another negative error: those of bh_read(), and -ENOMEM, which may pass.
 */

/* A line, without its end: "\n" or "\r\n", which becomes a NUL. @limit counts the end. */
BH_API int bh_reader_line(struct bh_reader *r, struct bh_bytes *out, size_t limit,
			  int64_t deadline) BH_NODISCARD;

/* All up to the first @mark, of @len bytes (at least 1), with it: "\r\n\r\n" of a head. */
BH_API int bh_reader_until(struct bh_reader *r, struct bh_bytes *out, const void *mark, size_t len,
			   size_t limit, int64_t deadline) BH_NODISCARD;

/* @n bytes. */
BH_API int bh_reader_exact(struct bh_reader *r, struct bh_bytes *out, size_t n,
			   int64_t deadline) BH_NODISCARD;

/* A frame, whose length stands in front of it: @prefix bytes (1, 2, 4 or 8), the highest
 * first, which do not count themselves. *@out is what follows them. -EINVAL: @prefix. */
BH_API int bh_reader_frame(struct bh_reader *r, struct bh_bytes *out, unsigned prefix, size_t limit,
			   int64_t deadline) BH_NODISCARD;

/* What is there, at most @limit bytes (0: all of it); waits for the first. */
BH_API int bh_reader_some(struct bh_reader *r, struct bh_bytes *out, size_t limit,
			  int64_t deadline) BH_NODISCARD;

/* How many bytes it holds. */
BH_API size_t bh_reader_held(const struct bh_reader *r);

/* As bh_readable(), for between two requests: 0 at once if the reader holds something. */
BH_API int bh_reader_readable(struct bh_reader *r, int64_t deadline) BH_NODISCARD;

/* -- writing --------------------------------------------------------------------------- */

struct bh_writer;

/* A writer to @io that gathers up to @room bytes (0: 4 KiB). Errors: -ENOMEM, -EPERM. */
BH_API int bh_writer_open(struct bh_writer **out, bh_io io, size_t room) BH_NODISCARD;

/* Gives its memory back; what was not sent is lost. @w may be NULL. */
BH_API void bh_writer_close(struct bh_writer *w);

/*
 * Gathers @len bytes. What was gathered before is sent when they do not fit beside it. On
 * an error, timed out and canceled included, none of them was taken, and what is gathered
 * stays: the call may be repeated. That does not hold for more bytes than the writer has
 * room for, which are sent as by bh_write(). Errors: those of bh_write().
 */
BH_API int bh_writer_write(struct bh_writer *w, const void *data, size_t len,
			   int64_t deadline) BH_NODISCARD;

/* The same of a frame for bh_reader_frame(). Errors: -EINVAL (@prefix), -EMSGSIZE (@len is
 * more than @prefix bytes can say), as above. */
BH_API int bh_writer_frame(struct bh_writer *w, const void *data, size_t len, unsigned prefix,
			   int64_t deadline) BH_NODISCARD;

/* Sends what was gathered; not while the writer is corked. On an error, timed out and
 * canceled included, what was not sent stays. Errors: those of bh_write(). */
BH_API int bh_writer_flush(struct bh_writer *w, int64_t deadline) BH_NODISCARD;

/* From now on flushes do nothing, until as many bh_writer_uncork(): so that what flushes
 * after each answer can be used for several in one go. What does not fit is sent. */
BH_API void bh_writer_cork(struct bh_writer *w);

/* The last one flushes. Errors: as bh_writer_flush() (it is uncorked all the same). */
BH_API int bh_writer_uncork(struct bh_writer *w, int64_t deadline) BH_NODISCARD;

/* -- passing on ------------------------------------------------------------------------ */

/*
 * Passes on what comes from @from to @to, up to its end, or @most bytes of it (UINT64_MAX:
 * all). *@copied (may be NULL) is how many were written, after an error, too. Both are the
 * caller's, and may be of any kind (net.h). A stream that is fast goes through a pipe
 * (splice(2), two descriptors) instead of the process; where that cannot be had it is
 * copied.
 *
 * Timed out, canceled, and other errors: up to 64 KiB may have been read that were not
 * written, so both streams are of no more use. Errors: those of bh_read() and bh_write(),
 * -ENOMEM.
 */
BH_API int bh_copy(bh_io to, bh_io from, uint64_t most, uint64_t *copied,
		   int64_t deadline) BH_NODISCARD;

/* How much bh_copy_both() passed on. */
struct bh_copied {
	uint64_t there; /* from its first to its second */
	uint64_t back;
};

/*
 * Both ways at once, until both have ended. The end of one way is passed on as that of this
 * way alone (bh_shutdown()). *@copied may be NULL. Otherwise as bh_copy().
 */
BH_API int bh_copy_both(bh_io a, bh_io b, struct bh_copied *copied, int64_t deadline) BH_NODISCARD;

#ifdef __cplusplus
}
#endif
#endif
