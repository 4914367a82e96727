/* SPDX-License-Identifier: MIT */
/* sync.c: sync objects: asking, granting, giving up, giving back, opening, closing. */
#include "tests/sweep/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "ipc/sync/claim.h"
#include "ipc/sync/list.h"
#include "ipc/sync/object.h"
#include "workers/base/rt.h"
#include "workers/task/claims.h"

static void must(bool ok)
{
	if (!ok)
		_Exit(3);
}

enum {
	OBJECT = 40,
	FIRST = 70, /* claims */
	SECOND,
	THIRD,
};

#define SYNC bh_handle(1, OBJECT)

static uint64_t handle_of(struct world *w, uint32_t task)
{
	return bh_handle(bh_state_gen(bh_ld_rlx(&w->v.tasks[task].state)), task);
}

static struct bh_claim *claim(struct world *w, uint32_t idx)
{
	return &w->v.claims[idx];
}

static enum bh_claim_state state(struct world *w, uint32_t idx)
{
	return bh_claim_state(bh_ld_acq(&claim(w, idx)->word));
}

/* A claim of @task, made by hand; it is in the list if it ASKS. */
static void put_claim(struct world *w, uint32_t idx, uint32_t task, enum bh_claim_state s,
		      uint32_t count)
{
	struct bh_sync *o = &w->v.syncs[OBJECT];
	struct bh_claim *c = claim(w, idx);

	bh_st_rlx(&c->owner, handle_of(w, task));
	bh_st_rlx(&c->sync, SYNC);
	bh_st_rlx(&c->count, count);
	bh_st_rlx(&c->word, bh_state_make(1, WORLD_EPOCH, OTHER, 0, (enum bh_state)s));
	w->v.tasks[task].claims++;
	if (s == BH_CLAIM_ASKS)
		bh_sync_link(&w->v, o, bh_ld_rlx(&o->tail), idx);
	else
		bh_st_rlx(&o->taken, bh_ld_rlx(&o->taken) + count);
	if (s == BH_CLAIM_HELD)
		bh_st_rlx(&o->holder, idx);
}

/* An object that a task of worker 1 owns. */
static void put_object(struct world *w, enum bh_sync_kind kind, uint32_t permits)
{
	struct bh_sync *s = &w->v.syncs[OBJECT];

	w->other = world_task(w, BH_RUNNING, OTHER);
	bh_st_rlx(&w->v.sync_pool.pool->mark, 64);
	bh_st_rlx(&w->v.claim_pool.pool->mark, 128);
	for (uint32_t i = 1; i < 64; i++)
		if (i != OBJECT)
			bh_pool_give_shared(&w->v.sync_pool, i);
	for (uint32_t i = 1; i < 128; i++)
		if (i < FIRST || i > THIRD)
			bh_pool_give_shared(&w->v.claim_pool, i);
	bh_st_rlx(&s->owner, handle_of(w, w->other));
	bh_st_rlx(&s->word, 1ull << 32 | kind);
	bh_st_rlx(&s->asked, bh_handle(1, permits));
	w->child = world_task(w, BH_WAITING, 0);
	w->io = world_task(w, BH_WAITING, 0); /* another that waits */
}

/* Claims that no test needs go to the pool. */
static void rest(struct world *w)
{
	for (uint32_t i = FIRST; i <= THIRD; i++)
		if (state(w, i) == BH_CLAIM_FREE)
			bh_pool_give_shared(&w->v.claim_pool, i);
}

static uint32_t waiting(struct world *w)
{
	return (uint32_t)(world_state(w, w->child) == BH_WAITING) +
	       (uint32_t)(world_state(w, w->io) == BH_WAITING);
}

/* -- asking -------------------------------------------------------------------------- */

static void setup_free(struct world *w)
{
	put_object(w, BH_SYNC_MUTEX, 1);
	rest(w);
}

static void run_lock(struct world *w)
{
	(void)w;
	must(!bh_mutex_try_lock(SYNC));
}

/* Whoever took it is dead: it is there for the next, who is told. */
static const char *check_free(struct world *w)
{
	struct bh_sync *s = &w->v.syncs[OBJECT];

	return bh_sync_available(s) == 1 ? NULL : "what a dead task held did not come back";
}
SWEEP(sync_lock, .setup = setup_free, .run = run_lock, .check = check_free,
      .covers = "bh_claim_ask bh_sync_push bh_sync_serve_begin bh_sync_serve_end answer "
		"bh_sync_link bh_sync_unlink");

