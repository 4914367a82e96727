/* SPDX-License-Identifier: MIT */
/* token.c: cancellation tokens of cancel.h; the protocol is in ipc/protocol/token.h. */
#include <errno.h>

#include "ipc/protocol/token.h"
#include "workers/base/rt.h"
#include "workers/owned/defer.h"
#include "workers/queue/queue.h"
#include "workers/wait/fiber.h"
#include "workers/wait/suspend.h"

static struct bh_token_slot *slot_of(bh_token token)
{
	return &bh_rt.v.tokens[bh_handle_idx(token)];
}

static void wake(const struct bh_view *v, uint32_t idx, uint32_t gen)
{
	(void)v;
	bh_rt_wake(idx, gen, 0);
}

/* From here until the journal is cleared, recovery looks at token @idx. */
static void journal(uint32_t idx)
{
	bh_st_rlx(&bh_rt.me->journal.token, idx);
	bh_compiler_barrier();
}

static void journal_done(void)
{
	bh_compiler_barrier();
	bh_st_rlx(&bh_rt.me->journal.token, 0);
}

/* Also the clean-up of the task that made it. Commit: the CAS on the owner. */
static void drop(void *token)
{
	uint32_t idx = bh_handle_idx((bh_token)(uintptr_t)token);

	if (bh_token_check(&bh_rt.v, (bh_token)(uintptr_t)token) < 0)
		return;
	journal(idx);
	bh_pool_freeing(&bh_rt.me->tokens, idx);
	if (bh_token_drop(&bh_rt.v, idx, bh_rt.handle, wake, UINT64_MAX))
		bh_pool_give(&bh_rt.v.token_pool, &bh_rt.me->tokens, idx);
	journal_done();
}

/* Commit: the CAS on the owner. */
static struct bh_token_slot *take(uint32_t *idx)
{
	while ((*idx = bh_pool_take(&bh_rt.v.token_pool, &bh_rt.me->tokens))) {
		uint64_t free = 0;

		journal(*idx);
		if (bh_cas(&bh_rt.v.tokens[*idx].owner, &free, bh_rt.handle))
			return &bh_rt.v.tokens[*idx];
	}
	return NULL;
}

/* A handle of the new generation names it from the store of `word` on. */
static bh_token set_up(struct bh_token_slot *s, uint32_t idx, bh_token parent)
{
	uint32_t gen = (uint32_t)(bh_ld_rlx(&s->word) >> 32) + 1;

	gen += gen == 0;
	bh_st_rlx(&s->parent, parent);
	s->depth = parent ? slot_of(parent)->depth + 1 : 0;
	for (int i = 0; i < BH_TOKEN_CELLS; i++)
		bh_st_rlx(&s->cell[i], 0);
	bh_st_rel(&s->word, (uint64_t)gen << 32);
	return bh_handle(gen, idx);
}

int bh_token_open(bh_token *out, bh_token parent)
{
	struct bh_token_slot *s;
	bh_token token;
	uint32_t idx;

	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	if (parent && bh_token_check(&bh_rt.v, parent) < 0)
		return -BH_ESTALE;
	if (parent && slot_of(parent)->depth + 1 >= BH_TOKEN_DEPTH)
		return -ELOOP;
	s = take(&idx);
	if (!s)
		return -BH_ENOSLOT;
	token = set_up(s, idx, parent);
	/* From the clean-up on, the task's flag says that it has tokens. */
	int err = bh_defer(drop, (void *)(uintptr_t)token);
	journal_done();
	if (err) {
		drop((void *)(uintptr_t)token);
		return err;
	}
	if (parent) {
		bh_token_join(&bh_rt.v, parent, token | BH_TOKEN_CHILD);
		if (bh_token_check(&bh_rt.v, parent) && bh_token_cancel(token))
			return -BH_ESTALE;
	}
	*out = token;
	return 0;
}

