/* SPDX-License-Identifier: MIT */
#include "ipc/arena/extent.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>

#include "ipc/base/page.h"

enum {
	LOOK_MOST = 16384, /* extents of one search: as many as a limit has of large blocks */
	TRIM_WAITS = 1000,
	TRIES = 8,
	CHANGE_BITS = 20, /* of a block's owner: the low bits of the change's number */
	EXTENT_BITS = 18,
	CLASS_BITS = 4,
	SEQ_BITS = 14,
};

enum op {
	NONE = 0,
	CHARGE,
	UNCHARGE,
};

/* -- the sum's word ----------------------------------------------------------------- */

enum {
	CLASS_AT = EXTENT_BITS,
	OP_AT = CLASS_AT + CLASS_BITS,
	SEQ_AT = OP_AT + 2,
	UNITS_AT = SEQ_AT + SEQ_BITS,
};

static uint32_t op_of(uint64_t w)
{
	return (uint32_t)(w >> OP_AT) & 3;
}

static uint64_t units_of(uint64_t w)
{
	return w >> UNITS_AT;
}

/* The sum's word after @w when a change begins. */
static uint64_t begun(uint64_t w, uint64_t units, enum op op, uint32_t cls, uint32_t e)
{
	uint64_t seq = ((w >> SEQ_AT) + 1) & ((1u << SEQ_BITS) - 1);

	return units << UNITS_AT | seq << SEQ_AT | (uint64_t)op << OP_AT |
	       (uint64_t)cls << CLASS_AT | e;
}

/* -- extents -------------------------------------------------------------------------- */

static uint32_t count_of(const struct bh_view *v, uint32_t cls)
{
	return v->l.extent_first[cls + 1] - v->l.extent_first[cls];
}

static _Atomic uint32_t *word_of(const struct bh_view *v, uint32_t cls, uint32_t e)
{
	return &v->extents[v->l.extent_first[cls] + e];
}

static uint64_t cost(const struct bh_view *v, uint32_t cls)
{
	return bh_class_bytes(cls) << v->l.extent_log2[cls] >> BH_UNIT_LOG2;
}

static uint64_t limit_of(const struct bh_view *v, uint32_t cls)
{
	return v->l.units - (cls == BH_WORK_CLASS ? 0 : v->l.work_units);
}

/* The blocks of an extent; block 0 is never used. */
static uint32_t first_of(const struct bh_view *v, uint32_t cls, uint32_t e)
{
	return e << v->l.extent_log2[cls] ? e << v->l.extent_log2[cls] : 1;
}

static uint32_t end_of(const struct bh_view *v, uint32_t cls, uint32_t e)
{
	uint32_t end = (e + 1) << v->l.extent_log2[cls];

	return end < v->l.blocks[cls] ? end : v->l.blocks[cls];
}

/* The first extent of a class of large blocks has none: it is block 0 alone. */
static bool has_blocks(const struct bh_view *v, uint32_t cls, uint32_t e)
{
	return first_of(v, cls, e) < end_of(v, cls, e);
}

/* The number of extents below the mark: charged, or once charged. */
static uint32_t ever(const struct bh_view *v, uint32_t cls)
{
	uint32_t n = bh_ld_acq(&v->block_pool[cls].pool->mark) >> v->l.extent_log2[cls];

	return n < count_of(v, cls) ? n : count_of(v, cls);
}

/* -- owners of blocks that are kept from use ------------------------------------------ */

/* The low half, a task's index, is 0; a high half of 1 is the kernel's (BH_BLOCK_TRIM). */
static uint64_t keeper(uint32_t slot, uint32_t change)
{
	return (uint64_t)(change & ((1u << CHANGE_BITS) - 1)) << 44 | (uint64_t)(slot + 2) << 32;
}

static bool is_keeper(uint64_t owner)
{
	return owner && owner != BH_BLOCK_TRIM && !bh_handle_idx(owner);
}

static uint32_t slot_of(uint64_t owner)
{
	return (uint32_t)(owner >> 32 & 0xfff) - 2;
}