/* Held by a task of worker 1. */
static void setup_held(struct world *w)
{
	put_object(w, BH_SYNC_MUTEX, 1);
	put_claim(w, FIRST, w->other, BH_CLAIM_HELD, 1);
	put_claim(w, SECOND, w->child, BH_CLAIM_ASKS, 1);
	rest(w);
}

/* Asks, and gives up. */
static void run_try(struct world *w)
{
	(void)w;
	must(bh_mutex_try_lock(SYNC) == -EAGAIN);
}

static const char *check_order(struct world *w)
{
	if (state(w, FIRST) != BH_CLAIM_HELD || state(w, SECOND) != BH_CLAIM_ASKS)
		return "others lost what they have";
	return bh_ld_rlx(&w->v.syncs[OBJECT].head) == SECOND ? NULL : "one lost its place";
}
SWEEP(sync_try, .setup = setup_held, .run = run_try, .check = check_order,
      .covers = "bh_claim_leave bh_claim_ask");

/* -- giving back ----------------------------------------------------------------------- */

static void setup_own(struct world *w)
{
	put_object(w, BH_SYNC_MUTEX, 1);
	put_claim(w, FIRST, w->me, BH_CLAIM_HELD, 1);
	put_claim(w, SECOND, w->child, BH_CLAIM_ASKS, 1);
	put_claim(w, THIRD, w->io, BH_CLAIM_ASKS, 1);
}

static void run_unlock(struct world *w)
{
	(void)w;
	must(!bh_mutex_unlock(SYNC));
}

/* It dies with it, or gives it back: either way the next one has it, and is awake. */
static const char *check_next(struct world *w)
{
	if (state(w, SECOND) != BH_CLAIM_HELD)
		return "who waited first did not get it";
	if (state(w, THIRD) != BH_CLAIM_ASKS)
		return "who waited second got it";
	return world_state(w, w->child) == BH_WAITING ? "who has it sleeps" : NULL;
}
SWEEP(sync_unlock, .setup = setup_own, .run = run_unlock, .check = check_next,
      .covers = "bh_claim_back set_free");

/* The task is killed in its own code: the next one is told so. */
static void run_own(struct world *w)
{
	bh_count(&w->v.workers[VICTIM].count.polls, 1);
}

static const char *check_told(struct world *w)
{
	if (check_next(w))
		return check_next(w);
	return bh_ld_rlx(&claim(w, SECOND)->word) & BH_CLAIM_TOLD ? NULL :
								    "the next holder was not told";
}
SWEEP(sync_holder_dies, .setup = setup_own, .run = run_own, .check = check_told,
      .no_intruders = true, .covers = "bh_claim_release");

/* The first of those who wait wants more than there is when one gives back. */
static void setup_weighted(struct world *w)
{
	put_object(w, BH_SYNC_SEMAPHORE, 5);
	put_claim(w, FIRST, w->me, BH_CLAIM_HELD, 3);
	put_claim(w, SECOND, w->child, BH_CLAIM_ASKS, 4);
	put_claim(w, THIRD, w->io, BH_CLAIM_ASKS, 1);
}

static void run_release(struct world *w)
{
	(void)w;
	must(!bh_permit_release(bh_handle(1, FIRST)));
}

static const char *check_both(struct world *w)
{
	if (state(w, SECOND) != BH_CLAIM_HELD || state(w, THIRD) != BH_CLAIM_HELD)
		return "there was enough for both";
	return waiting(w) ? "who has it sleeps" : NULL;
}
SWEEP(sync_release, .setup = setup_weighted, .run = run_release, .check = check_both,
      .covers = "bh_claim_back answer");

static void run_add(struct world *w)
{
	(void)w;
	must(!bh_semaphore_add(SYNC, 7));
}
SWEEP(sync_add, .setup = setup_weighted, .run = run_add, .check = check_both,
      .covers = "bh_sync_put");

/* -- notices ------------------------------------------------------------------------------ */

