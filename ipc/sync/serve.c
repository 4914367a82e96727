/* SPDX-License-Identifier: MIT */
#include "ipc/sync/serve.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc/sync/list.h"

/* The kind of a step; beside the claim's index in the upper half of `step`. */
#define STEP_GRANT 0u
#define STEP_DROP  0x80000000u

enum {
	/* The kernel's most rounds at a time: workers that keep posting could hold it up. */
	ROUNDS = 64
};

static uint64_t name_of(uint32_t slot, uint32_t epoch)
{
	return (uint64_t)(epoch & BH_EPOCH_MASK) << 16 | (slot + 1);
}

static uint64_t step_word(uint32_t kind, uint32_t idx, uint32_t taken)
{
	return (uint64_t)(kind | idx) << 32 | taken;
}

static void step_begin(struct bh_sync *s, const struct bh_claim *c, uint64_t step)
{
	bh_st_rlx(&s->step_gen, bh_state_gen(bh_ld_rlx(&c->word)));
	bh_st_rel(&s->step, step);
	bh_compiler_barrier();
}

static void step_end(struct bh_sync *s)
{
	bh_compiler_barrier();
	bh_st_rel(&s->step, 0);
}

/* False: the claim is of a former object of this slot, or of a closed object. */
static bool current(const struct bh_sync *s, const struct bh_claim *c)
{
	uint64_t w = bh_ld_acq(&s->word);

	return (w >> 32) == bh_handle_gen(bh_ld_acq(&c->sync)) && !(w & BH_SYNC_CLOSED);
}

/* -- the steps ------------------------------------------------------------------------ */

static void set_taken(struct bh_sync *s, const struct bh_claim *c, uint32_t taken)
{
	if (current(s, c))
		bh_st_rel(&s->taken, taken);
}

static void wake(const struct bh_server *sv, struct bh_claim *c, uint64_t word)
{
	uint64_t owner = bh_ld_acq(&c->owner);

	if (word & BH_CLAIM_JOB)
		syscall(SYS_futex, (uintptr_t)&c->word, FUTEX_WAKE, 1, NULL, NULL, 0);
	else if (owner != sv->self && bh_tcb_of(sv->v, owner))
		sv->wake(sv->v, bh_handle_idx(owner), bh_handle_gen(owner));
}

/* Commit: the store. */
static void set_free(const struct bh_server *sv, struct bh_claim *c, uint32_t idx)
{
	uint32_t gen = bh_state_gen(bh_ld_rlx(&c->word));

	if (sv->w)
		bh_pool_freeing(&sv->w->claims, idx);
	bh_st_rel(&c->word, bh_state_make(gen, 0, 0, 0, (enum bh_state)BH_CLAIM_FREE));
	if (sv->w)
		bh_pool_give(&sv->v->claim_pool, &sv->w->claims, idx);
	else
		bh_pool_give_shared(&sv->v->claim_pool, idx);
}

/* Can a crash of the claim's holder leave guarded data half changed? */
static bool guards(const struct bh_sync *s, const struct bh_claim *c)
{
	enum bh_sync_kind kind = bh_sync_kind(bh_ld_rlx(&s->word));

	return kind == BH_SYNC_MUTEX ||
	       (kind == BH_SYNC_RWLOCK && bh_ld_rlx(&c->count) == BH_SYNC_ALL);
}

/* The end of a claim that is BACK or GONE. */
static void drop_rest(const struct bh_server *sv, struct bh_sync *s, uint32_t idx, uint32_t taken)
{
	struct bh_claim *c = bh_claim_at(sv->v, idx);

	if ((bh_ld_rlx(&c->word) & BH_CLAIM_DIED) && current(s, c) && guards(s, c))
		bh_st_rlx(&s->dirty, 1);
	set_taken(s, c, taken);
	bh_sync_unlink(sv->v, s, idx);
	set_free(sv, c, idx);
	step_end(s);
}

static void drop(const struct bh_server *sv, struct bh_sync *s, uint32_t idx)
{
	struct bh_claim *c = bh_claim_at(sv->v, idx);
	uint64_t w = bh_ld_acq(&c->word);
	uint32_t taken = bh_ld_rlx(&s->taken);

	if (bh_claim_state(w) == BH_CLAIM_BACK && !(w & BH_CLAIM_OWES))
		taken -= bh_ld_rlx(&c->count);
	step_begin(s, c, step_word(STEP_DROP, idx, taken));
	drop_rest(sv, s, idx, taken);
}

static void granted(const struct bh_server *sv, struct bh_sync *s, struct bh_claim *c,
		    uint64_t word, uint32_t taken)
{
	set_taken(s, c, taken);
	if (word & BH_CLAIM_TOLD)
		bh_st_rlx(&s->dirty, 0);
	wake(sv, c, word);
	step_end(s);
}

/* Answers claim @idx, which ASKS: it becomes @state, and takes @count. Commit: the CAS on
 * its word. A claim found GONE is dropped instead. */
