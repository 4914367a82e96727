/* SPDX-License-Identifier: MIT */
#ifndef BH_WORKERS_PROCESS_THREADS_H
#define BH_WORKERS_PROCESS_THREADS_H

/* How many threads the calling process has beside this one, and keeps: those that are
 * just ending are waited for, for a moment. */
unsigned bh_threads_left(void);

#endif
