/* SPDX-License-Identifier: MIT */
/* atfork.h: what the C library does around its fork(), for clones that it does not see. */
#ifndef BH_WORKERS_LIBC_ATFORK_H
#define BH_WORKERS_LIBC_ATFORK_H

/* Before a clone, and after it in each of the two processes (in the parent also if there
 * is no child). */
void bh_atfork_prepare(void);
void bh_atfork_parent(void);
void bh_atfork_child(void);

/* Registers handlers for fork() alone, which those above do not run. */
void bh_atfork_own(void (*prepare)(void), void (*child)(void));

#endif
