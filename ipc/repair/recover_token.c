/* SPDX-License-Identifier: MIT */
/* recover_token.c: the tokens of dead tasks: canceled, and freed (token.h). */
#include "ipc/repair/recover_token.h"

#include "ipc/protocol/token.h"
#include "ipc/protocol/wake.h"

static void kernel_wake(const struct bh_view *v, uint32_t idx, uint32_t gen)
{
	bh_kernel_wake(v, idx, gen, 0);
}

void bh_recover_tokens_of(const struct bh_view *v, uint64_t task)
{
	uint32_t n = bh_ld_acq(&v->token_pool.pool->mark);

	for (uint32_t i = 1; i < n && i < v->l.tokens; i++)
		if (bh_ld_acq(&v->tokens[i].owner) == task &&
		    bh_token_drop(v, i, task, kernel_wake, bh_token_budget(v)))
			bh_pool_give_shared(&v->token_pool, i);
}

void bh_recover_token(const struct bh_view *v, uint32_t idx)
{
	uint64_t owner = idx < v->l.tokens ? bh_ld_acq(&v->tokens[idx].owner) : 0;

	if (owner && owner != BH_TOKEN_OWNER_SERVICE && !bh_owner_alive(v, owner) &&
	    bh_token_drop(v, idx, owner, kernel_wake, bh_token_budget(v)))
		bh_pool_give_shared(&v->token_pool, idx);
}

void bh_recover_journal_token(const struct bh_view *v, uint32_t idx)
{
	if (!idx || idx >= v->l.tokens)
		return;
	if (bh_ld_acq(&v->tokens[idx].word) & BH_TOKEN_CANCELED)
		bh_token_tell(v, idx, true, kernel_wake, bh_token_budget(v));
	bh_recover_token(v, idx);
}

void bh_token_cancel_service(const struct bh_view *v)
{
	bh_token_set(v, BH_TOKEN_SERVICE, 0);
	bh_token_tell(v, BH_TOKEN_SERVICE, true, kernel_wake, bh_token_budget(v));
}
