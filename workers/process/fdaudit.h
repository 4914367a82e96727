/* SPDX-License-Identifier: MIT */
#ifndef BH_WORKERS_PROCESS_FDAUDIT_H
#define BH_WORKERS_PROCESS_FDAUDIT_H

/*
 * What zygotes close in the table that they share with their workers. Nothing in
 * here opens a descriptor: one that is killed meanwhile would leave it behind.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "workers/owned/files.h" /* bh_sys_close() */

/* Closes sockets that no I/O slot names: what a worker had made and not yet written
 * down when it died. False: some worker is in the middle of what may look like it, so
 * nothing can be said; to be asked again. */
bool bh_fd_audit(void);

/* Closes the files that the kernel has marked as lost (ipc/protocol/files.h). */
void bh_fd_close_lost(void);

/* Closes the control sockets of zygotes and twins that died, of whose descriptors
 * nobody else can know. @own: the caller's. */
void bh_fd_close_stale(int own);

/* True if @fd is a pidfd; the first numbers, which are given, are none. */
bool bh_fd_is_pidfd(int fd);

/* Closes the pidfd that *@word names, and forgets it. Killed in between, the number
 * is closed by the next one only if it is a pidfd. */
void bh_fd_drop_pidfd(_Atomic int32_t *word);

#endif