static void answer(const struct bh_server *sv, struct bh_sync *s, uint32_t idx, uint32_t count,
		   uint64_t state)
{
	struct bh_claim *c = bh_claim_at(sv->v, idx);
	uint64_t w = bh_ld_acq(&c->word), next;
	uint32_t taken = bh_ld_rlx(&s->taken) + count;

	step_begin(s, c, step_word(STEP_GRANT, idx, taken));
	bh_sync_unlink(sv->v, s, idx);
	do {
		if (bh_claim_state(w) != BH_CLAIM_ASKS) {
			step_begin(s, c, step_word(STEP_DROP, idx, taken - count));
			drop_rest(sv, s, idx, taken - count);
			return;
		}
		next = (w & ~BH_STATE_MASK) | state;
	} while (!bh_cas(&c->word, &w, next));
	granted(sv, s, c, next, taken);
}

/* Finishes the `step` of a dead server. */
static void finish_step(const struct bh_server *sv, struct bh_sync *s)
{
	uint64_t step = bh_ld_acq(&s->step);
	uint32_t idx = (uint32_t)(step >> 32) & ~STEP_DROP, taken = (uint32_t)step;
	struct bh_claim *c = bh_claim_at(sv->v, idx);

	if (!c) {
		step_end(s);
		return;
	}
	uint64_t w = bh_ld_acq(&c->word);
	bool same = bh_state_gen(w) == bh_ld_rlx(&s->step_gen);
	enum bh_claim_state is = same ? bh_claim_state(w) : BH_CLAIM_FREE;

	if (step >> 32 & STEP_DROP) {
		if (is == BH_CLAIM_BACK || is == BH_CLAIM_GONE) {
			drop_rest(sv, s, idx, taken);
			return;
		}
	} else if (is == BH_CLAIM_ASKS || is == BH_CLAIM_GONE) {
		if (!bh_sync_linked(sv->v, s, idx))
			bh_sync_link(sv->v, s, 0, idx);
	} else if (same) {
		granted(sv, s, c, w, taken); /* perhaps given back since */
		return;
	} else {
		/* Granted for good, and freed by its task. */
		bh_st_rel(&s->taken, taken);
	}
	step_end(s);
}

/* -- serving --------------------------------------------------------------------------- */

static void refuse(const struct bh_server *sv, struct bh_sync *s, uint32_t idx)
{
	answer(sv, s, idx, 0, BH_CLAIM_REFUSED);
}

/* False: claim @idx has to wait, and so have all claims behind it. */
static bool grant(const struct bh_server *sv, struct bh_sync *s, uint32_t idx)
{
	uint32_t count;
	struct bh_claim *c = bh_claim_at(sv->v, idx);
	uint64_t state = BH_CLAIM_HELD;

	count = bh_ld_rlx(&c->count);
	if (bh_sync_available(s) < count)
		return false;
	if (bh_ld_rlx(&s->dirty))
		state |= BH_CLAIM_TOLD;
	bh_st_rlx(&s->holder, idx);
	answer(sv, s, idx, count, state);
	return true;
}

/* Grants to the oldest claim, as long as there are permits for it. */
static void grant_all(const struct bh_server *sv, struct bh_sync *s)
{
	struct bh_claim *c;
	uint32_t idx;

	for (uint64_t n = 0; n < 2ull * sv->v->l.claims; n++) {
		idx = bh_ld_rlx(&s->head);
		c = bh_claim_at(sv->v, idx);
		if (!c)
			break;
		switch (bh_claim_state(bh_ld_acq(&c->word))) {
		case BH_CLAIM_BACK:
		case BH_CLAIM_GONE:
			drop(sv, s, idx);
			break;
		case BH_CLAIM_ASKS:
			if (!current(s, c))
				refuse(sv, s, idx);
			else if (!grant(sv, s, idx))
				return;
			break;
		default: /* a claim that does not belong here */
			bh_sync_unlink(sv->v, s, idx);
		}
	}
	/* Of notices without a waiting claim, one is kept. */
	uint32_t asked = (uint32_t)bh_ld_acq(&s->asked);
	uint64_t w = bh_ld_acq(&s->word);
	if (bh_sync_kind(w) == BH_SYNC_NOTICE && !(w & BH_SYNC_CLOSED) &&
	    asked - bh_ld_rlx(&s->taken) > 1)
		bh_st_rel(&s->taken, asked - 1);
}

/* A notice to all claims that wait now. `all`, if set again meanwhile, stays. After a death in
 * the middle the notice is repeated: later claims may be told as well. */
