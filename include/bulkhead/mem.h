/* SPDX-License-Identifier: MIT */
/*
 * mem.h: memory of the running task.
 *
 * It lies in the service's arena: the pointer means the same in every worker,
 * so it may be kept across calls that wait. It belongs to the task that
 * allocated it and goes away with it, however that task ends; so nothing leaks
 * when a task crashes. It must not be handed to a task that may outlive the
 * owner. No lock is taken: a heap has one task, and a task one worker at a time.
 *
 * malloc() stays what it is: private to the worker process. Use it between two
 * calls that can wait, and free it before the second.
 */
#ifndef BULKHEAD_MEM_H
#define BULKHEAD_MEM_H

#include <bulkhead/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * @size bytes aligned to 16, not cleared; NULL when the service's memory limit is
 * reached, outside of a task, or for more than 16 MiB - 64 at once.
 *
 * The limit (limits.memory) is on the memory promised to all tasks together: stacks,
 * arguments and blocks, in a few block sizes, each block counted whole, touched or not.
 * A block size takes extents of 16 KiB, or of a 16384th of the limit; unused extents of one
 * size go to another before a request is refused. The last eighth is
 * for stacks of work: memory can have seven eighths. So a block of 16 MiB needs a limit
 * above 18.3M, plus the room for all other blocks in use.
 */
BH_API void *bh_alloc(size_t size) __attribute__((malloc, alloc_size(1)));

/* As bh_alloc(), cleared. */
BH_API void *bh_calloc(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2)));

/* As realloc(). On failure NULL, and @ptr is as it was. */
BH_API void *bh_realloc(void *ptr, size_t size) __attribute__((alloc_size(2)));

/* Frees a block that bh_alloc() or a join gave to this task. NULL is allowed. */
BH_API void bh_free(void *ptr);

#ifdef __cplusplus
}
#endif
#endif