/* How far @owner's change is ahead of the extent's word @x; 1: not made yet. */
static uint32_t ahead(uint64_t owner, uint32_t x)
{
	return ((uint32_t)(owner >> 44) - x) & ((1u << CHANGE_BITS) - 1);
}

/* -- a change ----------------------------------------------------------------------- */

static void raise_mark(const struct bh_view *v, uint32_t cls, uint32_t e)
{
	_Atomic uint32_t *at = &v->block_pool[cls].pool->mark;
	uint32_t mark = bh_ld_rlx(at), end = (e + 1) << v->l.extent_log2[cls];

	while (mark < end && !bh_cas(at, &mark, end))
		;
}

/* Goes on with the change that @w names. The extent's word is read before the sum's: while
 * the sum's word is still @w, the extent's is the one before the change or the one after it;
 * and a changed word never has its old value again. Commit: the CAS on the extent's word, then
 * the CAS on the sum's. */
static void finish(const struct bh_view *v, uint64_t w)
{
	uint32_t e = (uint32_t)w & ((1u << EXTENT_BITS) - 1);
	uint32_t cls = (uint32_t)(w >> CLASS_AT) & (BH_CLASSES - 1);

	if (op_of(w) <= UNCHARGE && e < count_of(v, cls)) { /* else a stray write made the word */
		_Atomic uint32_t *at = word_of(v, cls, e);
		uint32_t x = bh_ld_acq(at);

		if (bh_ld_acq(&v->a->charge.word) != w)
			return;
		if ((x & 1) != (op_of(w) == CHARGE))
			bh_cas(at, &x, x + 1);
		if (op_of(w) == CHARGE)
			raise_mark(v, cls, e);
	}
	bh_cas(&v->a->charge.word, &w, w & ~(3ull << OP_AT));
}

void bh_extent_finish(const struct bh_view *v)
{
	uint64_t w = bh_ld_acq(&v->a->charge.word);

	if (op_of(w) != NONE)
		finish(v, w);
}

/* Charges or uncharges an extent. -EALREADY: it is; -ENOMEM: the limit is reached.
 * Commit: the CAS on the sum's word; killed after it, the next process finishes the change. */
static int change(const struct bh_view *v, enum op op, uint32_t cls, uint32_t e)
{
	uint64_t w = bh_ld_acq(&v->a->charge.word), next;

	do {
		while (op_of(w) != NONE) {
			finish(v, w);
			w = bh_ld_acq(&v->a->charge.word);
		}
		uint64_t units = units_of(w), n = cost(v, cls);

		if ((bh_ld_acq(word_of(v, cls, e)) & 1) == (op == CHARGE))
			return -EALREADY;
		if (op == CHARGE && units + n > limit_of(v, cls))
			return -ENOMEM;
		units = op == CHARGE ? units + n : units - (n < units ? n : units);
		next = begun(w, units, op, cls, e);
	} while (!bh_cas(&v->a->charge.word, &w, next));
	finish(v, next);
	return 0;
}

/* -- charging ------------------------------------------------------------------------- */

static bool is_uncharged(const struct bh_view *v, uint32_t cls, uint32_t e)
{
	return !(bh_ld_acq(word_of(v, cls, e)) & 1) && has_blocks(v, cls, e);
}

/* Picks an uncharged extent below the mark, or else the first that was never charged. */
static bool pick(const struct bh_view *v, uint32_t cls, uint32_t *e)
{
	struct bh_pool *p = v->block_pool[cls].pool;
	int32_t uncharged = bh_ld_acq(&p->uncharged);
	uint32_t n = ever(v, cls), at = n ? bh_ld_rlx(&p->turn) % n : 0;

	for (uint32_t i = 0; uncharged > 0 && i < n; i++, at = at + 1 == n ? 0 : at + 1)
		if (is_uncharged(v, cls, at)) {
			bh_st_rlx(&p->turn, at);
			*e = at;
			return true;
		}
	if (uncharged > 0) /* none, whatever the count said */
		bh_cas(&p->uncharged, &uncharged, 0);
	*e = n + !has_blocks(v, cls, n);
	return *e < count_of(v, cls);
}

