/* SPDX-License-Identifier: MIT */
#include "ipc/protocol/trim.h"

#include <sys/mman.h>

#include "ipc/base/page.h"

/* How many blocks share a page; the index of its first block is a multiple. */
static uint32_t in_page(uint32_t cls)
{
	uint64_t stride = bh_class_stride(cls), page = bh_page_bytes();

	return stride < page ? (uint32_t)(page / stride) : 1;
}

/* The end of the blocks from @at on that share a page. (Block 0 is never used.) */
static uint32_t end_of(const struct bh_view *v, uint32_t cls, uint32_t at)
{
	uint32_t end = at + in_page(cls);

	return end < v->l.blocks[cls] ? end : v->l.blocks[cls];
}

/* Block @idx, which is below end_of(). */
static struct bh_block *block(const struct bh_view *v, uint32_t cls, uint32_t idx)
{
	return &v->blocks[cls][idx];
}

static bool take(struct bh_block *b)
{
	uint64_t none = 0;

	return bh_cas(&b->owner, &none, BH_BLOCK_TRIM);
}

/* A worker whose CAS failed meanwhile has dropped its hint. */
static void give(const struct bh_view *v, uint32_t cls, uint32_t idx)
{
	bh_st_rel(&block(v, cls, idx)->owner, 0);
	bh_pool_give_shared(&v->block_pool[cls], idx);
}

static void mark_seen(const struct bh_view *v, uint32_t cls, uint32_t idx)
{
	struct bh_block *b = block(v, cls, idx);

	if (!take(b))
		return;
	bh_st_rlx(&b->next, BH_BLOCK_SEEN);
	give(v, cls, idx);
}

/* Takes the blocks of the page, up to the first that is taken; returns the end. */
static uint32_t take_page(const struct bh_view *v, uint32_t cls, uint32_t at)
{
	uint32_t i = at + !at, end = end_of(v, cls, at);

	while (i < end && take(block(v, cls, i)))
		i++;
	return i;
}

static bool still_unused(const struct bh_view *v, uint32_t cls, uint32_t at, uint32_t end)
{
	for (uint32_t i = at + !at; i < end; i++)
		if (bh_ld_rlx(&block(v, cls, i)->next) < BH_BLOCK_CLEAN)
			return false;
	return true;
}

static void clear_page(const struct bh_view *v, uint32_t cls, uint32_t at)
{
	uint32_t end = end_of(v, cls, at), got = take_page(v, cls, at);
	bool clean = got == end && still_unused(v, cls, at, end) &&
		     !madvise(bh_block_data(v, bh_block_ref(cls, at)),
			      bh_page_up(bh_class_bytes(cls)), MADV_REMOVE);

	for (uint32_t i = at + !at; i < got; i++) {
		if (clean)
			bh_st_rlx(&block(v, cls, i)->next, BH_BLOCK_CLEAN);
		give(v, cls, i);
	}
}

/* The next step for a page. */
enum look {
	NOTHING,
	MARK,
	CLEAR,
};

static enum look look_at(const struct bh_view *v, uint32_t cls, uint32_t at)
{
	enum look what = NOTHING;

	for (uint32_t i = at + !at; i < end_of(v, cls, at); i++) {
		const struct bh_block *b = block(v, cls, i);
		uint32_t mark = bh_ld_rlx(&b->next);

		if (bh_ld_acq(&b->owner))
			return NOTHING;
		if (mark < BH_BLOCK_CLEAN)
			what = MARK;
		else if (mark == BH_BLOCK_SEEN && what == NOTHING)
			what = CLEAR;
	}
	return what;
}

static void trim(const struct bh_view *v, uint32_t cls, uint32_t at, enum look what)
{
	bh_st_rlx(&v->a->trimming, bh_block_ref(cls, at + !at));
	bh_compiler_barrier();
	if (what == CLEAR)
		clear_page(v, cls, at);
	for (uint32_t i = at + !at; what == MARK && i < end_of(v, cls, at); i++)
		if (bh_ld_rlx(&block(v, cls, i)->next) < BH_BLOCK_CLEAN)
			mark_seen(v, cls, i);
	bh_compiler_barrier();
	bh_st_rlx(&v->a->trimming, 0);
}

bool bh_trim_step(const struct bh_view *v, struct bh_trim *t, uint32_t looks, uint32_t calls)
{
	while (t->cls < BH_CLASSES && looks && calls) {
		uint32_t mark = bh_ld_acq(&v->block_pool[t->cls].pool->mark), n = in_page(t->cls);

		if (t->at >= mark || t->at >= v->l.blocks[t->cls]) {
			t->cls++;
			t->at = 0;
			continue;
		}
		enum look what = look_at(v, t->cls, t->at);
		if (what != NOTHING)
			trim(v, t->cls, t->at, what);
		t->seen += what == MARK;
		calls -= what == CLEAR;
		looks -= looks < n ? looks : n;
		t->at += n;
	}
	return t->cls >= BH_CLASSES;
}

void bh_trim_recover(const struct bh_view *v)
{
	uint32_t ref = bh_ld_rlx(&v->a->trimming), cls = bh_block_class(ref);

	if (!bh_block_at(v, ref)) /* none, or a stray write of a worker */
		return;
	uint32_t at = bh_block_idx(ref) & ~(in_page(cls) - 1);
	for (uint32_t i = at + !at; i < end_of(v, cls, at); i++)
		if (bh_ld_acq(&block(v, cls, i)->owner) == BH_BLOCK_TRIM)
			give(v, cls, i);
	bh_st_rlx(&v->a->trimming, 0);
}
