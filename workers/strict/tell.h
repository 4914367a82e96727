/* SPDX-License-Identifier: MIT */
/* tell.h: the report of --strict: one line for each place. */
#ifndef BH_WORKERS_STRICT_TELL_H
#define BH_WORKERS_STRICT_TELL_H

#include <stdbool.h>
#include <stdint.h>

/* A store to what is watched, or the use of a pointer to another process's memory, unless it
 * was told of that place. @ip and @sp: of the instruction; @by_call: it is a system call. */
void bh_strict_tell_store(uintptr_t address, uintptr_t ip, uintptr_t sp, bool by_call);
void bh_strict_tell_pointer(uintptr_t address, uintptr_t ip, uintptr_t sp, bool by_call);

/* @offsets: of the module's thread-locals, with commas. @poll: the function that returned; 0:
 * the caller is on the task's stack. */
void bh_strict_tell_locals(const char *offsets, uintptr_t poll);

#endif
