/* SPDX-License-Identifier: MIT */
/*
 * buffered.h: reading lines and frames, buffering writes, and passing streams on.
 * For fibers.
 *
 * A reader or writer belongs to the task that opened it, as its bh_io does,
 * and lies in the task's memory (mem.h): it may be kept across any wait, it goes when the
 * task ends, and after a crash nothing is left of it. It holds the bh_io's handle, and
 * does not close it.
 *
 * After any error, timed out (-BH_ETIMEDOUT) and canceled (-BH_ECANCELED) included, the bytes
 * read stay in the reader, and the same call, or another, goes on from there.
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
 * frame or count can be longer. It begins with 4 KiB, and grows as more data comes. Other
 * reads from @io miss the bytes that the reader has read already.
 * Errors: -ENOMEM, -EINVAL (@most), -EPERM (outside of a task).
 */
BH_API int bh_reader_open(struct bh_reader **out, bh_io io, size_t most) BH_NODISCARD;

/* Frees the reader; the bytes it holds are lost. @r may be NULL. */
BH_API void bh_reader_close(struct bh_reader *r);

/*
 * The calls that read answer
 *
 *   1      *@out is the line, frame or bytes asked for, now taken out of the reader;
 *   0      the stream ended, with nothing before its end;
 *   -BH_ETRUNCATED  the stream ended in the middle: bh_reader_some() returns the rest;
 *   -EMSGSIZE       the line or frame is longer than @limit (0: as much as the reader
 *                   holds). Nothing is taken: try a larger limit, or send an answer and
 *                   close the connection, for the start of the next one is unknown;
 *
 * or another negative error: an error of bh_read(), or -ENOMEM, which may pass.
 */

/* A line, without its end: "\n" or "\r\n", which becomes a NUL. @limit counts the end. */
BH_API int bh_reader_line(struct bh_reader *r, struct bh_bytes *out, size_t limit,
			  int64_t deadline) BH_NODISCARD;

/* All bytes up to and with the first @mark (@len bytes, at least 1), such as "\r\n\r\n". */
BH_API int bh_reader_until(struct bh_reader *r, struct bh_bytes *out, const void *mark, size_t len,
			   size_t limit, int64_t deadline) BH_NODISCARD;

/* @n bytes. */
BH_API int bh_reader_exact(struct bh_reader *r, struct bh_bytes *out, size_t n,
			   int64_t deadline) BH_NODISCARD;

/* A frame with its length in front: @prefix bytes (1, 2, 4 or 8), big-endian, not counting
 * themselves. *@out is the frame without its length. -EINVAL: @prefix. */
BH_API int bh_reader_frame(struct bh_reader *r, struct bh_bytes *out, unsigned prefix, size_t limit,
			   int64_t deadline) BH_NODISCARD;

/* The bytes that are there, at most @limit (0: all); waits for the first. */
BH_API int bh_reader_some(struct bh_reader *r, struct bh_bytes *out, size_t limit,
			  int64_t deadline) BH_NODISCARD;

/* How many bytes it holds. */
BH_API size_t bh_reader_held(const struct bh_reader *r);

/* As bh_readable(), for between two requests: 0 at once if the reader holds something. */
BH_API int bh_reader_readable(struct bh_reader *r, int64_t deadline) BH_NODISCARD;

/* -- writing --------------------------------------------------------------------------- */

struct bh_writer;

/* A writer to @io that buffers up to @room bytes (0: 4 KiB). Errors: -ENOMEM, -EPERM. */
BH_API int bh_writer_open(struct bh_writer **out, bh_io io, size_t room) BH_NODISCARD;

/* Frees the writer; unsent bytes are lost. @w may be NULL. */
BH_API void bh_writer_close(struct bh_writer *w);

/*
 * Buffers @len bytes. If they do not fit beside the bytes buffered before, those are sent
 * first. On an error, timed out and canceled included, none of the @len bytes was taken, and
 * the buffer stays: the call may be repeated. The exception: more bytes than the writer has
 * room for are sent as by bh_write(). Errors: as bh_write().
 */
BH_API int bh_writer_write(struct bh_writer *w, const void *data, size_t len,
			   int64_t deadline) BH_NODISCARD;

/* The same for a frame that bh_reader_frame() reads. Errors: -EINVAL (@prefix), -EMSGSIZE
 * (@len is more than @prefix bytes can hold), as above. */
BH_API int bh_writer_frame(struct bh_writer *w, const void *data, size_t len, unsigned prefix,
			   int64_t deadline) BH_NODISCARD;

/* Sends the buffered bytes; does nothing while the writer is corked. On an error, timed out
 * and canceled included, the unsent bytes stay buffered. Errors: as bh_write(). */
BH_API int bh_writer_flush(struct bh_writer *w, int64_t deadline) BH_NODISCARD;

/* Flushes do nothing until as many calls of bh_writer_uncork(): so code that flushes after
 * each answer can send several in one go. A full buffer is sent all the same. */
BH_API void bh_writer_cork(struct bh_writer *w);

/* The last uncork flushes. Errors: as bh_writer_flush() (the writer is uncorked all the same). */
BH_API int bh_writer_uncork(struct bh_writer *w, int64_t deadline) BH_NODISCARD;

/* -- passing on ------------------------------------------------------------------------ */

/*
 * Passes the bytes of @from on to @to, up to the end of @from, or @most bytes (UINT64_MAX:
 * all). *@copied (may be NULL) is the count of bytes written, after an error, too. Both are the
 * caller's, and may be of any kind (net.h). A fast stream goes through a pipe
 * (splice(2), two descriptors) instead of the process; where that is not possible it is
 * copied.
 *
 * Timed out, canceled, and other errors: up to 64 KiB may have been read and not
 * written, so both streams are of no more use. Errors: as bh_read() and bh_write(), -ENOMEM.
 */
BH_API int bh_copy(bh_io to, bh_io from, uint64_t most, uint64_t *copied,
		   int64_t deadline) BH_NODISCARD;

/* How much bh_copy_both() passed on. */
struct bh_copied {
	uint64_t there; /* from its first to its second */
	uint64_t back;
};

/*
 * Both ways at once, until both have ended. The end of one way is passed on for that
 * way alone (bh_shutdown()). *@copied may be NULL. Otherwise as bh_copy().
 */
BH_API int bh_copy_both(bh_io a, bh_io b, struct bh_copied *copied, int64_t deadline) BH_NODISCARD;

#ifdef __cplusplus
}
#endif
#endif
