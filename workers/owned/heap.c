/* SPDX-License-Identifier: MIT */
/*
 * heap.c: a task's heap: segregated free lists over blocks of the arena.
 *
 * All of its state lies in the task's own blocks and belongs to the task alone:
 * no atomics, no lock. A crash leaves it in any shape; it is never read again,
 * for recovery frees the blocks and knows nothing of what is inside.
 *
 * Every allocation has a 16-byte header {size, kind}. Up to 2 KiB: a power of two
 * cut from the current block, kept in a free list of its size once freed. Above
 * that: a block of its own. A reply (join.c) is such a block too. A poll task
 * whose state is in its tcb has no room there for the heap's address: all that it
 * allocates is a block each.
 */
#include "workers/owned/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workers/base/rt.h"
#include "workers/owned/blocks.h"

enum {
	SMALL_MIN_LOG2 = 5,
	SMALL_MAX_LOG2 = 11,
	BINS = SMALL_MAX_LOG2 - SMALL_MIN_LOG2 + 1,
	SMALL_MAX = (1 << SMALL_MAX_LOG2) - BH_HEAP_REPLY_HEADER,
	SIZE_LIMIT = (16 << 20) - 64 /* mem.h promises as much */
};

#define KIND_SMALL 0xb41cb41c00000001ull
#define KIND_BLOCK 0xb41cb41c00000002ull
#define KIND_FREED 0xb41cb41c00000003ull

struct header {
	uint64_t size; /* that the user asked for */
	uint64_t kind;
};
_Static_assert(sizeof(struct header) == BH_HEAP_REPLY_HEADER, "one header for all");

struct free_chunk {
	struct header h;
	struct free_chunk *next;
};

struct heap {
	struct free_chunk *bin[BINS];
	unsigned char *at, *end; /* what is left of the current block */
	uint32_t next_class;     /* of the next one: they grow */
	uint32_t reserved;
};

void *bh_heap_reply_data(void *block)
{
	return (struct header *)block + 1;
}

void *bh_heap_reply_init(void *block, size_t len)
{
	*(struct header *)block = (struct header){ .size = len, .kind = KIND_BLOCK };
	return bh_heap_reply_data(block);
}

static struct heap *heap_of(struct bh_tcb *t)
{
	struct heap *h = (struct heap *)(uintptr_t)t->heap;
	uint32_t ref;

	if (h)
		return h;
	ref = bh_block_take(t, bh_rt.handle, 1, NULL);
	if (!ref)
		return NULL;
	h = bh_block_data(&bh_rt.v, ref);
	memset(h, 0, sizeof(*h));
	h->at = (unsigned char *)(h + 1);
	h->end = (unsigned char *)h + bh_class_bytes(1);
	h->next_class = 2;
	t->heap = (uint64_t)(uintptr_t)h;
	return h;
}

/* False: where the heap's address would be stands the state of a poll task. */
static bool has_heap(const struct bh_tcb *t)
{
	return t->arg != (uint64_t)(uintptr_t)t->small;
}

static uint32_t bin_of(size_t total)
{
	uint32_t log2 = SMALL_MIN_LOG2;

	while ((1ull << log2) < total)
		log2++;
	return log2 - SMALL_MIN_LOG2;
}

static void *small_alloc(struct bh_tcb *t, size_t size)
{
	struct heap *h = heap_of(t);
	uint32_t bin = bin_of(size + sizeof(struct header));
	size_t chunk = 1ull << (bin + SMALL_MIN_LOG2);
	struct free_chunk *c;

	if (!h)
		return NULL;
	c = h->bin[bin];
	if (c) {
		h->bin[bin] = c->next;
	} else {
		if ((size_t)(h->end - h->at) < chunk) {
			uint32_t ref = bh_block_take(t, bh_rt.handle, h->next_class, NULL);
			if (!ref)
				return NULL;
			h->at = bh_block_data(&bh_rt.v, ref);
			h->end = h->at + bh_class_bytes(h->next_class);
			h->next_class += h->next_class < 6;
		}
		c = (struct free_chunk *)(void *)h->at;
		h->at += chunk;
	}
	c->h = (struct header){ .size = size, .kind = KIND_SMALL };
	return &c->h + 1;
}

void *bh_alloc(size_t size)
{
	struct bh_tcb *t = bh_rt.task;
	uint32_t cls, ref;

	if (!t || size > SIZE_LIMIT)
		return NULL;
	if (size <= SMALL_MAX && has_heap(t))
		return small_alloc(t, size);
	cls = bh_class_of(size + sizeof(struct header));
	ref = bh_block_take(t, bh_rt.handle, cls, NULL);
	return ref ? bh_heap_reply_init(bh_block_data(&bh_rt.v, ref), size) : NULL;
}

