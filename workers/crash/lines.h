/* SPDX-License-Identifier: MIT */
/*
 * lines.h: what user code prints.
 *
 * stdout is its data, and as it is, but line by line, wherever it goes. stderr is the log: a
 * line has time, service and task in front, as the kernel's lines have (kernel/base/log.c), and
 * is one write().
 */
#ifndef BH_WORKERS_CRASH_LINES_H
#define BH_WORKERS_CRASH_LINES_H

#include <stddef.h>

/* In a zygote, before user code is loaded: its workers have it by the fork. */
void bh_lines_begin(void);

/* In a process that runs tasks, by the thread that does: others' lines name no task. */
void bh_lines_enter(void);

enum {
	BH_LINES_PREFIX = 192
};

/* What a line of the running task has in front, now. Returns its length. */
size_t bh_lines_prefix(char out[static BH_LINES_PREFIX]);

/* Writes what was begun and has no end yet, as a line. Async-signal-safe. */
void bh_lines_end(void);

#endif
