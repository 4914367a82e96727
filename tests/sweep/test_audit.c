/* SPDX-License-Identifier: MIT */
/* test_audit.c: each invariant of ipc/repair/audit.h, violated by hand, is named. */
#include <bulkhead/task.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check_run.h"
#include "tests/sweep/sweep.h"

static struct world w;

static void setup(void)
{
	world_make(&w, NULL);
	w.me = world_task(&w, BH_RUNNING, VICTIM);
	w.child = world_task(&w, BH_WAITING, OTHER);
	w.other = world_task(&w, BH_SCHEDULED, OTHER);
	world_adopt(&w, w.me, w.child);
	bh_inject_push(&w.v.inject, w.other);
	w.io = world_io(&w, w.me);
	world_block(&w, w.me);
}

static void teardown(void)
{
	world_free(&w);
}

static struct bh_tcb *task(uint32_t idx)
{
	return &w.v.tasks[idx];
}

static void set_state(uint32_t idx, enum bh_state s)
{
	bh_and(&task(idx)->state, ~0xfull);
	bh_or(&task(idx)->state, (uint64_t)s);
}

enum depth {
	QUIET,
	BUSY,
	STEPS
};

static void look(enum depth depth, struct bh_audit *out)
{
	struct bh_audit_round round = { 0 };

	if (depth != STEPS) {
		ck_assert_int_eq(bh_audit_run(&w.v, depth == QUIET, out), 0);
		return;
	}
	memset(out, 0, sizeof(*out));
	while (!bh_audit_step(&w.v, &round, 7, out))
		;
}

/* The one thing that is wrong must be found, in the depth that promises it. */
static void expect(const char *invariant, enum depth depth)
{
	struct bh_audit a;
	bool found = false;

	look(depth, &a);
	for (uint32_t i = 0; i < a.found && i < BH_AUDIT_MAX; i++)
		found |= !strcmp(a.finding[i].invariant, invariant);
	ck_assert_msg(found, "%s was not reported (%u findings)", invariant, a.found);
}

START_TEST(a_sound_arena_has_no_findings)
{
	struct bh_audit a;

	ck_assert_int_eq(bh_audit_run(&w.v, true, &a), 0);
	ck_assert_msg(a.found == 0, "%s: %s", a.finding[0].invariant, a.finding[0].text);
	for (enum depth d = BUSY; d <= STEPS; d++) {
		look(d, &a);
		ck_assert_msg(a.found == 0, "%s: %s", a.finding[0].invariant, a.finding[0].text);
	}
	ck_assert_uint_eq(a.tasks[BH_RUNNING], 1);
}
END_TEST

static void plant_state(void)
{
	bh_or(&task(w.me)->state, 0xf);
}

static void plant_holder(void)
{
	bh_st_rlx(&w.v.workers[VICTIM].word, bh_slot_word(BH_SLOT_UP, 8, 1));
}

static void plant_cleanup(void)
{
	set_state(w.me, BH_CLEANUP);
}

static void plant_evring(void)
{
	bh_st_rlx(&w.v.events[OTHER].tail, 7);
}

static void plant_hint(void)
{
	_Atomic uint32_t journal;

	bh_inject_pop(&w.v.inject, &journal);
}

/* Where a blocking process looks, but no worker. */
static void plant_hint_elsewhere(void)
{
	_Atomic uint32_t journal;

	bh_inject_push(&w.v.blocking, bh_inject_pop(&w.v.inject, &journal));
}

static void plant_job_waits(void)
{
	w.v.tasks[world_task(&w, BH_WAITING, OTHER)].kind = BH_KIND_BLOCKING;
}

static void plant_blocking_idle(void)
{
	w.v.l.blocking = 100;
	bh_or(&w.v.a->blocking.parked[100 / 64], 1ull << (100 % 64));
}

static void plant_done_parent(void)
{
	uint32_t t = world_task(&w, BH_DONE, OTHER);

	bh_and(&task(t)->state, ~BH_DETACHED);
	bh_st_rlx(&task(t)->parent, bh_handle(99, 3));
}

static void plant_detached_done(void)
{
	world_task(&w, BH_DONE, OTHER); /* made DETACHED */
}

static void plant_child_list(void)
{
	bh_st_rlx(&task(w.child)->parent, bh_handle(99, 3));
}

