/* SPDX-License-Identifier: MIT */
/* reclocks.h: record locks (reclocks.c), for those who close descriptors. */
#ifndef BH_WORKERS_LIBC_RECLOCKS_H
#define BH_WORKERS_LIBC_RECLOCKS_H

/* User code is about to close @fd: as POSIX has it, that ends all locks of this process on
 * its file. */
void bh_reclocks_closing(int fd);

/* What is known here is a parent's. */
void bh_reclocks_forget(void);

#endif
