/* SPDX-License-Identifier: MIT */
#include "tools/admind/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK_BYTES = 64 * 1024,
	ALIGN = 16
};

struct bh_chunk {
	struct bh_chunk *older;
	size_t used, size;
	_Alignas(ALIGN) unsigned char bytes[];
};

static void grow(struct bh_scratch *s, size_t bytes)
{
	size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
	struct bh_chunk *c = calloc(1, sizeof(*c) + size);

	if (!c) {
		fprintf(stderr, "bulkhead-admind: out of memory for a reply\n");
		exit(111);
	}
	c->size = size;
	c->older = s->newest;
	s->newest = c;
}

void *bh_scratch_take(struct bh_scratch *s, size_t bytes)
{
	bytes = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!s->newest || s->newest->size - s->newest->used < bytes)
		grow(s, bytes);
	void *p = s->newest->bytes + s->newest->used;
	s->newest->used += bytes;
	return p;
}

void bh_scratch_fini(struct bh_scratch *s)
{
	while (s->newest) {
		struct bh_chunk *older = s->newest->older;

		free(s->newest);
		s->newest = older;
	}
}

char *bh_scratch_text(struct bh_scratch *s, const char *from, size_t size)
{
	char *to = bh_scratch_take(s, size + 1);

	for (size_t i = 0; i < size; i++) {
		char c = from[i]; /* read once: it may change */

		if (!c)
			break;
		to[i] = c >= ' ' && c < 0x7f ? c : '?';
	}
	return to;
}

void *bh_scratch_list(struct bh_scratch *s, size_t n, size_t bytes)
{
	void **list = bh_scratch_take(s, n * sizeof(*list));

	for (size_t i = 0; i < n; i++)
		list[i] = bh_scratch_take(s, bytes);
	return list;
}
