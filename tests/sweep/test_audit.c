/* SPDX-License-Identifier: MIT */
/* test_audit.c: each invariant of ipc/audit.h, violated by hand, is named. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sweep.h"

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

/* The one thing that is wrong must be found, in the depth that promises it. */
static void expect(const char *invariant, bool quiet)
{
	struct bh_audit a;
	bool found = false;

	ck_assert_int_eq(bh_audit_run(&w.v, quiet, &a), 0);
	for (uint32_t i = 0; i < a.found && i < BH_AUDIT_MAX; i++)
		found |= !strcmp(a.finding[i].invariant, invariant);
	ck_assert_msg(found, "%s was not reported (%u findings)", invariant, a.found);
}

START_TEST(a_sound_arena_has_no_findings)
{
	struct bh_audit a;

	ck_assert_int_eq(bh_audit_run(&w.v, true, &a), 0);
	ck_assert_msg(a.found == 0, "%s: %s", a.finding[0].invariant, a.finding[0].text);
	ck_assert_int_eq(bh_audit_run(&w.v, false, &a), 0);
	ck_assert_uint_eq(a.found, 0);
	ck_assert_uint_eq(a.tasks[BH_RUNNING], 1);
}
END_TEST

static void plant_state(void)
{
	bh_or(&task(w.me)->state, 0xf);
}

static void plant_holder(void)
{
	bh_st_rlx(&w.v.workers[VICTIM].word, bh_worker_word(BH_WORKER_UP, 8, 1));
}

static void plant_cleanup(void)
{
	set_state(w.me, BH_CLEANUP);
}

static void plant_hint(void)
{
	_Atomic uint32_t journal;

	bh_inject_pop(&w.v.inject, &journal);
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

static void plant_type(void)
{
	task(w.me)->type = 0xffff;
}

static void plant_counts(void)
{
	bh_count(&w.v.workers[VICTIM].count.completed, 1);
}

static const struct {
	const char *invariant;
	void (*plant)(void);
	bool busy; /* found in a busy arena, too */
} plants[] = {
	{ "state-valid", plant_state, true },
	{ "holder-alive", plant_holder, false },
	{ "no-cleanup", plant_cleanup, false },
	{ "hint", plant_hint, false },
	{ "done-parent", plant_done_parent, false },
	{ "detached-done", plant_detached_done, true },
	{ "child-list", plant_child_list, false },
	{ "join-woken", plant_join, false },
	{ "block-owner", plant_block_owner, false },
	{ "block-owner", plant_block_lost, false },
	{ "io-owner", plant_io_owner, false },
	{ "io-woken", plant_io_woken, false },
	{ "task-pool", plant_task_pool, false },
	{ "block-pool", plant_block_pool, false },
	{ "io-pool", plant_io_pool, false },
	{ "pool-mark", plant_mark, true },
	{ "runq", plant_runq, true },
	{ "inject", plant_inject, true },
	{ "idle-mask", plant_idle, true },
	{ "pinned-home", plant_home, true },
	{ "type", plant_type, true },
	{ "counts", plant_counts, false },
};

START_TEST(a_planted_violation_is_named)
{
	plants[_i].plant();
	expect(plants[_i].invariant, true);
	if (plants[_i].busy)
		expect(plants[_i].invariant, false);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sweep.audit");
	TCase *tc = tcase_create("core");
	SRunner *sr = srunner_create(s);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_sound_arena_has_no_findings);
	tcase_add_loop_test(tc, a_planted_violation_is_named, 0, sizeof(plants) / sizeof(*plants));
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
