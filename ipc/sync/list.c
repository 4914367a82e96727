/* SPDX-License-Identifier: MIT */
#include "ipc/sync/list.h"

bool bh_sync_linked(const struct bh_view *v, const struct bh_sync *s, uint32_t idx)
{
	struct bh_claim *c = bh_claim_at(v, idx);
	uint32_t prev = c ? bh_ld_rlx(&c->prev) : 0;
	struct bh_claim *p = bh_claim_at(v, prev);

	return c && (prev ? p && bh_ld_rlx(&p->next) == idx : bh_ld_rlx(&s->head) == idx);
}

/* The link to the first claim, or to the claim behind @at. */
static _Atomic uint32_t *place(const struct bh_view *v, struct bh_sync *s, uint32_t at)
{
	struct bh_claim *a = bh_claim_at(v, at);

	return a ? &a->next : &s->head;
}

static void set_prev(const struct bh_view *v, struct bh_sync *s, uint32_t idx, uint32_t prev)
{
	struct bh_claim *c = bh_claim_at(v, idx);

	bh_st_rlx(c ? &c->prev : &s->tail, prev);
}

void bh_sync_link(const struct bh_view *v, struct bh_sync *s, uint32_t at, uint32_t idx)
{
	struct bh_claim *c = bh_claim_at(v, idx);
	_Atomic uint32_t *from = place(v, s, at);
	uint32_t next = bh_ld_rlx(from);

	bh_st_rlx(&c->next, next);
	bh_st_rlx(&c->prev, at);
	bh_compiler_barrier();
	bh_st_rel(from, idx);
	bh_compiler_barrier();
	set_prev(v, s, next, idx);
	bh_st_rlx(&s->waiting, bh_ld_rlx(&s->waiting) + 1);
}

void bh_sync_unlink(const struct bh_view *v, struct bh_sync *s, uint32_t idx)
{
	struct bh_claim *c = bh_claim_at(v, idx);

	if (!bh_sync_linked(v, s, idx))
		return;
	uint32_t next = bh_ld_rlx(&c->next), prev = bh_ld_rlx(&c->prev);

	bh_st_rel(place(v, s, prev), next);
	bh_compiler_barrier();
	set_prev(v, s, next, prev);
	bh_st_rlx(&c->prev, 0);
	bh_st_rlx(&c->next, 0);
	bh_st_rlx(&s->waiting, bh_ld_rlx(&s->waiting) - 1);
}

void bh_sync_repair(const struct bh_view *v, struct bh_sync *s)
{
	uint32_t prev = 0, n = 0;
	uint32_t here = (uint32_t)(s - v->syncs);

	for (;;) {
		_Atomic uint32_t *from = place(v, s, prev);
		uint32_t idx = bh_ld_rlx(from);
		struct bh_claim *c = bh_claim_at(v, idx);

		if (!c || bh_handle_idx(bh_ld_rlx(&c->sync)) != here || n++ >= v->l.claims) {
			bh_st_rel(from, 0);
			break;
		}
		bh_st_rlx(&c->prev, prev);
		prev = idx;
	}
	bh_st_rlx(&s->tail, prev);
	bh_st_rlx(&s->waiting, n);
}

void bh_sync_push(const struct bh_view *v, struct bh_sync *s, uint32_t idx)
{
	struct bh_claim *c = bh_claim_at(v, idx);
	uint32_t top = bh_ld_acq(&s->inbox);

	do {
		bh_st_rlx(&c->link, top);
	} while (!bh_cas(&s->inbox, &top, idx));
}

static bool is_back(const struct bh_claim *c)
{
	return bh_claim_state(bh_ld_acq(&c->word)) == BH_CLAIM_BACK;
}

/* From @top down, newest first: each claim goes in at the same place, before newer ones. */
static void link_chain(const struct bh_view *v, struct bh_sync *s, uint32_t top, uint32_t at,
		       bool back)
{
	struct bh_claim *c;
	uint32_t idx = top;

	for (uint32_t n = 0; (c = bh_claim_at(v, idx)) && n < v->l.claims; n++) {
		if (is_back(c) == back && !bh_sync_linked(v, s, idx))
			bh_sync_link(v, s, at, idx);
		idx = bh_ld_acq(&c->link);
	}
}

/* Cuts the inbox off at @top: newer claims may be above it by now. */
static void cut(const struct bh_view *v, struct bh_sync *s, uint32_t top)
{
	uint32_t idx = top;
	struct bh_claim *c;

	if (bh_cas(&s->inbox, &idx, 0))
		return;
	for (uint32_t n = 0; (c = bh_claim_at(v, idx)) && n < v->l.claims; n++) {
		if (bh_ld_acq(&c->link) == top) {
			bh_st_rel(&c->link, 0);
			return;
		}
		idx = bh_ld_acq(&c->link);
	}
	bh_st_rel(&s->inbox, 0); /* a stray write damaged it */
}

void bh_sync_drain(const struct bh_view *v, struct bh_sync *s)
{
	uint32_t top = bh_ld_acq(&s->inbox);

	if (!top)
		return;
	link_chain(v, s, top, bh_ld_rlx(&s->tail), false);
	/* Before all waiting claims, which wait for what BACK claims give. */
	link_chain(v, s, top, 0, true);
	cut(v, s, top);
}

void bh_sync_check(const struct bh_view *v, struct bh_sync *s, uint32_t idx, uint64_t suspect)
{
	struct bh_claim *c = bh_claim_at(v, bh_handle_idx(suspect));
	uint64_t w = c ? bh_ld_acq(&c->word) : 0;
	enum bh_claim_state is = bh_claim_state(w);

	if (c && bh_state_gen(w) == bh_handle_gen(suspect) &&
	    bh_handle_idx(bh_ld_rlx(&c->sync)) == idx &&
	    (is == BH_CLAIM_ASKS || is == BH_CLAIM_GONE || is == BH_CLAIM_BACK) &&
	    !bh_sync_linked(v, s, bh_handle_idx(suspect)))
		bh_sync_link(v, s, is == BH_CLAIM_BACK ? 0 : bh_ld_rlx(&s->tail),
			     bh_handle_idx(suspect));
	bh_cas(&s->suspect, &suspect, 0);
}