void *bh_calloc(size_t count, size_t size)
{
	size_t total;
	void *p;

	if (__builtin_mul_overflow(count, size, &total))
		return NULL;
	p = bh_alloc(total);
	return p ? memset(p, 0, total) : NULL;
}

/* Takes a block of its own out of the task's list and frees it. */
static void block_free(struct bh_tcb *t, uint32_t ref)
{
	struct bh_block *b = bh_block_at(&bh_rt.v, ref), *p;
	uint32_t at = bh_ld_rlx(&t->blocks);

	if (!b)
		return;
	bh_st_rlx(&bh_rt.me->journal.block, ref);
	bh_compiler_barrier();
	if (at == ref) {
		bh_st_rel(&t->blocks, bh_ld_rlx(&b->next));
	} else {
		while ((p = bh_block_at(&bh_rt.v, at)) && bh_ld_rlx(&p->next) != ref)
			at = bh_ld_rlx(&p->next);
		if (!p)
			return;
		bh_st_rel(&p->next, bh_ld_rlx(&b->next));
	}
	bh_block_free(ref, bh_rt.handle);
	bh_st_rlx(&bh_rt.me->journal.block, 0);
}

/* A pointer that is not this heap's is a bug of the task: it ends here, before it
 * can do harm, as a crash of this task alone. */
static _Noreturn void bad_pointer(const void *ptr, const char *what)
{
	fprintf(stderr, "bulkhead: bh_free or bh_realloc of %p: %s\n", ptr, what);
	abort();
}

/* The header of @ptr, which must be a live allocation of the running task. *ref:
 * the block that it lies in. */
static struct header *header_of(void *ptr, uint32_t *ref)
{
	struct header *h = (struct header *)ptr - 1;

	*ref = bh_block_containing(h);
	struct bh_block *b = bh_block_at(&bh_rt.v, *ref);
	if (!b || !bh_rt.task || bh_ld_rlx(&b->owner) != bh_rt.handle ||
	    (uintptr_t)ptr % sizeof(*h))
		bad_pointer(ptr, "it is not memory of this task");
	if (h->kind == KIND_FREED)
		bad_pointer(ptr, "it was freed before");
	if (h->kind == KIND_SMALL && h->size <= SMALL_MAX && has_heap(bh_rt.task) &&
	    bh_rt.task->heap)
		return h;
	if (h->kind != KIND_BLOCK || h != bh_block_data(&bh_rt.v, *ref) ||
	    h->size > bh_class_bytes(bh_block_class(*ref)) - sizeof(*h))
		bad_pointer(ptr, "it is not from bh_alloc(), or what is before it was overwritten");
	return h;
}

void bh_free(void *ptr)
{
	uint32_t ref;

	if (!ptr || bh_rt.forked)
		return;
	struct header *h = header_of(ptr, &ref);
	bool small = h->kind == KIND_SMALL;

	h->kind = KIND_FREED;
	if (!small) {
		block_free(bh_rt.task, ref);
		return;
	}
	struct heap *heap = (struct heap *)(uintptr_t)bh_rt.task->heap;
	struct free_chunk *c = (struct free_chunk *)(void *)h;
	uint32_t bin = bin_of(h->size + sizeof(*h));

	c->next = heap->bin[bin];
	heap->bin[bin] = c;
}

void *bh_realloc(void *ptr, size_t size)
{
	uint32_t ref;
	size_t room;
	void *p;

	if (!ptr)
		return bh_alloc(size);
	if (bh_rt.forked)
		return NULL;
	struct header *h = header_of(ptr, &ref);
	if (h->kind == KIND_SMALL)
		room = 1ull << (bin_of(h->size + sizeof(*h)) + SMALL_MIN_LOG2);
	else
		room = bh_class_bytes(bh_block_class(ref));
	/* A small one keeps its place while its bin, which the header's size tells,
	 * stays the same. */
	if (size <= room - sizeof(*h) &&
	    (h->kind == KIND_BLOCK || bin_of(size + sizeof(*h)) == bin_of(h->size + sizeof(*h)))) {
		h->size = size;
		return ptr;
	}
	p = bh_alloc(size);
	if (!p)
		return NULL;
	memcpy(p, ptr, size < h->size ? size : h->size);
	bh_free(ptr);
	return p;
}
