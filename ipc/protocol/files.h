/* SPDX-License-Identifier: MIT */
/*
 * files.h: which process opened which descriptor. All processes of a service share one table
 * of descriptors, so Linux closes nothing when one of them dies: its descriptors would stay
 * open, and locked, for as long as the service lives.
 *
 * An entry for each number. `by` is the truth: the process that opened it (slot, epoch, and
 * a count that makes the word unique), 0: no known process, or BH_FILE_LOST: the zygote is to
 * close it. The rest is valid while `by` is.
 *
 *   a process opens      note: the entry is stored, `by` last
 *   a process closes     close(), then a CAS of `by` to 0, which fails if the number is
 *                        another process's by now
 *   a process dies       the kernel marks unusable descriptors lost (lose); the zygote,
 *                        which shares the table, closes them
 *
 * Unusable descriptors: opened by the crashed task, or by a dead process for no task or for
 * a task that is gone as well. A descriptor of a living task stays: its number lies on the
 * task's stack, and is good in every process.
 *
 * Crash. Killed between the system call and the note, a process leaves an open descriptor
 * without an entry; it holds no lock yet. Killed between close() and the CAS, the entry names a
 * closed number, or another process's: the file's inode tells. (Not if a living process
 * has just opened the same file, was given that number, and has not noted it yet.
 * Clearing the entry first would leave a descriptor open, with its locks, far more often.)
 *
 * A descriptor that Linux hands over (received, or a pipe's end) is in the journal before it
 * exists (workers/owned/incoming.h), and noted before it leaves the journal. So a number in a
 * dead worker's journal, but in no entry and no slot, is lost: with `ino` 0, which the zygote
 * fills in before it closes. If a kernel is killed after the mark and before it takes the
 * number from the journal, its successor marks it again; a mistake only if the zygote has
 * closed it meanwhile, and the number is another process's that is not noted yet.
 *
 * A number that an I/O slot names is the slot's (task.h); `io` finds that slot, and is
 * checked against it.
 */
#ifndef BH_IPC_FILES_H
#define BH_IPC_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/arena/arena.h"

static inline uint64_t bh_file_stamp(uint32_t slot, uint32_t epoch, uint32_t count)
{
	return (uint64_t)slot << 48 | (uint64_t)(epoch & 0xffff) << 32 | count;
}

static inline bool bh_file_known(uint64_t by)
{
	return by && by != BH_FILE_LOST;
}

/* Notes that descriptor @fd, file @ino of @dev, was opened by @by for @task.
 * Commit: the store of `by`. */
void bh_file_note(const struct bh_view *v, int fd, uint64_t by, uint64_t task, uint64_t ino,
		  uint32_t dev);

/* @fd, noted as @by, is closed. Commit: the CAS on `by`. */
void bh_file_drop(const struct bh_view *v, int fd, uint64_t by);

/* @fd, noted as @by, is task @task's from now on, as if noted by @mine: a job opened it for
 * its parent. False: it is lost, or closed. Killed between the two stores, the descriptor has
 * no living owner. Commit: the CAS on `by`. */
bool bh_file_take(const struct bh_view *v, int fd, uint64_t by, uint64_t mine, uint64_t task);

/* @fd is I/O slot @idx's from now on. Commit: the store of `by`. */
void bh_file_to_io(const struct bh_view *v, int fd, uint32_t idx);

/* The I/O slot in use that names @fd; 0: none. */
uint32_t bh_file_io(const struct bh_view *v, int fd);

/* For the kernel, after a death is confirmed: marks the descriptors that task @crashed (0:
 * none) opened, that dead processes opened for no living task, and that they were just given.
 * Returns how many the zygote has to close now. Safe to do twice. Commit: the CAS on `by`. */
uint32_t bh_files_lose(const struct bh_view *v, uint64_t crashed);

#endif