static void plant_join(void)
{
	set_state(w.child, BH_DONE);
	uint32_t waiter = world_task(&w, BH_WAITING, OTHER);
	task(waiter)->wait = BH_WAIT_JOIN;
	task(waiter)->wait_on = bh_handle(bh_state_gen(bh_ld_rlx(&task(w.child)->state)), w.child);
}

static void plant_block_owner(void)
{
	bh_st_rlx(&w.v.blocks[0][5].owner, bh_handle(99, 3));
	bh_st_rlx(&w.v.block_pool[0].pool->mark, 64);
}

static void plant_block_lost(void)
{
	bh_st_rlx(&task(w.me)->blocks, 0);
}

static void plant_io_owner(void)
{
	bh_st_rlx(&task(w.me)->ios, 0);
}

static void plant_io_woken(void)
{
	task(w.child)->wait = BH_WAIT_IO;
	task(w.child)->wait_on = bh_handle(3, w.io);
	bh_st_rlx(&w.v.ios[w.io].ready[0], (uint64_t)w.child << 32 | BH_IO_READY);
}

static void plant_task_pool(void)
{
	w.v.workers[OTHER].tasks.n--;
}

static void plant_block_pool(void)
{
	w.v.workers[VICTIM].blocks[0].n--;
}

static void plant_io_pool(void)
{
	w.v.workers[VICTIM].ios.n--;
}

static void plant_token_pool(void)
{
	bh_st_rlx(&w.v.token_pool.pool->mark, 64); /* of which none was given back */
}

static void plant_token_owner(void)
{
	plant_token_pool();
	bh_st_rlx(&w.v.tokens[7].owner, bh_handle(9, w.child));
}

static void plant_token_cell(void)
{
	plant_token_pool();
	bh_st_rlx(&w.v.tokens[7].cell[2], bh_handle(1, w.v.l.tasks));
}

static struct bh_sync *plant_sync(void)
{
	struct bh_sync *s = &w.v.syncs[7];

	bh_st_rlx(&w.v.sync_pool.pool->mark, 64);
	bh_st_rlx(&w.v.claim_pool.pool->mark, 64);
	for (uint32_t i = 1; i < 64; i++)
		if (i != 7) {
			bh_pool_give_shared(&w.v.sync_pool, i);
			bh_pool_give_shared(&w.v.claim_pool, i);
		}
	bh_st_rlx(&s->owner, bh_handle(bh_state_gen(bh_ld_rlx(&task(w.me)->state)), w.me));
	bh_st_rlx(&s->word, 1ull << 32 | BH_SYNC_MUTEX);
	bh_st_rlx(&s->asked, bh_handle(1, 1));
	return s;
}

/* Beside its object, and in order but for what is said. */
static struct bh_claim *plant_claim(enum bh_claim_state state, uint32_t slot)
{
	struct bh_sync *s = plant_sync();
	struct bh_claim *c = &w.v.claims[7];

	bh_st_rlx(&c->owner, bh_ld_rlx(&s->owner));
	bh_st_rlx(&c->sync, bh_handle(1, 7));
	bh_st_rlx(&c->count, 1);
	bh_st_rlx(&c->word, bh_state_make(1, WORLD_EPOCH, slot, 0, (enum bh_state)state));
	if (state == BH_CLAIM_HELD)
		bh_st_rlx(&s->taken, 1);
	return c;
}

static void plant_sync_pool(void)
{
	bh_st_rlx(&w.v.sync_pool.pool->mark, 64);
}

static void plant_claim_pool(void)
{
	bh_st_rlx(&w.v.claim_pool.pool->mark, 64);
}

static void plant_sync_owner(void)
{
	bh_st_rlx(&plant_sync()->owner, bh_handle(9, w.child));
}

static void plant_sync_links(void)
{
	bh_st_rlx(&plant_sync()->inbox, w.v.l.claims);
}

static void plant_sync_lock(void)
{
	bh_st_rlx(&plant_sync()->lock, 50);
}

static void plant_sync_served(void)
{
	bh_st_rlx(&plant_sync()->lock, (uint64_t)WORLD_EPOCH << 16 | (OTHER + 1));
}

static void plant_sync_list(void)
{
	plant_claim(BH_CLAIM_ASKS, OTHER);
}

