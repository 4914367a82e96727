/* SPDX-License-Identifier: MIT */
#include "ipc/sync/claim.h"

#include "ipc/sync/list.h"

/* From here on recovery checks the claim and its object. */
static void journal(const struct bh_server *sv, uint32_t idx)
{
	if (sv->w) {
		bh_st_rlx(&sv->w->journal.claim, idx);
		bh_compiler_barrier();
	}
}

static uint64_t word_of(const struct bh_server *sv, uint32_t gen, uint64_t flags,
			enum bh_claim_state s)
{
	return bh_state_make(gen, sv->epoch, sv->slot, flags, (enum bh_state)s);
}

static uint32_t make(const struct bh_server *sv, uint32_t *gen)
{
	uint32_t idx;

	while ((idx = bh_pool_take(&sv->v->claim_pool, &sv->w->claims))) {
		struct bh_claim *c = &sv->v->claims[idx];
		uint64_t w = bh_ld_rlx(&c->word);

		journal(sv, idx);
		*gen = bh_state_gen(w) + 1;
		*gen += *gen == 0;
		if (bh_claim_state(w) == BH_CLAIM_FREE &&
		    bh_cas(&c->word, &w, word_of(sv, *gen, 0, BH_CLAIM_NEW)))
			return idx;
	}
	return 0;
}

static void post(const struct bh_server *sv, struct bh_claim *c, uint32_t idx)
{
	uint32_t at = bh_handle_idx(bh_ld_rlx(&c->sync));
	struct bh_sync *s = bh_sync_at(sv->v, at);

	if (!s)
		return;
	bh_sync_push(sv->v, s, idx);
	bh_sync_serve(sv, at);
}

uint64_t bh_claim_ask(const struct bh_server *sv, uint64_t owner, uint64_t sync, uint32_t count,
		      uint64_t flags)
{
	uint32_t gen, idx = make(sv, &gen);
	struct bh_claim *c = bh_claim_at(sv->v, idx);

	if (!c)
		return 0;
	bh_st_rlx(&c->owner, owner);
	bh_st_rlx(&c->sync, sync);
	bh_st_rlx(&c->count, count);
	bh_st_rlx(&c->next, 0);
	bh_st_rlx(&c->prev, 0);
	bh_st_rel(&c->word, word_of(sv, gen, flags, BH_CLAIM_ASKS));
	bh_compiler_barrier();
	post(sv, c, idx);
	return bh_handle(gen, idx);
}

struct bh_claim *bh_claim_of(const struct bh_view *v, uint64_t claim, uint64_t *word)
{
	struct bh_claim *c = bh_claim_at(v, bh_handle_idx(claim));

	*word = c ? bh_ld_acq(&c->word) : 0;
	return c && bh_state_gen(*word) == bh_handle_gen(claim) &&
			       bh_claim_state(*word) != BH_CLAIM_FREE ?
		       c :
		       NULL;
}

bool bh_claim_leave(const struct bh_server *sv, uint64_t claim)
{
	uint64_t w;
	struct bh_claim *c = bh_claim_of(sv->v, claim, &w);

	if (!c)
		return false;
	uint32_t at = bh_handle_idx(bh_ld_rlx(&c->sync));
	struct bh_sync *s = bh_sync_at(sv->v, at);

	journal(sv, bh_handle_idx(claim));
	/* Slot and epoch stay: they name the incarnation that had to post the claim. */
	if (bh_claim_state(w) != BH_CLAIM_ASKS ||
	    !bh_cas(&c->word, &w, (w & ~BH_STATE_MASK) | BH_CLAIM_GONE))
		return false;
	if (s) {
		bh_add(&s->gone, 1);
		bh_sync_serve(sv, at);
	}
	return true;
}

bool bh_claim_back(const struct bh_server *sv, uint64_t claim, uint64_t flags)
{
	uint64_t w;
	struct bh_claim *c = bh_claim_of(sv->v, claim, &w);

	if (!c)
		return false;
	journal(sv, bh_handle_idx(claim));
	flags |= w & BH_CLAIM_OWES;
	if (bh_claim_state(w) != BH_CLAIM_HELD ||
	    !bh_cas(&c->word, &w, word_of(sv, bh_state_gen(w), flags, BH_CLAIM_BACK)))
		return false;
	post(sv, c, bh_handle_idx(claim));
	return true;
}

void bh_claim_end(const struct bh_server *sv, uint64_t claim)
{
	uint32_t idx = bh_handle_idx(claim);
	struct bh_claim *c = bh_claim_at(sv->v, idx);

	if (sv->w)
		bh_pool_freeing(&sv->w->claims, idx);
	bh_st_rel(&c->word,
		  bh_state_make(bh_handle_gen(claim), 0, 0, 0, (enum bh_state)BH_CLAIM_FREE));
	if (sv->w)
		bh_pool_give(&sv->v->claim_pool, &sv->w->claims, idx);
	else
		bh_pool_give_shared(&sv->v->claim_pool, idx);
}

void bh_claim_release(const struct bh_server *sv, uint32_t idx, uint64_t owner, uint64_t flags)
{
	struct bh_claim *c = bh_claim_at(sv->v, idx);
	uint64_t w = bh_ld_acq(&c->word);
	uint64_t claim = bh_handle(bh_state_gen(w), idx);

	if (bh_claim_state(w) <= BH_CLAIM_NEW || bh_ld_acq(&c->owner) != owner)
		return;
	if (bh_claim_state(w) == BH_CLAIM_ASKS && bh_claim_leave(sv, claim))
		return;
	if (bh_claim_state(bh_ld_acq(&c->word)) == BH_CLAIM_REFUSED)
		bh_claim_end(sv, claim);
	else
		bh_claim_back(sv, claim, flags);
}

void bh_claims_release(const struct bh_server *sv, uint64_t owner, uint64_t flags)
{
	uint32_t n = bh_ld_acq(&sv->v->claim_pool.pool->mark);

	for (uint32_t i = 1; i < n && i < sv->v->l.claims; i++)
		bh_claim_release(sv, i, owner, flags);
}
