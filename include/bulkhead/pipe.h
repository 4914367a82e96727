/* SPDX-License-Identifier: MIT */
/*
 * pipe.h: pipes and FIFOs. Their ends are bh_io: bh_read(), bh_write() and their like, of
 * fibers and of poll tasks, say what a timeout or a cancel leaves; bh_join_or_gone() tells when
 * the other side is gone.
 *
 *   the writer is closed, or its task crashes    what was written is read, then 0
 *   the reader is closed, or its task crashes    writing is -EPIPE; what was not read is gone
 *   the task crashes in one of these calls       descriptors it had opened are closed
 *
 * For a program that a task starts, bh_io_fd() is the number; it is closed on exec: dup2() it
 * to 0, 1 or 2 in the child.
 */
#ifndef BULKHEAD_PIPE_H
#define BULKHEAD_PIPE_H

#include <bulkhead/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a pipe. Errors (nothing stays open): -BH_ENOSLOT, -EMFILE, -ENFILE. */
BH_API int bh_pipe_open(bh_io *reader, bh_io *writer) BH_NODISCARD;

enum bh_fifo {
	BH_FIFO_READ = 1,  /* reads return 0 while the FIFO has no writer */
	BH_FIFO_WRITE = 2, /* -ENXIO while the FIFO has no reader: try again later */
	BH_FIFO_BOTH = 3,  /* never -ENXIO, and reads see no end: writers may come and go */
};

/* Opens the FIFO at @path (mkfifo() makes one). Never waits for the other side.
 * Errors: -ENXIO, -ENOENT, -EACCES, -EINVAL (no FIFO), -BH_ENOSLOT, -EMFILE, ... */
BH_API int bh_fifo_open(bh_io *out, const char *path, enum bh_fifo how) BH_NODISCARD;

#ifdef __cplusplus
}
#endif
#endif