static void plant_sync_count(void)
{
	plant_claim(BH_CLAIM_HELD, OTHER);
	bh_st_rlx(&w.v.syncs[7].taken, 0);
}

static void plant_claim_word(void)
{
	plant_claim(BH_CLAIM_HELD, 50);
}

static void plant_claim_owner(void)
{
	bh_st_rlx(&plant_claim(BH_CLAIM_HELD, OTHER)->owner, bh_handle(9, w.child));
}

static void plant_mark(void)
{
	bh_st_rlx(&w.v.task_pool.pool->mark, 1u << 30);
}

static void plant_runq(void)
{
	bh_st_rlx(&w.v.workers[OTHER].runq.head, 1u << 20);
}

static void plant_home(void)
{
	bh_or(&task(w.child)->state, BH_PINNED); /* its owner is BH_OWNER_NONE */
}

static void plant_inject(void)
{
	bh_st_rlx(&w.v.inject.q->tail, 1ull << 40);
}

static void plant_idle(void)
{
	bh_or(&w.v.a->idle.parked, 1ull << 60);
}

static void plant_lease(void)
{
	bh_lease_take(&w.v.a->idle.lease[1], OTHER, 6, BH_LEASE_SLEEP);
}

static void plant_lease_word(void)
{
	bh_st_rlx(&w.v.a->idle.lease[1].word, bh_lease_make(0, 7, BH_LEASE_MODES, OTHER));
}

/* Of an instance that the service does not have. */
static void plant_lease_beyond(void)
{
	bh_lease_take(&w.v.a->idle.lease[w.v.l.reactors], OTHER, WORLD_EPOCH, BH_LEASE_POLL);
}

static void plant_spinner(void)
{
	bh_st_rlx(&w.v.a->idle.spinner, w.v.l.workers + 1);
}

static void plant_type(void)
{
	task(w.me)->type = 0xffff;
}

static void plant_counts(void)
{
	bh_count(&w.v.workers[VICTIM].count.completed, 1);
}

static void plant_runq_tail(void)
{
	bh_st_rlx(&w.v.workers[OTHER].runq.tail, 300);
}

static void plant_runq_behind(void)
{
	bh_st_rlx(&w.v.workers[OTHER].runq.head, 100);
}

static void plant_hand(void)
{
	bh_st_rlx(&w.v.workers[OTHER].batch.n, BH_BATCH);
}

static void plant_hand_cell(void)
{
	bh_st_rlx(&w.v.workers[OTHER].batch.idx[3], 100000);
}

static void plant_runq_cell(void)
{
	bh_st_rlx(&w.v.workers[OTHER].runq.cells[9], 100000);
}

static void plant_lifo(void)
{
	bh_st_rlx(&w.v.workers[OTHER].lifo, 100000);
}

static void plant_header(void)
{
	w.v.a->bytes++;
}

static void plant_guard(void)
{
	uint64_t at = w.v.l.off_guard[BH_ARENA_PARTS - 1];

	memset((unsigned char *)w.v.a + at, 0, 8);
}

static void plant_holder_valid(void)
{
	bh_or(&task(w.child)->state, 5ull << 16); /* nobody holds it, in epoch 5 */
}

static void plant_holder_current(void)
{
	bh_st_rlx(&w.v.workers[VICTIM].current, bh_handle(1, w.other));
}

static void plant_link(void)
{
	bh_st_rlx(&task(w.child)->sibling, 0x7fffffff);
}

static void plant_stack(void)
{
	bh_st_rlx(&task(w.child)->stack, bh_block_ref(0, 0x0fffffff));
}

static void plant_block_word(void)
{
	bh_st_rlx(&w.v.blocks[0][1].owner, bh_handle(1, w.v.l.tasks));
}

/* The one that has the block of the running task. */
static _Atomic uint32_t *extent(void)
{
	return &w.v.extents[0];
}

static void plant_uncharged(void)
{
	bh_st_rlx(extent(), bh_ld_rlx(extent()) + 1);
}

/* It says what nobody is about to do. */
static void plant_kept(void)
{
	bh_st_rlx(&w.v.blocks[0][3].owner, 9ull << 44 | (VICTIM + 2ull) << 32);
}

static void plant_charge(void)
{
	bh_add(&w.v.a->charge.word, 1ull << 38);
}

