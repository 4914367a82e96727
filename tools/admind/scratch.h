/* SPDX-License-Identifier: MIT */
/*
 * scratch.h: memory for one reply: taken piece by piece, given back at once.
 *
 * Out of memory, the process ends with a message: no other process depends on it,
 * and the kernel starts it again.
 */
#ifndef BH_ADMIND_SCRATCH_H
#define BH_ADMIND_SCRATCH_H

#include <stddef.h>

struct bh_chunk;

struct bh_scratch {
	struct bh_chunk *newest;
};

/* Zeroed; never NULL. */
void *bh_scratch_take(struct bh_scratch *s, size_t bytes);
void bh_scratch_fini(struct bh_scratch *s);

/* A copy of the text in @from, of at most @size bytes and ended by a NUL if it is
 * shorter. It may come from worker-writable memory: each byte that is not printable
 * ASCII becomes '?', so that the text is valid in protobuf, in JSON and on a terminal. */
char *bh_scratch_text(struct bh_scratch *s, const char *from, size_t size);

/* An array of @n pointers to new, zeroed objects of @bytes each. */
void *bh_scratch_list(struct bh_scratch *s, size_t n, size_t bytes);

#endif