static void setup_notice(struct world *w)
{
	put_object(w, BH_SYNC_NOTICE, 0);
	put_claim(w, SECOND, w->child, BH_CLAIM_ASKS, 1);
	put_claim(w, THIRD, w->io, BH_CLAIM_ASKS, 1);
	rest(w);
}

static void run_notice_all(struct world *w)
{
	(void)w;
	must(!bh_notice_all(SYNC));
}

/* Nobody or all. */
static const char *check_all(struct world *w)
{
	if (!bh_ld_rlx(&w->v.syncs[OBJECT].all) && !waiting(w))
		return NULL;
	return waiting(w) == 2 ? NULL : "some of those who waited were told";
}
SWEEP(sync_notice_all, .setup = setup_notice, .run = run_notice_all, .check = check_all,
      .no_intruders = true, .covers = "bh_sync_put_all");

static void run_notice_one(struct world *w)
{
	(void)w;
	must(!bh_notice_one(SYNC));
	must(!bh_notice_one(SYNC));
	must(!bh_notice_one(SYNC));
}

static const char *check_one(struct world *w)
{
	struct bh_sync *s = &w->v.syncs[OBJECT];
	uint32_t asked = (uint32_t)bh_ld_rlx(&s->asked), woken = 2 - waiting(w);

	if (woken != (asked < 2 ? asked : 2))
		return "each notice wakes one";
	return bh_sync_available(s) == (asked > 2) ? NULL : "the third is kept";
}
SWEEP(sync_notice_one, .setup = setup_notice, .run = run_notice_one, .check = check_one,
      .no_intruders = true, .covers = "bh_sync_put");

/* One that is there already is taken for good. */
static void setup_kept(struct world *w)
{
	put_object(w, BH_SYNC_NOTICE, 1);
	rest(w);
}

static void run_take(struct world *w)
{
	(void)w;
	must(!bh_notice_try_wait(SYNC));
}
SWEEP(sync_notice_take, .setup = setup_kept, .run = run_take, .covers = "bh_claim_end");

/* -- opening and closing ------------------------------------------------------------------- */

static void run_open(struct world *w)
{
	bh_mutex m;

	(void)w;
	must(!bh_mutex_open(&m));
}
SWEEP(sync_open, .setup = setup_free, .run = run_open, .covers = "bh_sync_make");

static void setup_close(struct world *w)
{
	setup_held(w);
	bh_st_rlx(&w->v.syncs[OBJECT].owner, handle_of(w, w->me));
	w->v.tasks[w->me].opts |= BH_TASK_DEFERS;
}

static void run_close(struct world *w)
{
	(void)w;
	must(!bh_mutex_close(SYNC));
}

static const char *check_closed(struct world *w)
{
	if (bh_ld_acq(&w->v.syncs[OBJECT].owner))
		return "the object of a task that is gone is not freed";
	if (state(w, SECOND) != BH_CLAIM_REFUSED)
		return "who waited was not refused";
	return world_state(w, w->child) == BH_WAITING ? "who was refused sleeps" : NULL;
}
SWEEP(sync_close, .setup = setup_close, .run = run_close, .check = check_closed,
      .covers = "bh_sync_drop close_object");

SWEEP(sync_owner_dies, .setup = setup_close, .run = run_own, .check = check_closed,
      .no_intruders = true, .covers = "bh_sync_drop");

/* -- a task's end ---------------------------------------------------------------------------- */

static void run_end(struct world *w)
{
	bh_claims_drop(&w->v.tasks[w->me]);
}
SWEEP(sync_end, .setup = setup_own, .run = run_end, .check = check_next,
      .covers = "bh_claim_release");

/* -- the kernel ------------------------------------------------------------------------------- */

/* Its worker died before it could serve; the kernel is killed while it puts that right. */
static void setup_dead(struct world *w)
{
	setup_own(w);
	bh_st_rlx(&w->v.syncs[OBJECT].lock, (uint64_t)WORLD_EPOCH << 16 | (VICTIM + 1));
	bh_st_rlx(&w->v.workers[VICTIM].journal.sync, OBJECT);
}

static void run_recover(struct world *w)
{
	world_recover(w);
}
SWEEP(sync_recover, .setup = setup_dead, .run = run_recover, .check = check_told, .kernel = true,
      .no_intruders = true, .covers = "bh_sync_serve_recover");