static void plant_charge_most(void)
{
	bh_or(&w.v.a->charge.word, 0xffull << 56);
}

static void plant_charge_begun(void)
{
	bh_or(&w.v.a->charge.word, 1ull << 22);
}

static void plant_journal_extent(void)
{
	bh_st_rlx(&w.v.workers[OTHER].journal.extent, bh_extents(&w.v.l) + 1);
}

static void plant_block_link(void)
{
	bh_st_rlx(&w.v.blocks[0][1].next, bh_block_ref(0, w.v.l.blocks[0]));
}

static void plant_io_word(void)
{
	bh_st_rlx(&w.v.ios[w.io].owner, bh_handle(0, w.me));
}

static void plant_io_slot(void)
{
	bh_st_rlx(&w.v.ios[w.io].ready[1], bh_handle(w.v.l.tasks, 0));
}

static void plant_cache(void)
{
	w.v.workers[OTHER].blocks[3].n = BH_POOL_CACHE + 1;
}

static void plant_inject_cell(void)
{
	bh_st_rlx(&w.v.inject.cells[0], bh_handle(77, 1));
}

static void plant_jobs(void)
{
	bh_st_rlx(&w.v.blocking.q->tail, 1ull << 40);
}

static void plant_jobs_cell(void)
{
	bh_st_rlx(&w.v.blocking.q->tail, 1);
	bh_st_rlx(&w.v.blocking.cells[0], bh_handle(77, 1));
}

static void plant_park(void)
{
	bh_st_rlx(&w.v.workers[OTHER].park, BH_PARKS);
}

static void plant_current(void)
{
	bh_st_rlx(&w.v.workers[OTHER].current, bh_handle(1, w.v.l.tasks));
}

static void plant_journal(void)
{
	bh_st_rlx(&w.v.workers[OTHER].journal.io, w.v.l.ios);
}

static void plant_pinned_cell(void)
{
	struct bh_inject_view ring = bh_pinned_of(&w.v, OTHER);

	bh_inject_push(&ring, w.other);
	bh_st_rlx(&ring.cells[3], bh_handle(7, 0));
}

static const struct {
	const char *invariant;
	void (*plant)(void);
	enum depth depth; /* the first of those in which it is found */
} plants[] = {
	{ "state-valid", plant_state, BUSY },
	{ "holder-alive", plant_holder, STEPS },
	{ "no-cleanup", plant_cleanup, STEPS },
	{ "hint", plant_hint, STEPS },
	{ "hint", plant_hint_elsewhere, STEPS },
	{ "job-waits", plant_job_waits, BUSY },
	{ "idle-mask", plant_blocking_idle, BUSY },
	{ "inject", plant_jobs, BUSY },
	{ "inject-cell", plant_jobs_cell, STEPS },
	{ "done-parent", plant_done_parent, STEPS },
	{ "detached-done", plant_detached_done, BUSY },
	{ "child-list", plant_child_list, QUIET },
	{ "join-woken", plant_join, QUIET },
	{ "block-owner", plant_block_owner, STEPS },
	{ "block-owner", plant_block_lost, QUIET },
	{ "io-owner", plant_io_owner, QUIET },
	{ "io-woken", plant_io_woken, QUIET },
	{ "task-pool", plant_task_pool, QUIET },
	{ "block-pool", plant_block_pool, QUIET },
	{ "io-pool", plant_io_pool, QUIET },
	{ "token-pool", plant_token_pool, QUIET },
	{ "token-owner", plant_token_owner, STEPS },
	{ "token-cell", plant_token_cell, BUSY },
	{ "sync-pool", plant_sync_pool, QUIET },
	{ "claim-pool", plant_claim_pool, QUIET },
	{ "sync-owner", plant_sync_owner, STEPS },
	{ "sync-links", plant_sync_links, BUSY },
	{ "sync-lock", plant_sync_lock, BUSY },
	{ "sync-served", plant_sync_served, QUIET },
	{ "sync-list", plant_sync_list, QUIET },
	{ "sync-count", plant_sync_count, QUIET },
	{ "claim-word", plant_claim_word, BUSY },
	{ "claim-owner", plant_claim_owner, STEPS },
	{ "pool-mark", plant_mark, BUSY },
	{ "runq", plant_runq, BUSY },
	{ "inject", plant_inject, BUSY },
	{ "idle-mask", plant_idle, BUSY },
	{ "pinned-home", plant_home, BUSY },
	{ "lease", plant_lease, QUIET },
	{ "lease", plant_lease_word, BUSY },
	{ "lease", plant_lease_beyond, BUSY },
	{ "spinner", plant_spinner, BUSY },
	{ "type", plant_type, BUSY },
	{ "counts", plant_counts, QUIET },
	{ "runq", plant_runq_tail, BUSY },
	{ "runq", plant_runq_behind, BUSY },
	{ "runq", plant_runq_cell, BUSY },
	{ "batch", plant_hand, BUSY },
	{ "batch", plant_hand_cell, BUSY },
	{ "runq", plant_lifo, BUSY },
	{ "header", plant_header, BUSY },
	{ "guard", plant_guard, BUSY },
	{ "holder-valid", plant_holder_valid, BUSY },
	{ "holder-current", plant_holder_current, STEPS },
	{ "task-links", plant_link, BUSY },
	{ "task-links", plant_stack, BUSY },
	{ "block-owner", plant_block_word, BUSY },
	{ "block-link", plant_block_link, BUSY },
	{ "block-extent", plant_uncharged, STEPS },
	{ "block-extent", plant_kept, STEPS },
	{ "charge", plant_charge, QUIET },
	{ "charge", plant_charge_begun, QUIET },
	{ "charge", plant_charge_most, BUSY },
	{ "journal", plant_journal_extent, BUSY },
	{ "io-owner", plant_io_word, BUSY },
	{ "io-slot", plant_io_slot, BUSY },
	{ "pool-cache", plant_cache, BUSY },
	{ "inject-cell", plant_inject_cell, STEPS },
	{ "inject-cell", plant_pinned_cell, STEPS },
	{ "park", plant_park, BUSY },
	{ "current", plant_current, BUSY },
	{ "evring", plant_evring, BUSY },
	{ "journal", plant_journal, BUSY },
};

