/* SPDX-License-Identifier: MIT */
/* popen.h: the commands behind the streams of popen(). */
#ifndef BH_WORKERS_LIBC_POPEN_H
#define BH_WORKERS_LIBC_POPEN_H

#include <stdio.h>
#include <sys/types.h>

/* The process behind @stream, which is about to be closed; 0: it is none of popen()'s. */
pid_t bh_popen_take(FILE *stream);

/* What pclose() returns of it. */
int bh_popen_wait(pid_t pid);

#endif