bool bh_extent_settle(const struct bh_view *v, uint32_t cls, uint32_t idx, uint32_t dead)
{
	struct bh_block *b = &v->blocks[cls][idx];
	uint64_t owner = bh_ld_acq(&b->owner);
	uint32_t x = bh_ld_acq(word_of(v, cls, idx >> v->l.extent_log2[cls]));

	if (!(x & 1))
		return false;
	/* The owner was read first: if the word is past its number, the worker that wrote it
	 * is not about to uncharge, and no worker will ever write the same owner. */
	if (is_keeper(owner) && (ahead(owner, x) != 1 || slot_of(owner) == dead) &&
	    bh_cas(&b->owner, &owner, 0))
		return true;
	return !owner;
}

/* Charges an extent and puts its blocks into the cache. After a death in between, the
 * cache's `word` names the blocks. */
static int claim(const struct bh_view *v, uint32_t slot, uint32_t cls)
{
	struct bh_pool_cache *c = &v->workers[slot].blocks[cls];
	struct bh_pool *p = v->block_pool[cls].pool;
	int rc = -EALREADY;

	for (uint32_t e; rc == -EALREADY && pick(v, cls, &e);) {
		uint32_t first = first_of(v, cls, e), end = end_of(v, cls, e);
		bool again = e < ever(v, cls);
		uint64_t bits = 0;

		bh_st_rlx(&c->word, first / 64 + 1);
		bh_compiler_barrier();
		rc = change(v, CHARGE, cls, e);
		for (uint32_t i = first; !rc && i < end; i++) {
			bh_extent_settle(v, cls, i, BH_SLOTS);
			bits |= 1ull << (i % 64);
		}
		bh_pool_stock(&v->block_pool[cls], c, first / 64, bits);
		bh_compiler_barrier();
		bh_st_rlx(&c->word, 0);
		if (!rc && again)
			bh_add(&p->uncharged, -1);
	}
	return rc;
}

/* -- uncharging ------------------------------------------------------------------------- */

/* The kernel has a block for microseconds (trim.h). */
static bool take(struct bh_block *b, uint64_t mine)
{
	uint64_t has = 0;

	for (int i = 0; i < TRIM_WAITS && !bh_cas(&b->owner, &has, mine); i++) {
		if (has != BH_BLOCK_TRIM)
			return false;
		sched_yield();
		has = 0;
	}
	return has == 0;
}

static bool give_pages_back(const struct bh_view *v, uint32_t cls, uint32_t first, uint32_t end)
{
	uint64_t gap = bh_class_stride(cls) - bh_class_bytes(cls);
	uint32_t dirty = 0;

	for (uint32_t i = first; i < end; i++) {
		struct bh_block *b = &v->blocks[cls][i];

		if (bh_ld_rlx(&b->next) == BH_BLOCK_CLEAN)
			continue;
		dirty++;
		/* Larger pages hold other extents, too: this one stays charged until the kernel
		 * has cleared them. */
		if ((bh_class_stride(cls) << v->l.extent_log2[cls]) % bh_page_bytes())
			return false;
		if (gap && madvise(bh_block_data(v, bh_block_ref(cls, i)), bh_class_bytes(cls),
				   MADV_REMOVE))
			return false;
	}
	/* Blocks without gaps, which may be smaller than a page, all at once. */
	first &= ~((1u << v->l.extent_log2[cls]) - 1);
	if (dirty && !gap &&
	    madvise(v->data[cls] + ((uint64_t)first << bh_class_shift(cls)),
		    (uint64_t)(end - first) << bh_class_shift(cls), MADV_REMOVE))
		return false;
	return true;
}

static bool unused(const struct bh_view *v, uint32_t cls, uint32_t e)
{
	uint32_t i = first_of(v, cls, e), end = end_of(v, cls, e);
	uint64_t owner = 0;

	if (!has_blocks(v, cls, e) || !(bh_ld_rlx(word_of(v, cls, e)) & 1))
		return false;
	while (i < end && (!owner || owner == BH_BLOCK_TRIM))
		owner = bh_ld_rlx(&v->blocks[cls][i++].owner);
	return !owner || owner == BH_BLOCK_TRIM;
}