START_TEST(a_planted_violation_is_named)
{
	plants[_i].plant();
	if (plants[_i].depth != STEPS)
		expect(plants[_i].invariant, QUIET);
	if (plants[_i].depth == BUSY)
		expect(plants[_i].invariant, BUSY);
	if (plants[_i].depth != QUIET)
		expect(plants[_i].invariant, STEPS);
}
END_TEST

/* -- and put right ------------------------------------------------------------------ */

/* What the slot's word may say when it is not this incarnation that is up. */
static const struct {
	enum bh_slot_state state;
	uint32_t epoch;
} others[] = {
	{ BH_SLOT_UP, WORLD_EPOCH + 1 },
	{ BH_SLOT_DEAD, WORLD_EPOCH },
	{ BH_SLOT_STARTING, WORLD_EPOCH },
	{ BH_SLOT_VACANT, WORLD_EPOCH },
};

START_TEST(who_joins_a_task_that_runs_in_nobody_is_told)
{
	struct bh_audit a;

	set_state(w.child, BH_RUNNING);
	bh_and(&task(w.child)->state, ~0xffffff00ull);
	bh_or(&task(w.child)->state, (uint64_t)WORLD_EPOCH << 18 | OTHER << 8);
	bh_st_rel(&task(w.me)->state, bh_state_unheld(bh_ld_rlx(&task(w.me)->state), BH_WAITING));
	bh_st_rel(&w.v.workers[OTHER].word, bh_slot_word(others[_i].state, others[_i].epoch, 2));
	expect("holder-alive", STEPS);
	world_scan(&w);
	ck_assert_int_eq(world_state(&w, w.child), BH_DONE);
	ck_assert_int_eq(task(w.child)->end, BH_END_CRASHED);
	ck_assert_int_eq(world_state(&w, w.me), BH_SCHEDULED);
	look(STEPS, &a);
	ck_assert_msg(a.found == 0, "%s: %s", a.finding[0].invariant, a.finding[0].text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sweep.audit");
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_sound_arena_has_no_findings);
	tcase_add_loop_test(tc, a_planted_violation_is_named, 0, sizeof(plants) / sizeof(*plants));
	tcase_add_loop_test(tc, who_joins_a_task_that_runs_in_nobody_is_told, 0,
			    sizeof(others) / sizeof(*others));
	suite_add_tcase(s, tc);
	return bh_check_run(s);
}