int bh_token_close(bh_token token)
{
	if (bh_rt.forked)
		return -BH_EFORKED;
	if (bh_token_check(&bh_rt.v, token) < 0)
		return -BH_ESTALE;
	if (!bh_rt.task || bh_ld_rlx(&slot_of(token)->owner) != bh_rt.handle)
		return -EPERM;
	drop((void *)(uintptr_t)token);
	bh_defer_drop(drop, (void *)(uintptr_t)token);
	return 0;
}

int bh_token_cancel(bh_token token)
{
	uint32_t idx = bh_handle_idx(token);

	if (!bh_rt.me || idx == BH_TOKEN_SERVICE)
		return bh_rt_no_task(-EPERM);
	if (bh_token_check(&bh_rt.v, token) < 0)
		return -BH_ESTALE;
	journal(idx);
	if (bh_token_set(&bh_rt.v, idx, bh_handle_gen(token)))
		bh_token_tell(&bh_rt.v, idx, false, wake, UINT64_MAX);
	journal_done();
	return 0;
}

int bh_token_canceled(bh_token token)
{
	int is = bh_rt.v.a ? bh_token_check(&bh_rt.v, token) : -1;

	if (bh_rt.forked)
		return -BH_EFORKED;
	return is < 0 ? -BH_ESTALE : is;
}

bh_token bh_stop_token(void)
{
	return bh_rt.v.a ? bh_ld_acq(&bh_rt.v.tokens[BH_TOKEN_SERVICE].word) >> 32 << 32 |
				   BH_TOKEN_SERVICE :
			   0;
}

/* -- waiting ---------------------------------------------------------------------- */

static _Atomic uint64_t *listen(bh_token token)
{
	/* Before the look at the word: a canceler that sees no cell looks for it. */
	bh_rt.task->opts |= BH_TASK_LISTENS;
	return bh_token_join(&bh_rt.v, token, bh_rt.handle);
}

/* The cell is for the next one, unless somebody has it already. */
static void hang_up(_Atomic uint64_t *cell)
{
	uint64_t me = bh_rt.handle;

	if (cell)
		bh_cas(cell, &me, 0);
}

int bh_token_wait(bh_token token, int64_t deadline)
{
	_Atomic uint64_t *cell;
	int is, err = 0;

	if (!bh_fiber_self())
		return bh_rt_no_task(-EDEADLK);
	if (bh_token_check(&bh_rt.v, token) < 0)
		return -BH_ESTALE;
	cell = listen(token);
	while (!(is = bh_token_check(&bh_rt.v, token)) && !err)
		err = bh_rt_suspend(BH_WAIT_TOKEN, token, deadline);
	hang_up(cell);
	if (is)
		return is < 0 ? -BH_ESTALE : 0;
	return err;
}

int bh_poll_token_wait(struct bh_cx *cx, bh_token token)
{
	int is = bh_token_check(&bh_rt.v, token);

	if (bh_rt.forked)
		return -BH_EFORKED;
	if (!is) {
		listen(token);
		is = bh_token_check(&bh_rt.v, token);
	}
	if (is)
		return is < 0 ? -BH_ESTALE : 0;
	cx->task->wait = BH_WAIT_TOKEN;
	return -EAGAIN;
}

int bh_token_run(bh_token token, int64_t (*fn)(void *arg), void *arg, int64_t *value)
{
	struct bh_fiber *f = bh_fiber_self();
	struct bh_token_guard guard = { .token = token, .outer = f ? f->guards : NULL };
	_Atomic uint64_t *cell;
	int64_t got;
	int is;

	if (!f)
		return bh_rt_no_task(-EDEADLK);
	if (bh_token_check(&bh_rt.v, token) < 0)
		return -BH_ESTALE;
	cell = listen(token);
	f->guards = &guard;
	got = fn(arg);
	f->guards = guard.outer;
	is = bh_token_check(&bh_rt.v, token);
	hang_up(cell);
	if (value)
		*value = got;
	return is ? -BH_ECANCELED : 0;
}
