/* SPDX-License-Identifier: MIT */
#include "ipc/protocol/token.h"

#include "ipc/arena/arena.h"

static struct bh_token_slot *slot_at(const struct bh_view *v, uint32_t idx)
{
	return idx && idx < v->l.tokens ? &v->tokens[idx] : NULL;
}

int bh_token_check(const struct bh_view *v, uint64_t token)
{
	struct bh_token_slot *s = slot_at(v, bh_handle_idx(token));
	uint64_t w = s ? bh_ld_acq(&s->word) : 0;

	if (!s || (w >> 32) != bh_handle_gen(token) || !bh_ld_acq(&s->owner))
		return -1;
	return (w & BH_TOKEN_CANCELED) != 0;
}

/* True if listener @who is gone, or none. */
static bool vacant(const struct bh_view *v, uint64_t who)
{
	if (!who)
		return true;
	if (who & BH_TOKEN_CHILD)
		return bh_token_check(v, who & ~BH_TOKEN_CHILD) < 0;
	return !bh_tcb_of(v, who);
}

_Atomic uint64_t *bh_token_join(const struct bh_view *v, uint64_t token, uint64_t who)
{
	struct bh_token_slot *s = slot_at(v, bh_handle_idx(token));
	_Atomic uint64_t *cell = NULL;

	for (int i = 0; s && !cell && i < BH_TOKEN_CELLS; i++) {
		uint64_t w = bh_ld_acq(&s->cell[i]);

		if (w == who || (vacant(v, w) && bh_cas(&s->cell[i], &w, who)))
			cell = &s->cell[i];
	}
	if (s && !cell)
		bh_or(&s->word, BH_TOKEN_CROWDED);
	bh_fence(); /* before the caller's look at the word */
	return cell;
}

bool bh_token_set(const struct bh_view *v, uint32_t idx, uint32_t gen)
{
	struct bh_token_slot *s = slot_at(v, idx);
	uint64_t w = s ? bh_ld_acq(&s->word) : 0;

	do {
		if (!s || (gen && (w >> 32) != gen) || (w & BH_TOKEN_CANCELED))
			return false;
	} while (!bh_cas(&s->word, &w, w | BH_TOKEN_CANCELED));
	return true;
}

/* -- telling -------------------------------------------------------------------- */

struct walk {
	const struct bh_view *v;
	bh_token_wake_fn wake;
	uint64_t budget; /* of looks */
	bool anew;
};

static void tell(struct walk *w, uint32_t idx, int depth);

static void tell_child(struct walk *w, uint64_t child, int depth)
{
	uint32_t idx = bh_handle_idx(child);

	if (depth >= BH_TOKEN_DEPTH || bh_token_check(w->v, child) < 0)
		return;
	if (bh_token_set(w->v, idx, bh_handle_gen(child)) || w->anew)
		tell(w, idx, depth + 1);
}

static uint32_t used(const struct bh_pool_view *p)
{
	uint32_t mark = bh_ld_acq(&p->pool->mark);

	return mark < p->capacity ? mark : p->capacity;
}

/* Tells all tasks and child tokens that may listen to @token without a cell. */
static void tell_crowd(struct walk *w, uint64_t token, int depth)
{
	const struct bh_view *v = w->v;
	uint64_t looks = (uint64_t)used(&v->task_pool) + used(&v->token_pool);

	if (w->budget < looks)
		return;
	w->budget -= looks;
	for (uint32_t i = 1, n = used(&v->task_pool); i < n; i++)
		if (v->tasks[i].opts & BH_TASK_LISTENS)
			w->wake(v, i, bh_state_gen(bh_ld_acq(&v->tasks[i].state)));
	for (uint32_t i = 1, n = used(&v->token_pool); i < n; i++)
		if (bh_ld_acq(&v->tokens[i].parent) == token)
			tell_child(w, bh_handle((uint32_t)(bh_ld_acq(&v->tokens[i].word) >> 32), i),
				   depth);
}

static void tell(struct walk *w, uint32_t idx, int depth)
{
	struct bh_token_slot *s = slot_at(w->v, idx);

	if (!s || !w->budget)
		return;
	w->budget--;
	bh_fence(); /* after the flag, before the cells */
	for (int i = 0; i < BH_TOKEN_CELLS; i++) {
		uint64_t who = bh_ld_acq(&s->cell[i]);

		if (who & BH_TOKEN_CHILD)
			tell_child(w, who & ~BH_TOKEN_CHILD, depth);
		else if (bh_tcb_of(w->v, who))
			w->wake(w->v, bh_handle_idx(who), bh_handle_gen(who));
	}
	uint64_t word = bh_ld_acq(&s->word);
	if (word & BH_TOKEN_CROWDED)
		tell_crowd(w, bh_handle((uint32_t)(word >> 32), idx), depth);
}

uint64_t bh_token_budget(const struct bh_view *v)
{
	return 16 * ((uint64_t)used(&v->task_pool) + used(&v->token_pool) + 64);
}

void bh_token_tell(const struct bh_view *v, uint32_t idx, bool anew, bh_token_wake_fn wake,
		   uint64_t budget)
{
	struct walk w = { .v = v, .wake = wake, .budget = budget, .anew = anew };

	tell(&w, idx, 0);
}

bool bh_token_drop(const struct bh_view *v, uint32_t idx, uint64_t owner, bh_token_wake_fn wake,
		   uint64_t budget)
{
	if (!slot_at(v, idx))
		return false;
	bh_token_set(v, idx, 0);
	bh_token_tell(v, idx, true, wake, budget);
	return bh_cas(&v->tokens[idx].owner, &owner, 0);
}
