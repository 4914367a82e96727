/* SPDX-License-Identifier: MIT */
/* heap.h: between a task's heap (heap.c) and the reply that a join hands over. */
#ifndef BH_WORKERS_OWNED_HEAP_H
#define BH_WORKERS_OWNED_HEAP_H

#include <stddef.h>

enum {
	BH_HEAP_REPLY_HEADER = 16
};

/* Makes the block at @block a reply of @len bytes; returns where they go. */
void *bh_heap_reply_init(void *block, size_t len);

/* Where the bytes of such a block are. */
void *bh_heap_reply_data(void *block);

#endif