static void notify_all(const struct bh_server *sv, struct bh_sync *s)
{
	uint32_t last = bh_ld_rlx(&s->tail), idx = 0, found = bh_ld_acq(&s->all);

	if (!found)
		return;
	if (found == 1)
		bh_cas(&s->all, &found, 2);
	for (uint64_t n = 0; last && idx != last && n < sv->v->l.claims; n++) {
		idx = bh_ld_rlx(&s->head);
		struct bh_claim *c = bh_claim_at(sv->v, idx);
		if (!c)
			break;
		enum bh_claim_state is = bh_claim_state(bh_ld_acq(&c->word));
		if (is == BH_CLAIM_ASKS && current(s, c))
			answer(sv, s, idx, 0, BH_CLAIM_HELD | BH_CLAIM_OWES);
		else if (is == BH_CLAIM_ASKS)
			refuse(sv, s, idx);
		else if (is == BH_CLAIM_BACK || is == BH_CLAIM_GONE)
			drop(sv, s, idx);
		else
			bh_sync_unlink(sv->v, s, idx);
	}
	found = 2;
	bh_cas(&s->all, &found, 0);
}

/* Takes GONE claims out when there are many: 64 and a quarter of the list. */
static void tidy(const struct bh_server *sv, struct bh_sync *s)
{
	uint32_t idx = bh_ld_rlx(&s->head), next, n = 0, gone = bh_ld_rlx(&s->gone);
	struct bh_claim *c;

	if (gone < 64 + bh_ld_rlx(&s->waiting) / 4)
		return;
	bh_st_rlx(&s->gone, 0);
	for (uint64_t i = 0; (c = bh_claim_at(sv->v, idx)) && i < sv->v->l.claims; i++) {
		next = bh_ld_rlx(&c->next);
		if (bh_claim_state(bh_ld_acq(&c->word)) == BH_CLAIM_GONE)
			drop(sv, s, idx);
		else
			n++;
		idx = next;
	}
	bh_st_rlx(&s->waiting, n);
}

static void work(const struct bh_server *sv, struct bh_sync *s, uint32_t idx)
{
	/* Read before the inbox: the suspect claim was posted before, or never will be. */
	uint64_t suspect = bh_ld_acq(&s->suspect);

	bh_sync_drain(sv->v, s);
	if (suspect)
		bh_sync_check(sv->v, s, idx, suspect);
	notify_all(sv, s);
	tidy(sv, s);
	grant_all(sv, s);
}

bool bh_sync_serve_begin(const struct bh_server *sv, uint32_t idx)
{
	struct bh_sync *s = bh_sync_at(sv->v, idx);
	uint64_t none = 0;

	if (sv->w) {
		bh_st_rlx(&sv->w->journal.sync, idx);
		bh_compiler_barrier();
	}
	return bh_cas(&s->lock, &none, name_of(sv->slot, sv->epoch));
}

void bh_sync_serve_end(const struct bh_server *sv, uint32_t idx)
{
	struct bh_sync *s = bh_sync_at(sv->v, idx);
	uint64_t me = name_of(sv->slot, sv->epoch), found;

	for (uint32_t n = 0;; n++) {
		work(sv, s, idx);
		found = me;
		if (bh_cas(&s->lock, &found, 0))
			return;
		if (!sv->w && n >= ROUNDS) {
			bh_st_rel(&s->lock, 0);
			bh_st_rel(&sv->v->a->rescan, 1);
			return;
		}
		bh_and(&s->lock, ~BH_SYNC_PENDING);
	}
}

void bh_sync_serve(const struct bh_server *sv, uint32_t idx)
{
	struct bh_sync *s = bh_sync_at(sv->v, idx);

	if (!s)
		return;
	while (!bh_sync_serve_begin(sv, idx)) {
		uint64_t found = bh_ld_acq(&s->lock);

		/* A CAS also where PENDING is set: the server that clears the flag sees all
		 * posts before it. */
		if (found && bh_cas(&s->lock, &found, found | BH_SYNC_PENDING))
			return;
	}
	bh_sync_serve_end(sv, idx);
}

bool bh_sync_serve_holder(const struct bh_sync *s, uint32_t *slot, uint32_t *epoch)
{
	uint64_t w = bh_ld_acq(&s->lock) & ~BH_SYNC_PENDING;

	*slot = (uint32_t)(w & 0xffff) - 1;
	*epoch = (uint32_t)(w >> 16) & BH_EPOCH_MASK;
	return w != 0;
}

void bh_sync_serve_recover(const struct bh_server *sv, uint32_t idx, uint32_t slot, uint32_t epoch)
{
	struct bh_sync *s = bh_sync_at(sv->v, idx);
	uint64_t dead = name_of(slot, epoch);

	if (!s)
		return;
	if ((bh_ld_acq(&s->lock) & ~BH_SYNC_PENDING) != dead) {
		bh_sync_serve(sv, idx); /* the dead worker may have posted, and not served */
		return;
	}
	bh_st_rel(&s->lock, name_of(sv->slot, sv->epoch));
	bh_sync_repair(sv->v, s);
	finish_step(sv, s);
	bh_sync_serve_end(sv, idx);
}