static void undo(const struct bh_view *v, uint32_t cls, uint32_t first, uint32_t end, uint64_t mine)
{
	for (uint32_t i = first; i < end; i++) {
		uint64_t owner = mine;

		if (bh_cas(&v->blocks[cls][i].owner, &owner, 0))
			bh_pool_give_shared(&v->block_pool[cls], i);
	}
}

/* Uncharges an extent if all its blocks are free. Commit: the CAS on each block; then
 * change(). Only the worker that has all blocks may uncharge, so the extent's word stands
 * still. */
static bool uncharge(const struct bh_view *v, uint32_t slot, uint32_t cls, uint32_t e)
{
	_Atomic uint32_t *journal = &v->workers[slot].journal.extent;
	uint32_t first = first_of(v, cls, e), end = end_of(v, cls, e), i = first;
	uint32_t x = bh_ld_acq(word_of(v, cls, e));
	uint64_t mine = keeper(slot, x + 1);

	bh_st_rlx(journal, 1 + v->l.extent_first[cls] + e);
	bh_compiler_barrier();
	while (i < end && take(&v->blocks[cls][i], mine))
		i++;
	bool done = i == end && (x & 1) && bh_ld_acq(word_of(v, cls, e)) == x &&
		    give_pages_back(v, cls, first, end);
	for (i = done ? first : end; i < end; i++)
		bh_st_rlx(&v->blocks[cls][i].next, BH_BLOCK_CLEAN);
	done = done && !change(v, UNCHARGE, cls, e);
	if (done)
		bh_add(&v->block_pool[cls].pool->uncharged, 1);
	else
		undo(v, cls, first, end, mine);
	bh_compiler_barrier();
	bh_st_rlx(journal, 0);
	return done;
}

static bool fits(const struct bh_view *v, uint32_t cls)
{
	uint64_t w = bh_ld_acq(&v->a->charge.word);

	return units_of(w) + cost(v, cls) <= limit_of(v, cls);
}

static uint32_t class_of(const struct bh_view *v, uint32_t at)
{
	uint32_t c = 0;

	while (c + 1 < BH_CLASSES && at >= v->l.extent_first[c + 1])
		c++;
	return c;
}

/* Uncharges unused extents, of any class, until there is room for an extent of @cls. */
static bool make_room(const struct bh_view *v, uint32_t slot, uint32_t cls)
{
	uint32_t at = bh_ld_rlx(&v->a->charge.rotor) % bh_extents(&v->l);
	uint32_t c = class_of(v, at), e = at - v->l.extent_first[c];
	bool room = fits(v, cls);

	for (uint32_t looks = 0, turned = 0; !room && looks < LOOK_MOST && turned <= BH_CLASSES;) {
		if (e >= ever(v, c)) {
			c = (c + 1) % BH_CLASSES;
			e = 0;
			turned++;
			continue;
		}
		looks++;
		if (unused(v, c, e) && uncharge(v, slot, c, e))
			room = fits(v, cls);
		e++;
	}
	bh_st_rlx(&v->a->charge.rotor, v->l.extent_first[c] + e);
	return room;
}

uint32_t bh_extent_refill(const struct bh_view *v, uint32_t slot, uint32_t cls)
{
	const struct bh_pool_view *p = &v->block_pool[cls];
	struct bh_pool_cache *c = &v->workers[slot].blocks[cls];
	uint32_t idx;
	int rc;

	c->n = 0; /* also mends a count that a stray write changed */
	if (bh_ld_rlx(&p->pool->spare) > 0 && bh_pool_claim_bits(p, c) && c->n)
		return c->idx[--c->n];
	rc = claim(v, slot, cls);
	if (rc && bh_pool_claim_bits(p, c) && c->n)
		return c->idx[--c->n];
	idx = rc ? bh_pool_search(p) : 0;
	/* Other workers may be faster to use the room that this worker made. */
	for (int i = 0; rc == -ENOMEM && !idx && i < TRIES && make_room(v, slot, cls); i++)
		rc = claim(v, slot, cls);
	return idx ? idx : c->n ? c->idx[--c->n] : 0;
}

