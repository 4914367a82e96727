/* SPDX-License-Identifier: MIT */
/*
 * fs.h: files, without holding up a worker.
 *
 * A call here runs in one of the service's blocking processes (blocking.h), while its
 * fiber waits as in any other call; data in the page cache is read in the
 * fiber's own worker. In a blocking job, which may block, everything runs in place and
 * deadlines mean nothing.
 *
 * An open file is a bh_io, and belongs to the task that opened it as a socket does: it is
 * closed with the task, crashed or not, and goes to another one by opts->give. It has no
 * position: each read and write takes an offset. bh_read() and the other calls for streams
 * answer -ENOTSOCK; bh_io_fd() is for calls that are not here, such as bh_sendfile()'s @file.
 *
 * Paths that do not begin with / are looked for in the directory that the service was
 * started in. (What a task does by chdir() concerns its own worker alone.)
 *
 * What is left behind
 *
 *                       deadline, abort                 the caller crashes or is lost
 *   bh_fs_open          nothing is open; a file may     the same
 *                       have been made or truncated
 *   bh_fs_pread         @buf has anything               nothing
 *   bh_fs_pwrite        any part of it is written       the same
 *   bh_fs_sync          some of it may be on the disk   the same
 *   bh_fs_stat, _fstat, nothing                         nothing
 *   bh_fs_readdir
 *   bh_fs_rename,       it was done, or it was not      the same
 *   _unlink, _mkdir,
 *   _rmdir, _truncate
 *
 * A call that is given up ends with its process, by SIGKILL, as an aborted job does. The
 * exception: a bh_fs_pread() or bh_fs_pwrite() of more than 60 KiB, which works
 * on the caller's buffer itself, returns when that process is gone. On a disk or a server
 * that does not answer (NFS mounted "hard") that may take until Linux lets the process go.
 *
 * (A call killed after it has opened a file, and before it has recorded the descriptor, leaves
 * the file open, as in any task: see bh_io_adopt(). This needs a kill in that very moment.)
 *
 * When that process dies by itself or is killed from outside, the answer is -EIO, and the
 * same is left behind as by an abort.
 *
 * Closing (bh_close()) runs in the caller's worker. It does not report delayed write
 * errors: bh_fs_sync() does.
 */
#ifndef BULKHEAD_FS_H
#define BULKHEAD_FS_H

#include <fcntl.h>
#include <sys/stat.h>

#include <bulkhead/base.h>
#include <bulkhead/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * All of these calls may answer, beside the errors of the system call: -BH_ETIMEDOUT,
 * -BH_ECANCELED, -BH_ENOSLOT and -ENOMEM (there is no room for the job), -EDEADLK (from
 * a poll task: use the calls below), -EPERM (outside of a task), -EIO (see above), and
 * calls that take a bh_io: -BH_ESTALE, -EBADF (not a file opened by bh_fs_open()).
 * A path has at most 4095 bytes (-ENAMETOOLONG).
 */

/* Opens a file, a directory or a device: @flags and @mode as open(2) has them, with
 * O_CLOEXEC besides. Opening a FIFO waits for its other end. */
BH_API int bh_fs_open(bh_io *out, const char *path, int flags, mode_t mode,
		      int64_t deadline) BH_NODISCARD;

/*
 * Reads @len bytes from @offset on; less only where the file ends. Bytes in the page cache
 * come at once, and the rest by a job: straight into @buf if the rest is more than 60 KiB,
 * @buf is the task's own memory (its stack, bh_alloc()), and the task is not pinned; else
 * with one copy more.
 *
 * BH_NOWAIT: the bytes in the page cache, up to the first gap; -BH_ETIMEDOUT: there are none.
 */
BH_API ssize_t bh_fs_pread(bh_io file, void *buf, size_t len, off_t offset,
			   int64_t deadline) BH_NODISCARD;

/* Writes all @len bytes at @offset (or at the end, of a file opened with O_APPEND), and
 * returns @len. The buffer as above. After any other answer, -ENOSPC and -EFBIG included, a
 * part may be written. */
BH_API ssize_t bh_fs_pwrite(bh_io file, const void *buf, size_t len, off_t offset,
			    int64_t deadline) BH_NODISCARD;

/* One attempt in the caller's worker, for any task. -EAGAIN: it would wait (always, on a
 * file system that cannot tell). They read or write less than @len
 * if the rest would wait; a read's 0 is the end of the file. */
BH_API ssize_t bh_fs_try_pread(bh_io file, void *buf, size_t len, off_t offset) BH_NODISCARD;
BH_API ssize_t bh_fs_try_pwrite(bh_io file, const void *buf, size_t len, off_t offset) BH_NODISCARD;

