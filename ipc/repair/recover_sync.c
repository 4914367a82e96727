/* SPDX-License-Identifier: MIT */
#include "ipc/repair/recover_sync.h"

#include "ipc/protocol/wake.h"
#include "ipc/sync/claim.h"
#include "ipc/sync/object.h"

static void kernel_wake(const struct bh_view *v, uint32_t idx, uint32_t gen)
{
	bh_kernel_wake(v, idx, gen, 0);
}

static struct bh_server kernel(const struct bh_view *v)
{
	return (struct bh_server){ .v = v, .slot = BH_OWNER_KERNEL, .wake = kernel_wake };
}

static bool close_object(const struct bh_view *v, uint32_t idx, uint64_t owner)
{
	const struct bh_server sv = kernel(v);

	if (!bh_sync_drop(&sv, idx, owner))
		return false;
	bh_pool_give_shared(&v->sync_pool, idx);
	return true;
}

void bh_recover_syncs_of(const struct bh_view *v, uint64_t task)
{
	uint32_t n = bh_ld_acq(&v->sync_pool.pool->mark);

	for (uint32_t i = 1; i < n && i < v->l.syncs; i++)
		if (bh_ld_acq(&v->syncs[i].owner) == task)
			close_object(v, i, task);
}

void bh_recover_claims_of(const struct bh_view *v, uint64_t task)
{
	const struct bh_server sv = kernel(v);

	bh_claims_release(&sv, task, BH_CLAIM_DIED);
}

/* The process that had to post claim @idx is dead: the claim is perhaps not posted. */
static void suspect(const struct bh_view *v, uint32_t idx)
{
	const struct bh_server sv = kernel(v);
	struct bh_claim *c = bh_claim_at(v, idx);
	uint32_t at = bh_handle_idx(bh_ld_acq(&c->sync));
	struct bh_sync *s = bh_sync_at(v, at);

	if (!s)
		return;
	if (bh_ld_acq(&s->suspect))
		bh_st_rel(&v->a->rescan, 1); /* the server has yet to check another one */
	else
		bh_st_rel(&s->suspect, bh_handle(bh_state_gen(bh_ld_acq(&c->word)), idx));
	bh_sync_serve(&sv, at);
}

/* Frees a claim that was made and never posted. */
static void unmake(const struct bh_view *v, uint32_t idx, uint64_t w)
{
	const uint64_t free = bh_state_make(bh_state_gen(w), 0, 0, 0, (enum bh_state)BH_CLAIM_FREE);

	if (bh_cas(&v->claims[idx].word, &w, free))
		bh_pool_give_shared(&v->claim_pool, idx);
}

static void settle(const struct bh_view *v, uint32_t idx, uint64_t w)
{
	switch (bh_claim_state(w)) {
	case BH_CLAIM_NEW:
		unmake(v, idx, w);
		break;
	case BH_CLAIM_ASKS:
	case BH_CLAIM_BACK:
	case BH_CLAIM_GONE:
		suspect(v, idx);
		break;
	default:
		break;
	}
}

void bh_recover_journal_sync(const struct bh_view *v, uint32_t slot, uint32_t epoch)
{
	struct bh_journal *j = &v->workers[slot].journal;
	const struct bh_server sv = kernel(v);
	uint32_t at = bh_ld_rlx(&j->sync), idx = bh_ld_rlx(&j->claim);
	struct bh_sync *s = bh_sync_at(v, at);
	struct bh_claim *c = bh_claim_at(v, idx);
	uint64_t w = c ? bh_ld_acq(&c->word) : 0;

	/* The object first, then the claim: the dead worker may have the lock of its object. */
	bh_sync_serve_recover(&sv, at, slot, epoch);
	if (c && bh_state_worker(w) == slot && bh_state_epoch(w) == (epoch & BH_EPOCH_MASK))
		settle(v, idx, w);
	uint64_t owner = s ? bh_ld_acq(&s->owner) : 0;
	if (owner && !bh_owner_alive(v, owner))
		close_object(v, at, owner);
}

bool bh_verify_sync(const struct bh_view *v, uint32_t idx,
		    bool (*gone)(const struct bh_view *v, uint64_t word))
{
	const struct bh_server sv = kernel(v);
	struct bh_sync *s = &v->syncs[idx];
	uint64_t owner = bh_ld_acq(&s->owner);
	uint32_t slot, epoch;

	if (bh_sync_serve_holder(s, &slot, &epoch) &&
	    gone(v, bh_state_make(1, epoch, slot, 0, BH_RUNNING)))
		bh_sync_serve_recover(&sv, idx, slot, epoch);
	else if (bh_ld_acq(&s->inbox))
		bh_sync_serve(&sv, idx);
	if (!owner) {
		if (idx < bh_ld_rlx(&v->sync_pool.pool->mark))
			bh_pool_give_shared(&v->sync_pool, idx);
		return false;
	}
	return !bh_owner_alive(v, owner) && close_object(v, idx, owner);
}

bool bh_verify_claim(const struct bh_view *v, uint32_t idx,
		     bool (*gone)(const struct bh_view *v, uint64_t word))
{
	const struct bh_server sv = kernel(v);
	struct bh_claim *c = &v->claims[idx];
	uint64_t w = bh_ld_acq(&c->word), owner = bh_ld_acq(&c->owner);
	enum bh_claim_state is = bh_claim_state(w);
	bool orphan = !bh_owner_alive(v, owner);

	if (is == BH_CLAIM_FREE) {
		if (idx < bh_ld_rlx(&v->claim_pool.pool->mark))
			bh_pool_give_shared(&v->claim_pool, idx);
		return false;
	}
	if (is == BH_CLAIM_NEW) {
		if (gone(v, w))
			unmake(v, idx, w);
		return gone(v, w);
	}
	if (orphan)
		bh_claim_release(&sv, idx, owner, BH_CLAIM_DIED);
	w = bh_ld_acq(&c->word);
	is = bh_claim_state(w);
	if ((is == BH_CLAIM_BACK || is == BH_CLAIM_GONE) && gone(v, w))
		suspect(v, idx);
	return orphan;
}