/* -- recovery, scan, audit -------------------------------------------------------------- */

void bh_extent_recover(const struct bh_view *v, uint32_t slot)
{
	_Atomic uint32_t *journal = &v->workers[slot].journal.extent;
	uint32_t at = bh_ld_rlx(journal) - 1;

	bh_extent_finish(v);
	if (at >= bh_extents(&v->l))
		return;
	uint32_t cls = class_of(v, at), e = at - v->l.extent_first[cls];
	for (uint32_t i = first_of(v, cls, e); i < end_of(v, cls, e); i++)
		if (bh_extent_settle(v, cls, i, slot))
			bh_pool_give_shared(&v->block_pool[cls], i);
	if (!(bh_ld_acq(word_of(v, cls, e)) & 1))
		bh_add(&v->block_pool[cls].pool->uncharged, 1);
	bh_st_rlx(journal, 0);
}

bool bh_extent_leaves(const struct bh_view *v, uint32_t cls, uint32_t idx, uint64_t owner)
{
	return is_keeper(owner) &&
	       ahead(owner, bh_ld_acq(word_of(v, cls, idx >> v->l.extent_log2[cls]))) == 1;
}

uint32_t bh_extent_keeper(uint64_t owner)
{
	return is_keeper(owner) && slot_of(owner) < BH_SLOTS ? slot_of(owner) : BH_SLOTS;
}

uint64_t bh_extent_bytes(const struct bh_view *v)
{
	return units_of(bh_ld_acq(&v->a->charge.word)) << BH_UNIT_LOG2;
}

uint64_t bh_extent_limit(const struct bh_view *v)
{
	return (uint64_t)v->l.units << BH_UNIT_LOG2;
}

bool bh_extent_charged(const struct bh_view *v, uint32_t cls, uint32_t idx)
{
	return bh_ld_acq(word_of(v, cls, idx >> v->l.extent_log2[cls])) & 1;
}

bool bh_extent_kept(const struct bh_view *v, uint32_t cls, uint32_t idx, uint64_t owner)
{
	uint32_t x = bh_ld_acq(word_of(v, cls, idx >> v->l.extent_log2[cls]));

	return is_keeper(owner) && ahead(owner, x) <= (x & 1);
}

bool bh_extent_changing(const struct bh_view *v)
{
	return op_of(bh_ld_acq(&v->a->charge.word)) != NONE;
}

bool bh_extent_add_up(const struct bh_view *v, struct bh_extent_sum *sum)
{
	uint32_t cls = sum->cls, e = sum->at;

	if (!cls && !e)
		sum->word = bh_ld_acq(&v->a->charge.word);
	if (e >= ever(v, cls)) {
		sum->cls++;
		sum->at = 0;
		return sum->cls < BH_CLASSES;
	}
	if (is_uncharged(v, cls, e))
		sum->uncharged |= 1u << cls;
	else if (has_blocks(v, cls, e))
		sum->bytes += cost(v, cls) << BH_UNIT_LOG2;
	sum->at++;
	return true;
}

void bh_extent_mend(const struct bh_view *v, const struct bh_extent_sum *sum)
{
	uint64_t w = sum->word;

	for (uint32_t c = 0; c < BH_CLASSES; c++)
		if (bh_extent_unknown(v, sum, c))
			bh_add(&v->block_pool[c].pool->uncharged, 1);
	if (op_of(w) == NONE && units_of(w) != sum->bytes >> BH_UNIT_LOG2)
		bh_cas(&v->a->charge.word, &w, begun(w, sum->bytes >> BH_UNIT_LOG2, NONE, 0, 0));
}

bool bh_extent_unknown(const struct bh_view *v, const struct bh_extent_sum *sum, uint32_t cls)
{
	return (sum->uncharged >> cls & 1) && bh_ld_rlx(&v->block_pool[cls].pool->uncharged) <= 0;
}