/* Waits until all writes are on the disk; if @data_alone, without metadata that is not
 * needed to read the data again (fdatasync). */
BH_API int bh_fs_sync(bh_io file, int data_alone, int64_t deadline) BH_NODISCARD;

BH_API int bh_fs_truncate(bh_io file, off_t len, int64_t deadline) BH_NODISCARD;

/* @follow 0: a symbolic link itself (lstat). */
BH_API int bh_fs_stat(const char *path, struct stat *out, int follow,
		      int64_t deadline) BH_NODISCARD;
BH_API int bh_fs_fstat(bh_io file, struct stat *out, int64_t deadline) BH_NODISCARD;

BH_API int bh_fs_rename(const char *from, const char *to, int64_t deadline) BH_NODISCARD;
BH_API int bh_fs_unlink(const char *path, int64_t deadline) BH_NODISCARD;
BH_API int bh_fs_mkdir(const char *path, mode_t mode, int64_t deadline) BH_NODISCARD;
BH_API int bh_fs_rmdir(const char *path, int64_t deadline) BH_NODISCARD;

struct bh_fs_entry {
	const char *name;
	uint64_t ino;
	uint32_t type; /* DT_REG, DT_DIR, ... of dirent.h; DT_UNKNOWN: ask bh_fs_stat() */
	uint32_t reserved;
};

struct bh_fs_dir {
	size_t count;
	struct bh_fs_entry entry[BH_AT_ITS_END]; /* in the order in which the directory has them */
};

/* Lists directory @path, without "." and "..": *@out is one block of the task's memory, to
 * be given back by bh_free(). Errors: -E2BIG (a list of more than 16 MiB). */
BH_API int bh_fs_readdir(const char *path, struct bh_fs_dir **out, int64_t deadline) BH_NODISCARD;

/*
 * -- for poll tasks --
 *
 * As above; while the answer is -EAGAIN the call is under way, and the task is polled
 * again when it has ended. @op, zero at first, identifies the call: it lies in the task's
 * state, as the arguments do, and is 0 again with each other answer. One call at a time per
 * @op; a task may have several @op.
 *
 * Data goes with one copy more, and at most 60 KiB by a job; the calls return the count.
 * So none of the task's memory is in use while a call is under way,
 * and buffers need not stay. An aborted task leaves behind what the table says.
 */
struct bh_cx;
struct bh_fs_op {
	bh_task job; /* a child of the task */
};

BH_API int bh_poll_fs_open(struct bh_cx *cx, struct bh_fs_op *op, bh_io *out, const char *path,
			   int flags, mode_t mode) BH_NODISCARD;
BH_API ssize_t bh_poll_fs_pread(struct bh_cx *cx, struct bh_fs_op *op, bh_io file, void *buf,
				size_t len, off_t offset) BH_NODISCARD;
BH_API ssize_t bh_poll_fs_pwrite(struct bh_cx *cx, struct bh_fs_op *op, bh_io file, const void *buf,
				 size_t len, off_t offset) BH_NODISCARD;
BH_API int bh_poll_fs_sync(struct bh_cx *cx, struct bh_fs_op *op, bh_io file,
			   int data_alone) BH_NODISCARD;
BH_API int bh_poll_fs_truncate(struct bh_cx *cx, struct bh_fs_op *op, bh_io file,
			       off_t len) BH_NODISCARD;
BH_API int bh_poll_fs_stat(struct bh_cx *cx, struct bh_fs_op *op, const char *path,
			   struct stat *out, int follow) BH_NODISCARD;
BH_API int bh_poll_fs_fstat(struct bh_cx *cx, struct bh_fs_op *op, bh_io file,
			    struct stat *out) BH_NODISCARD;
BH_API int bh_poll_fs_rename(struct bh_cx *cx, struct bh_fs_op *op, const char *from,
			     const char *to) BH_NODISCARD;
BH_API int bh_poll_fs_unlink(struct bh_cx *cx, struct bh_fs_op *op, const char *path) BH_NODISCARD;
BH_API int bh_poll_fs_mkdir(struct bh_cx *cx, struct bh_fs_op *op, const char *path,
			    mode_t mode) BH_NODISCARD;
BH_API int bh_poll_fs_rmdir(struct bh_cx *cx, struct bh_fs_op *op, const char *path) BH_NODISCARD;
BH_API int bh_poll_fs_readdir(struct bh_cx *cx, struct bh_fs_op *op, const char *path,
			      struct bh_fs_dir **out) BH_NODISCARD;

/* Gives up the call under way, if any, as a deadline would; *@op is 0 then. */
BH_API void bh_fs_give_up(struct bh_fs_op *op);

#ifdef __cplusplus
}
#endif
#endif
