/* SPDX-License-Identifier: MIT */
/* locals.h: the module's thread-locals, with --strict. */
#ifndef BH_WORKERS_STRICT_LOCALS_H
#define BH_WORKERS_STRICT_LOCALS_H

void bh_strict_locals_begin(void);

/* The running task is about to wait, on its stack; or has returned from @poll to wait. */
void bh_strict_waits(const void *poll);

/* No task runs any more. */
void bh_strict_ran(void);

#endif
