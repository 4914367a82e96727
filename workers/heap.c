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
 * that: a block of its own. A reply (task.c) is such a block too.
 */
#include "workers/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workers/rt.h"

enum {
	SMALL_MIN_LOG2 = 5,
	SMALL_MAX_LOG2 = 11,
	BINS = SMALL_MAX_LOG2 - SMALL_MIN_LOG2 + 1
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

	if (!t)
		return NULL;
	if (size + sizeof(struct header) <= 1u << SMALL_MAX_LOG2)
		return small_alloc(t, size);
	cls = size > (16u << 20) ? BH_CLASSES : bh_class_of(size + sizeof(struct header));
	ref = cls < BH_CLASSES ? bh_block_take(t, bh_rt.handle, cls, NULL) : 0;
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
	fprintf(stderr, "bulkhead: bh_free(%p): %s\n", ptr, what);
	abort();
}

void bh_free(void *ptr)
{
	struct header *h = (struct header *)ptr - 1;
	struct bh_tcb *t = bh_rt.task;

	if (!ptr)
		return;
	if (!t || !bh_block_containing(ptr))
		bad_pointer(ptr, "not memory of a task");
	if (h->kind == KIND_BLOCK) {
		uint32_t ref = bh_block_containing(ptr);
		h->kind = KIND_FREED;
		block_free(t, ref);
		return;
	}
	if (h->kind != KIND_SMALL || !t->heap)
		bad_pointer(ptr, h->kind == KIND_FREED ? "freed twice" : "not from bh_alloc()");
	struct heap *heap = (struct heap *)(uintptr_t)t->heap;
	struct free_chunk *c = (struct free_chunk *)(void *)h;
	uint32_t bin = bin_of(h->size + sizeof(*h));

	if (bin >= BINS)
		bad_pointer(ptr, "its header was overwritten");
	h->kind = KIND_FREED;
	c->next = heap->bin[bin];
	heap->bin[bin] = c;
}

void *bh_realloc(void *ptr, size_t size)
{
	struct header *h = (struct header *)ptr - 1;
	size_t room;
	void *p;

	if (!ptr)
		return bh_alloc(size);
	if (!bh_block_containing(ptr) || (h->kind != KIND_SMALL && h->kind != KIND_BLOCK))
		bad_pointer(ptr, "realloc of what is not from bh_alloc()");
	room = h->kind == KIND_SMALL ? (1ull << (bin_of(h->size + sizeof(*h)) + SMALL_MIN_LOG2)) :
				       bh_class_bytes(bh_block_class(bh_block_containing(ptr)));
	if (size + sizeof(*h) <= room &&
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
