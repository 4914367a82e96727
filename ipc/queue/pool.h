/* SPDX-License-Identifier: MIT */
/*
 * pool.h: finding a free slot in a table of state words.
 *
 * A pool holds hints only: slot i's own word says whether the slot is free, and a
 * taker wins the slot by a CAS on that word. The pool says which slots are worth
 * trying. Three places hold such hints:
 *
 *   cache   a few indexes per worker (in its worker slot, so that recovery can
 *           read them); no atomics, most recently freed first;
 *   bitmap  one bit a slot, shared; whole words are claimed by one exchange;
 *   mark    slots at and above it were never used; 64 are claimed by one CAS.
 *
 * When none of the three has a hint, the slots themselves are searched: the free ones
 * may stand in the caches of other workers, which may not need them for long. In a small
 * table the caches can hold all free slots.
 *
 * Index 0 is never handed out: 0 means none everywhere.
 *
 * Blocks are charged: extent.h replaces the claim at the mark.
 *
 * Crash. A worker that dies leaves its cache in place, plus two journal words:
 * `word` (the 64 indexes being claimed) and `pending` (the index being freed).
 * bh_pool_recover() puts every index named there back in the bitmap if its slot
 * is free. An index named twice is harmless (one CAS wins); the verifying scan
 * finds a forgotten index.
 */
#ifndef BH_IPC_POOL_H
#define BH_IPC_POOL_H

#include "ipc/base/order.h"

enum {
	BH_POOL_CACHE = 128
};

/* Shared part, in the arena; the bitmap lies elsewhere in it. */
struct bh_pool {
	_Alignas(128) _Atomic uint32_t mark; /* multiple of 64 (blocks: of an extent), <=
						capacity rounded up */
	_Atomic int32_t spare;               /* about how many bits are set; a hint of a hint */
	_Atomic uint32_t rotor;
	/* Of blocks (extent.h): about how many extents below the mark are uncharged, and where
	 * the last uncharged extent was found. Hints. */
	_Atomic int32_t uncharged;
	_Atomic uint32_t turn;
};

/* A worker's part. */
struct bh_pool_cache {
	uint32_t n;
	_Atomic uint32_t word;    /* 1 + index of the bitmap word being claimed; 0: none */
	_Atomic uint32_t pending; /* index being freed; 0: none */
	uint32_t idx[BH_POOL_CACHE];
};

/* A process's private view of one pool. */
struct bh_pool_view {
	struct bh_pool *pool;
	_Atomic uint64_t *bits;
	uint32_t capacity; /* indexes are 1 .. capacity - 1 */
	/* The slots' own words, `stride` bytes apart; free: no bit of `used` is set. NULL:
	 * they cannot be looked at. */
	const unsigned char *slots;
	uint32_t stride;
	uint64_t used;
};

/* An index worth trying, or 0: the table is full. */
uint32_t bh_pool_refill(const struct bh_pool_view *v, struct bh_pool_cache *c);

/* The steps of a refill, for extent.c, which combines them in another way. */
bool bh_pool_claim_bits(const struct bh_pool_view *v, struct bh_pool_cache *c);
void bh_pool_stock(const struct bh_pool_view *v, struct bh_pool_cache *c, uint32_t w,
		   uint64_t bits);
uint32_t bh_pool_search(const struct bh_pool_view *v);

/* Not empty; a stray write may have made the count garbage. */
static inline bool bh_pool_has(const struct bh_pool_cache *c)
{
	return c->n && c->n <= BH_POOL_CACHE;
}

static inline uint32_t bh_pool_take(const struct bh_pool_view *v, struct bh_pool_cache *c)
{
	return bh_pool_has(c) ? c->idx[--c->n] : bh_pool_refill(v, c);
}

/* Announces that @idx is about to be freed; bh_pool_give() once it is. */
static inline void bh_pool_freeing(struct bh_pool_cache *c, uint32_t idx)
{
	bh_st_rlx(&c->pending, idx);
	bh_compiler_barrier();
}

void bh_pool_spill(const struct bh_pool_view *v, struct bh_pool_cache *c);

static inline void bh_pool_give(const struct bh_pool_view *v, struct bh_pool_cache *c, uint32_t idx)
{
	if (c->n >= BH_POOL_CACHE)
		bh_pool_spill(v, c);
	c->idx[c->n++] = idx;
	bh_compiler_barrier();
	bh_st_rlx(&c->pending, 0);
}

/* Gives @idx straight to the bitmap: for a process without a cache (the kernel). */
void bh_pool_give_shared(const struct bh_pool_view *v, uint32_t idx);

/* After a confirmed death: gives each index that @c names to the bitmap if is_free(),
 * and empties the cache. Idempotent. */
void bh_pool_recover(const struct bh_pool_view *v, struct bh_pool_cache *c,
		     bool (*is_free)(const void *ctx, uint32_t idx), const void *ctx);

#endif
