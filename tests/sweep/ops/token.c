/* SPDX-License-Identifier: MIT */
/* token.c: cancellation tokens: making, waiting, canceling, freeing. */
#include "tests/sweep/sweep.h"

#include <stdlib.h>

#include "ipc/protocol/token.h"
#include "ipc/repair/recover_token.h"
#include "workers/base/rt.h"

static void must(int rc)
{
	if (rc)
		_Exit(3);
}

/* Token @idx, made by hand, that @task owns. */
static bh_token token(struct world *w, uint32_t task, uint32_t idx, bh_token parent)
{
	struct bh_token_slot *s = &w->v.tokens[idx];

	bh_st_rlx(&w->v.token_pool.pool->mark, 64);
	bh_st_rlx(&s->owner, bh_handle(bh_state_gen(bh_ld_rlx(&w->v.tasks[task].state)), task));
	bh_st_rlx(&s->word, 1ull << 32);
	bh_st_rlx(&s->parent, parent);
	return bh_handle(1, idx);
}

enum {
	ROOT = 40,
	CHILD,
	GRANDCHILD,
	OWN,
};

static uint64_t handle_of(struct world *w, uint32_t task)
{
	return bh_handle(bh_state_gen(bh_ld_rlx(&w->v.tasks[task].state)), task);
}

/* A root, which a task of worker 1 owns, with a child, with a grandchild; tasks wait
 * for the first and the last. */
static void setup_tree(struct world *w)
{
	struct bh_token_slot *t = w->v.tokens;

	w->other = world_task(w, BH_RUNNING, OTHER);
	token(w, w->other, ROOT, 0);
	token(w, w->other, CHILD, bh_handle(1, ROOT));
	token(w, w->other, GRANDCHILD, bh_handle(1, CHILD));
	w->child = world_task(w, BH_WAITING, 0);
	w->io = world_task(w, BH_WAITING, 0); /* another waiter */
	bh_st_rlx(&t[ROOT].cell[0], handle_of(w, w->child));
	bh_st_rlx(&t[ROOT].cell[1], bh_handle(1, CHILD) | BH_TOKEN_CHILD);
	bh_st_rlx(&t[CHILD].cell[0], bh_handle(1, GRANDCHILD) | BH_TOKEN_CHILD);
	bh_st_rlx(&t[GRANDCHILD].cell[3], handle_of(w, w->io));
	for (uint32_t i = 1; i < 64; i++)
		if (i < ROOT || i > OWN)
			bh_pool_give_shared(&w->v.token_pool, i);
	bh_pool_give_shared(&w->v.token_pool, OWN);
}

static bool canceled(struct world *w, uint32_t idx)
{
	return bh_ld_acq(&w->v.tokens[idx].word) & BH_TOKEN_CANCELED;
}

/* Once the flag is set, everybody must come to know, whoever dies. */
static const char *check_told(struct world *w)
{
	if (!canceled(w, ROOT))
		return NULL;
	if (!canceled(w, CHILD) || !canceled(w, GRANDCHILD))
		return "a child was not canceled with its root";
	if (world_state(w, w->child) == BH_WAITING || world_state(w, w->io) == BH_WAITING)
		return "a task waits for a token that is canceled";
	return NULL;
}

static void run_cancel(struct world *w)
{
	(void)w;
	must(bh_token_cancel(bh_handle(1, ROOT)));
}
SWEEP(token_cancel, .setup = setup_tree, .run = run_cancel, .check = check_told,
      .covers = "bh_token_set");

/* Without cells for its waiters. */
static void setup_crowd(struct world *w)
{
	setup_tree(w);
	for (uint32_t i = ROOT; i <= GRANDCHILD; i++) {
		bh_or(&w->v.tokens[i].word, BH_TOKEN_CROWDED);
		for (int c = 0; c < BH_TOKEN_CELLS; c++)
			bh_st_rlx(&w->v.tokens[i].cell[c], 0);
	}
	w->v.tasks[w->child].opts |= BH_TASK_LISTENS;
	w->v.tasks[w->io].opts |= BH_TASK_LISTENS;
}
SWEEP(token_cancel_crowd, .setup = setup_crowd, .run = run_cancel, .check = check_told,
      .covers = "bh_token_set");

static void run_new(struct world *w)
{
	bh_token t;

	(void)w;
	must(bh_token_open(&t, bh_handle(1, CHILD)));
}
SWEEP(token_new, .setup = setup_tree, .run = run_new, .covers = "take bh_token_join");

static void setup_own(struct world *w)
{
	setup_tree(w);
	token(w, w->me, ROOT, 0);
	w->v.tasks[w->me].opts |= BH_TASK_DEFERS;
}

static void run_free(struct world *w)
{
	(void)w;
	must(bh_token_close(bh_handle(1, ROOT)));
}
SWEEP(token_free, .setup = setup_own, .run = run_free, .check = check_told,
      .covers = "drop bh_token_drop");

static void run_poll(struct world *w)
{
	struct bh_cx cx = { .task = &w->v.tasks[w->me] };

	if (bh_poll_token_wait(&cx, bh_handle(1, GRANDCHILD)) == 0)
		_Exit(3);
}
SWEEP(token_poll, .setup = setup_tree, .run = run_poll, .covers = "bh_token_join");

/* The owner is what dies: its token is canceled, and nobody waits for ever. */
static void run_own(struct world *w)
{
	bh_count(&w->v.workers[VICTIM].count.polls, 1);
}

static const char *check_gone(struct world *w)
{
	if (bh_ld_acq(&w->v.tokens[ROOT].owner))
		return "the token of a task that is gone is not freed";
	return check_told(w);
}

SWEEP(token_owner_dies, .setup = setup_own, .run = run_own, .check = check_gone,
      .no_intruders = true, .covers = "bh_recover_tokens_of");
