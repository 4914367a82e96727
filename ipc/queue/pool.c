/* SPDX-License-Identifier: MIT */
#include "ipc/queue/pool.h"

enum {
	LOOK_MOST = 64 * BH_POOL_CACHE, /* slots: what the caches of 64 workers hold */
};

static uint32_t words(const struct bh_pool_view *v)
{
	return (v->capacity + 63) / 64;
}

/* Puts the indexes of @bits of word @w in the cache, lowest on top. */
void bh_pool_stock(const struct bh_pool_view *v, struct bh_pool_cache *c, uint32_t w, uint64_t bits)
{
	while (bits) {
		uint32_t b = 63u - (uint32_t)__builtin_clzll(bits);
		uint32_t idx = w * 64 + b;

		bits &= ~(1ull << b);
		if (idx && idx < v->capacity && c->n < BH_POOL_CACHE)
			c->idx[c->n++] = idx;
	}
}

/* Claims one bitmap word with bits set. Commit: the exchange. Killed after it,
 * c->word says which 64 indexes to look at again. */
bool bh_pool_claim_bits(const struct bh_pool_view *v, struct bh_pool_cache *c)
{
	uint32_t n = words(v);
	uint32_t at = bh_ld_rlx(&v->pool->rotor) % n;

	for (uint32_t i = 0; i < n; i++, at = at + 1 == n ? 0 : at + 1) {
		if (!bh_ld_rlx(&v->bits[at]))
			continue;
		bh_st_rlx(&c->word, at + 1);
		bh_compiler_barrier();
		uint64_t bits = bh_xchg(&v->bits[at], 0);
		bh_pool_stock(v, c, at, bits);
		bh_compiler_barrier();
		bh_st_rlx(&c->word, 0);
		if (!bits)
			continue;
		bh_add(&v->pool->spare, -__builtin_popcountll(bits));
		bh_st_rlx(&v->pool->rotor, at);
		return true;
	}
	bh_st_rlx(&v->pool->spare, 0); /* nothing there, whatever the count said */
	return false;
}

/* Claims 64 indexes that were never used. Commit: the CAS on the mark. */
static bool claim_fresh(const struct bh_pool_view *v, struct bh_pool_cache *c)
{
	uint32_t mark = bh_ld_rlx(&v->pool->mark);

	do {
		if (mark >= v->capacity)
			return false;
		bh_st_rlx(&c->word, mark / 64 + 1);
		bh_compiler_barrier();
	} while (!bh_cas(&v->pool->mark, &mark, (mark & ~63u) + 64));
	bh_pool_stock(v, c, mark / 64, ~0ull);
	bh_compiler_barrier();
	bh_st_rlx(&c->word, 0);
	return true;
}

/* Searches for a slot whose own word says free. Bounded: caches can hold back only a small
 * part of a large table. No commit: the result is a hint, and the caller's CAS decides; a
 * worker whose cache names the same slot loses it at its own CAS. */
uint32_t bh_pool_search(const struct bh_pool_view *v)
{
	uint32_t mark = bh_ld_acq(&v->pool->mark), used = mark < v->capacity ? mark : v->capacity;
	uint32_t n = used < LOOK_MOST ? used : LOOK_MOST;
	uint32_t at = used ? bh_ld_rlx(&v->pool->rotor) * 64 % used : 0;

	for (uint32_t i = 0; v->slots && i < n; i++, at = at + 1 == used ? 0 : at + 1) {
		const void *slot = v->slots + (uint64_t)at * v->stride;

		if (at && !(bh_ld_rlx((const _Atomic uint64_t *)slot) & v->used))
			return at;
	}
	return 0;
}

uint32_t bh_pool_refill(const struct bh_pool_view *v, struct bh_pool_cache *c)
{
	c->n = 0; /* also mends a count that a stray write changed */
	if (bh_ld_rlx(&v->pool->spare) > 0 && bh_pool_claim_bits(v, c) && c->n)
		return c->idx[--c->n];
	if (claim_fresh(v, c) && c->n)
		return c->idx[--c->n];
	/* Never-used slots are gone: the count may be wrong, so look. */
	return bh_pool_claim_bits(v, c) && c->n ? c->idx[--c->n] : bh_pool_search(v);
}

static void give_bits(const struct bh_pool_view *v, uint32_t w, uint64_t bits)
{
	uint64_t fresh = bits & ~bh_or(&v->bits[w], bits);

	if (fresh)
		bh_add(&v->pool->spare, __builtin_popcountll(fresh));
}

void bh_pool_give_shared(const struct bh_pool_view *v, uint32_t idx)
{
	if (idx && idx < v->capacity)
		give_bits(v, idx / 64, 1ull << (idx % 64));
}

/* Sends the older half of a full cache to the bitmap: neighbours, as most are, in one
 * step. Bits first, then the count: killed between, the indexes are named twice. */
void bh_pool_spill(const struct bh_pool_view *v, struct bh_pool_cache *c)
{
	const uint32_t half = BH_POOL_CACHE / 2;

	for (uint32_t i = 0; i < half;) {
		uint32_t w = c->idx[i] / 64;
		uint64_t bits = 0;

		for (; i < half && c->idx[i] / 64 == w; i++)
			if (c->idx[i] && c->idx[i] < v->capacity)
				bits |= 1ull << (c->idx[i] % 64);
		if (bits)
			give_bits(v, w, bits);
	}
	for (uint32_t i = 0; i < half; i++)
		c->idx[i] = c->idx[i + half];
	c->n = half;
}

void bh_pool_recover(const struct bh_pool_view *v, struct bh_pool_cache *c,
		     bool (*is_free)(const void *ctx, uint32_t idx), const void *ctx)
{
	uint32_t word = bh_ld_rlx(&c->word), pending = bh_ld_rlx(&c->pending);

	/* Every cell, whatever n says: a killed take has moved n only. */
	for (uint32_t i = 0; i < BH_POOL_CACHE; i++) {
		uint32_t idx = c->idx[i];

		if (idx && idx < v->capacity && is_free(ctx, idx))
			bh_pool_give_shared(v, idx);
		c->idx[i] = 0;
	}
	if (pending && pending < v->capacity && is_free(ctx, pending))
		bh_pool_give_shared(v, pending);
	if (word && word <= words(v))
		for (uint32_t b = 0; b < 64; b++) {
			uint32_t idx = (word - 1) * 64 + b;

			if (idx && idx < v->capacity && is_free(ctx, idx))
				bh_pool_give_shared(v, idx);
		}
	c->n = 0;
	bh_st_rlx(&c->word, 0);
	bh_st_rlx(&c->pending, 0);
}
