/* SPDX-License-Identifier: MIT */
/* calls.h: system calls that store into what is watched. */
#ifndef BH_WORKERS_STRICT_CALLS_H
#define BH_WORKERS_STRICT_CALLS_H

/* From here on this thread, and those that it makes, are watched. */
void bh_strict_calls_begin(void);

#endif
