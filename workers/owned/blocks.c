/* SPDX-License-Identifier: MIT */
/*
 * blocks.c: memory blocks: taking one for a task, freeing, and the list of those
 * that a task has.
 */
#include "workers/owned/blocks.h"

#include <sched.h>
#include <sys/mman.h>

#include "ipc/arena/extent.h"
#include "workers/base/rt.h"

/* Blocks from 256 KiB on give their pages back when they are freed; smaller ones
 * keep them for the next task, until nobody has used them for a second or two (trim.h). */
enum {
	PUNCH_SHIFT = 18,
	TRIM_WAITS = 1000
};

static struct bh_pool_cache *cache_of(uint32_t cls)
{
	return &bh_rt.me->blocks[cls];
}

/* The kernel has it for microseconds, or a worker that looks whether its extent can be
 * uncharged. It may be the last one, so it is waited for; not for ever, in case that is the
 * other's end. */
static __attribute__((noinline)) bool take_trimmed(uint32_t ref, uint64_t has, uint64_t owner)
{
	struct bh_block *b = bh_block_at(&bh_rt.v, ref);
	uint32_t cls = bh_block_class(ref), idx = bh_block_idx(ref);

	for (int i = 0;
	     i < TRIM_WAITS && (has == BH_BLOCK_TRIM || bh_extent_leaves(&bh_rt.v, cls, idx, has));
	     i++) {
		sched_yield();
		has = 0;
		if (bh_cas(&b->owner, &has, owner))
			return true;
	}
	return false;
}

static inline uint32_t next_hint(uint32_t cls)
{
	struct bh_pool_cache *c = cache_of(cls);

	return bh_pool_has(c) ? c->idx[--c->n] : bh_extent_refill(&bh_rt.v, bh_rt.slot, cls);
}

uint32_t bh_block_take(struct bh_tcb *t, uint64_t owner, uint32_t cls, _Atomic uint32_t *slot)
{
	struct bh_journal *j = &bh_rt.me->journal;
	uint32_t idx;

	if (cls >= BH_CLASSES)
		return 0;
	while ((idx = next_hint(cls))) {
		uint32_t ref = bh_block_ref(cls, idx);
		struct bh_block *b = &bh_rt.v.blocks[cls][idx];
		uint64_t free = 0;

		bh_st_rlx(&j->block, ref);
		bh_compiler_barrier();
		if (!bh_cas(&b->owner, &free, owner) && !take_trimmed(ref, free, owner))
			continue; /* the hint was stale */
		if (slot) {
			bh_st_rlx(&b->next, 0); /* it is used (trim.h) */
			bh_st_rel(slot, ref);
		} else {
			b->len = 0; /* what it was marked with before (defer.c) */
			bh_st_rlx(&b->next, bh_ld_rlx(&t->blocks));
			bh_st_rel(&t->blocks, ref);
		}
		bh_compiler_barrier();
		bh_st_rlx(&j->block, 0);
		return ref;
	}
	return 0;
}

/* Commit: the CAS on the owner. Killed after it, the cache's `pending` names the
 * block. */
void bh_block_free(uint32_t ref, uint64_t owner)
{
	struct bh_block *b = bh_block_at(&bh_rt.v, ref);
	uint32_t cls = bh_block_class(ref), idx = bh_block_idx(ref);

	if (!b)
		return;
	if (bh_class_shift(cls) >= PUNCH_SHIFT)
		madvise(bh_block_data(&bh_rt.v, ref), bh_class_bytes(cls), MADV_REMOVE);
	bh_pool_freeing(cache_of(cls), idx);
	if (bh_cas(&b->owner, &owner, 0))
		bh_pool_give(&bh_rt.v.block_pool[cls], cache_of(cls), idx);
}

static void free_field(_Atomic uint32_t *field, uint64_t owner)
{
	uint32_t ref = bh_ld_rlx(field);

	if (!ref)
		return;
	bh_block_free(ref, owner);
	bh_st_rlx(field, 0);
}

void bh_blocks_release(struct bh_tcb *t, uint64_t owner, bool reply)
{
	uint32_t ref;

	/* The list's head moves on before the block is freed: killed between,
	 * the block names an owner that is about to be gone. */
	while ((ref = bh_ld_rlx(&t->blocks))) {
		struct bh_block *b = bh_block_at(&bh_rt.v, ref);

		if (!b || bh_ld_rlx(&b->owner) != owner)
			break;
		bh_st_rlx(&bh_rt.me->journal.block, ref);
		bh_compiler_barrier();
		bh_st_rel(&t->blocks, bh_ld_rlx(&b->next));
		bh_block_free(ref, owner);
	}
	bh_st_rlx(&t->blocks, 0);
	free_field(&t->stack, owner);
	free_field(&t->arg_block, owner);
	if (reply)
		free_field(&t->reply, owner);
}

uint32_t bh_block_containing(const void *p)
{
	const unsigned char *at = p;

	for (uint32_t c = 0; c < BH_DATA_CLASSES; c++) {
		const unsigned char *base = bh_rt.v.data[c];
		uint64_t span = bh_class_bytes(c) * bh_rt.v.l.blocks[c];

		if (at >= base && (uint64_t)(at - base) < span)
			return bh_block_ref(c,
					    (uint32_t)((uint64_t)(at - base) >> bh_class_shift(c)));
	}
	return 0;
}
