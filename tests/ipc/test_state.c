/* SPDX-License-Identifier: MIT */
/* test_state.c: each transition of the state word, from each state, with each flag. */
#include <check.h>
#include <stdlib.h>

#include "dice.h"
#include "ipc/arena/state.h"
#include "tests/check_run.h"

enum {
	GEN = 41,
	SLOT = 3,
	EPOCH = 9
};

static _Atomic uint64_t word;

static void set(enum bh_state s, uint64_t flags)
{
	bool held = s == BH_RUNNING || s == BH_RESERVED || s == BH_CLEANUP;

	bh_st_rlx(&word,
		  bh_state_make(GEN, held ? EPOCH : 0, held ? SLOT : BH_OWNER_NONE, flags, s));
}

static uint64_t now(void)
{
	return bh_ld_rlx(&word);
}

static void expect(enum bh_state s, uint64_t flags)
{
	ck_assert_int_eq(bh_state_of(now()), s);
	ck_assert_uint_eq(now() & BH_FLAG_MASK, flags);
	ck_assert_uint_eq(bh_state_gen(now()), GEN);
	if (s == BH_SCHEDULED || s == BH_WAITING || s == BH_DONE)
		ck_assert_uint_eq(bh_state_worker(now()), BH_OWNER_NONE);
}

/* -- core ------------------------------------------------------------------- */

START_TEST(a_word_holds_its_parts_apart)
{
	uint64_t w = bh_state_make(0xffffffff, 0, 0, 0, BH_FREE);

	ck_assert_uint_eq(bh_state_gen(w), 0xffffffff);
	ck_assert_uint_eq(w & 0xffffffff, 0);
	w = bh_state_make(0, 0x7fff, 0x7ff, BH_FLAG_MASK, BH_CLEANUP);
	ck_assert_uint_eq(bh_state_gen(w), 0); /* too wide an epoch or worker is cut, not spilt */
	ck_assert_uint_eq(bh_state_epoch(w), BH_EPOCH_MASK);
	ck_assert_uint_eq(bh_state_worker(w), BH_OWNER_MASK);
	ck_assert_int_eq(bh_state_of(w), BH_CLEANUP);
}
END_TEST

START_TEST(only_a_free_slot_can_be_reserved)
{
	uint64_t w, before;

	for (uint32_t s = BH_FREE; s < 16; s++) {
		set((enum bh_state)s, 0);
		before = now();
		ck_assert_int_eq(bh_state_reserve(&word, SLOT, EPOCH, &w), s == BH_FREE);
		if (s != BH_FREE) {
			ck_assert_uint_eq(now(), before);
			continue;
		}
		ck_assert_uint_eq(w, now());
		ck_assert_uint_eq(w, bh_state_make(GEN + 1, EPOCH, SLOT, 0, BH_RESERVED));
	}
}
END_TEST

START_TEST(publishing_names_no_holder)
{
	set(BH_RESERVED, 0);
	bh_state_publish(&word, now(), BH_DETACHED);
	expect(BH_SCHEDULED, BH_DETACHED);
}
END_TEST

START_TEST(only_a_scheduled_task_can_be_run)
{
	uint64_t w, before;

	for (uint32_t s = BH_FREE; s < 16; s++) {
		set((enum bh_state)s, BH_ABORTED | BH_NOTIFIED);
		before = now();
		ck_assert_int_eq(bh_state_run(&word, SLOT, EPOCH, &w), s == BH_SCHEDULED);
		if (s == BH_SCHEDULED)
			ck_assert_uint_eq(w,
					  bh_state_make(GEN, EPOCH, SLOT, BH_ABORTED, BH_RUNNING));
		else
			ck_assert_uint_eq(now(), before);
	}
}
END_TEST

START_TEST(a_task_woken_while_it_runs_does_not_suspend)
{
	set(BH_RUNNING, 0);
	ck_assert(bh_state_suspend(&word));
	expect(BH_WAITING, 0);
	set(BH_RUNNING, BH_DETACHED);
	ck_assert_int_eq(bh_state_wake(&word, GEN, 0), BH_WAKE_NOTHING);
	ck_assert(!bh_state_suspend(&word));
	expect(BH_SCHEDULED, BH_DETACHED);
	set(BH_RUNNING, 0);
	ck_assert_int_eq(bh_state_wake(&word, GEN, BH_ABORTED), BH_WAKE_NOTHING);
	ck_assert(!bh_state_suspend(&word));
	expect(BH_SCHEDULED, BH_ABORTED);
}
END_TEST

/* With the holder's name and all flags; and not if the word has changed. */
START_TEST(what_a_dead_holder_had_is_taken_as_it_was_seen)
{
	uint64_t seen, held;

	set(BH_RUNNING, BH_NOTIFIED | BH_DETACHED);
	held = seen = bh_ld_rlx(&word);
	ck_assert(bh_state_take(&word, &seen));
	expect(BH_CLEANUP, BH_NOTIFIED | BH_DETACHED);
	ck_assert_uint_eq(bh_state_worker(word), bh_state_worker(held));
	ck_assert_uint_eq(bh_state_epoch(word), bh_state_epoch(held));
	seen = held;
	ck_assert(!bh_state_take(&word, &seen));
	ck_assert_uint_eq(seen, bh_ld_rlx(&word));
}
END_TEST

START_TEST(pinned_for_a_while_it_is_what_it_was)
{
	set(BH_RUNNING, BH_ABORTED);
	bh_state_pin(&word);
	expect(BH_RUNNING, BH_ABORTED | BH_PINNED);
	bh_state_unpin(&word);
	expect(BH_RUNNING, BH_ABORTED);
}
END_TEST

START_TEST(yielding_forgets_the_holder_and_the_notice)
{
	set(BH_RUNNING, BH_NOTIFIED | BH_ABORTED);
	bh_state_yield(&word);
	expect(BH_SCHEDULED, BH_ABORTED);
}
END_TEST

/* What a wake-up does in each state. */
static const struct {
	enum bh_state from, to;
	enum bh_wake_result result;
	uint64_t adds; /* to the flags, besides those asked for */
	bool flags;    /* those asked for are set */
} wakes[] = {
	{ BH_FREE, BH_FREE, BH_WAKE_STALE, 0, false },
	{ BH_RESERVED, BH_RESERVED, BH_WAKE_NOTHING, 0, true },
	{ BH_SCHEDULED, BH_SCHEDULED, BH_WAKE_NOTHING, 0, true },
	{ BH_RUNNING, BH_RUNNING, BH_WAKE_NOTHING, BH_NOTIFIED, true },
	{ BH_WAITING, BH_SCHEDULED, BH_WAKE_QUEUE, 0, true },
	{ BH_DONE, BH_DONE, BH_WAKE_NOTHING, 0, false },
	{ BH_CLEANUP, BH_CLEANUP, BH_WAKE_NOTHING, 0, true },
};

START_TEST(waking_does_what_the_state_asks_for)
{
	for (uint64_t flags = 0; flags <= BH_ABORTED; flags += BH_ABORTED)
		for (uint32_t gen = 0; gen <= GEN + 1; gen++) {
			set(wakes[_i].from, 0);
			uint64_t was = now();
			enum bh_wake_result got = bh_state_wake(&word, gen, flags);
			if (gen && gen != GEN) {
				ck_assert_int_eq(got, BH_WAKE_STALE);
				ck_assert_uint_eq(now(), was);
				continue;
			}
			ck_assert_int_eq(got, wakes[_i].result);
			expect(wakes[_i].to, wakes[_i].adds | (wakes[_i].flags ? flags : 0));
			if (wakes[_i].to == wakes[_i].from)
				ck_assert_uint_eq(bh_state_epoch(now()), bh_state_epoch(was));
		}
}
END_TEST

START_TEST(of_two_wake_ups_one_queues)
{
	set(BH_WAITING, 0);
	ck_assert_int_eq(bh_state_wake(&word, GEN, 0), BH_WAKE_QUEUE);
	ck_assert_int_eq(bh_state_wake(&word, GEN, 0), BH_WAKE_NOTHING);
	expect(BH_SCHEDULED, 0);
}
END_TEST

START_TEST(a_detached_task_is_free_when_it_ends)
{
	static const enum bh_state from[] = { BH_RUNNING, BH_CLEANUP };

	for (int i = 0; i < 2; i++) {
		set(from[i], BH_NOTIFIED);
		ck_assert(!bh_state_end(&word));
		ck_assert_int_eq(bh_state_of(now()), BH_DONE);
		ck_assert_uint_eq(bh_state_worker(now()), BH_OWNER_NONE);
		set(from[i], BH_DETACHED | BH_ABORTED);
		ck_assert(bh_state_end(&word));
		ck_assert_uint_eq(now(), bh_state_make(GEN, 0, 0, 0, BH_FREE));
	}
}
END_TEST

/* Whichever comes first, exactly one of the two frees the task. */
START_TEST(of_detach_and_end_one_frees)
{
	set(BH_RUNNING, 0);
	bool detached = bh_state_detach(&word, GEN, 0), ended = bh_state_end(&word);
	ck_assert(!detached && ended);
	set(BH_RUNNING, 0);
	ended = bh_state_end(&word);
	detached = bh_state_detach(&word, GEN, 0);
	ck_assert(detached && !ended);
	ck_assert(bh_state_free(&word, now()));
	expect(BH_FREE, 0);
}
END_TEST

START_TEST(detaching_is_for_the_task_that_was_meant)
{
	for (uint32_t s = BH_RESERVED; s < BH_STATE_COUNT; s++) {
		set((enum bh_state)s, 0);
		uint64_t was = now();
		ck_assert(!bh_state_detach(&word, GEN + 1, BH_ABORTED));
		ck_assert_uint_eq(now(), was);
		ck_assert_int_eq(bh_state_detach(&word, GEN, BH_ABORTED), s == BH_DONE);
		ck_assert_uint_eq(now(), s == BH_DONE ? was : was | BH_DETACHED | BH_ABORTED);
	}
	set(BH_FREE, 0);
	ck_assert(!bh_state_detach(&word, GEN, 0));
	expect(BH_FREE, 0);
}
END_TEST

START_TEST(freeing_what_has_changed_fails)
{
	set(BH_DONE, 0);
	uint64_t old = now();
	ck_assert(bh_state_free(&word, old));
	uint64_t w;
	ck_assert(bh_state_reserve(&word, SLOT, EPOCH, &w));
	ck_assert(!bh_state_free(&word, old));
	ck_assert_uint_eq(now(), w);
}
END_TEST

/* -- limits ------------------------------------------------------------------ */

START_TEST(the_generation_wraps_past_none)
{
	uint64_t w;

	bh_st_rlx(&word, bh_state_make(0xffffffff, 0, 0, 0, BH_FREE));
	ck_assert(bh_state_reserve(&word, SLOT, EPOCH, &w));
	ck_assert_uint_eq(bh_state_gen(w), 1); /* 0 means whichever task */
	bh_st_rlx(&word, 0);
	ck_assert(bh_state_reserve(&word, SLOT, EPOCH, &w)); /* fresh memory is free */
	ck_assert_uint_eq(bh_state_gen(w), 1);
}
END_TEST

/* -- crash: hand-built wrecks --------------------------------------------------- */

START_TEST(a_word_that_is_no_state_is_left_alone)
{
	uint64_t w;

	dice_seed();
	for (int i = 0; i < 10000; i++) {
		uint64_t junk = (dice_roll() & ~0xfull) | (BH_STATE_COUNT + dice_below(9));
		bh_st_rlx(&word, junk);
		ck_assert(!bh_state_reserve(&word, SLOT, EPOCH, &w));
		ck_assert(!bh_state_run(&word, SLOT, EPOCH, &w));
		ck_assert_int_eq(bh_state_wake(&word, 0, BH_ABORTED), BH_WAKE_STALE);
		ck_assert_uint_eq(now(), junk);
	}
}
END_TEST

/* The kernel takes a dead holder's task and starts it again. */
START_TEST(a_task_in_cleanup_can_be_scheduled_again)
{
	uint64_t w;

	set(BH_CLEANUP, BH_NOTIFIED | BH_DETACHED);
	bh_state_yield(&word);
	expect(BH_SCHEDULED, BH_DETACHED);
	ck_assert(bh_state_run(&word, SLOT + 1, EPOCH, &w));
}
END_TEST

/* -- model: a random life against a naive one ------------------------------------ */

struct model {
	enum bh_state s;
	uint32_t gen;
	bool notified, aborted, detached;
};

static void same(const struct model *m)
{
	ck_assert_int_eq(bh_state_of(now()), m->s);
	ck_assert_uint_eq(bh_state_gen(now()), m->gen);
	ck_assert_int_eq(!!(now() & BH_NOTIFIED), m->notified);
	ck_assert_int_eq(!!(now() & BH_ABORTED), m->aborted);
	ck_assert_int_eq(!!(now() & BH_DETACHED), m->detached);
}

static void others(struct model *m)
{
	bool abort = dice_below(8) == 0;

	if (dice_below(8) == 0) {
		bool ended = bh_state_detach(&word, m->gen, 0);
		ck_assert_int_eq(ended, m->s == BH_DONE);
		m->detached |= m->s != BH_FREE && m->s != BH_DONE;
		return;
	}
	bool queued = bh_state_wake(&word, m->gen, abort ? BH_ABORTED : 0) == BH_WAKE_QUEUE;
	ck_assert_int_eq(queued, m->s == BH_WAITING);
	if (m->s == BH_FREE || m->s == BH_DONE)
		return;
	m->notified |= m->s == BH_RUNNING;
	m->aborted |= abort;
	m->s = m->s == BH_WAITING ? BH_SCHEDULED : m->s;
}

static void holder_leaves(struct model *m)
{
	switch (dice_below(4)) {
	case 0:
		ck_assert_int_eq(bh_state_suspend(&word), !m->notified);
		m->s = m->notified ? BH_SCHEDULED : BH_WAITING;
		m->notified = false;
		break;
	case 1:
		bh_state_yield(&word);
		m->s = BH_SCHEDULED;
		m->notified = false;
		break;
	case 2:
		bh_state_pin(&word);
		bh_state_unpin(&word);
		break;
	default:
		ck_assert_int_eq(bh_state_end(&word), m->detached);
		*m = (struct model){ m->detached ? BH_FREE : BH_DONE, m->gen,
				     !m->detached && m->notified, !m->detached && m->aborted,
				     false };
		break;
	}
}

static void holder(struct model *m)
{
	uint64_t w;

	switch (m->s) {
	case BH_FREE:
		ck_assert(bh_state_reserve(&word, SLOT, EPOCH, &w));
		bh_state_publish(&word, w, 0);
		*m = (struct model){ BH_SCHEDULED, m->gen + 1, false, false, false };
		break;
	case BH_SCHEDULED:
		ck_assert(bh_state_run(&word, SLOT, EPOCH, &w));
		m->s = BH_RUNNING;
		break;
	case BH_RUNNING:
		holder_leaves(m);
		break;
	case BH_DONE:
		ck_assert(bh_state_free(&word, now()));
		*m = (struct model){ BH_FREE, m->gen, false, false, false };
		break;
	default:
		break;
	}
}

START_TEST(a_random_life_is_that_of_the_model)
{
	struct model m = { 0 };

	dice_seed();
	bh_st_rlx(&word, 0);
	for (int i = 0; i < 40000; i++) {
		if (dice_below(2))
			holder(&m);
		else
			others(&m);
		same(&m);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipc.state");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	TCase *crash = tcase_create("crash"), *model = tcase_create("model");

	tcase_add_test(core, a_word_holds_its_parts_apart);
	tcase_add_test(core, only_a_free_slot_can_be_reserved);
	tcase_add_test(core, publishing_names_no_holder);
	tcase_add_test(core, only_a_scheduled_task_can_be_run);
	tcase_add_test(core, a_task_woken_while_it_runs_does_not_suspend);
	tcase_add_test(core, what_a_dead_holder_had_is_taken_as_it_was_seen);
	tcase_add_test(core, pinned_for_a_while_it_is_what_it_was);
	tcase_add_test(core, yielding_forgets_the_holder_and_the_notice);
	tcase_add_loop_test(core, waking_does_what_the_state_asks_for, 0,
			    sizeof(wakes) / sizeof(*wakes));
	tcase_add_test(core, of_two_wake_ups_one_queues);
	tcase_add_test(core, a_detached_task_is_free_when_it_ends);
	tcase_add_test(core, of_detach_and_end_one_frees);
	tcase_add_test(core, detaching_is_for_the_task_that_was_meant);
	tcase_add_test(core, freeing_what_has_changed_fails);
	tcase_add_test(limits, the_generation_wraps_past_none);
	tcase_add_test(crash, a_word_that_is_no_state_is_left_alone);
	tcase_add_test(crash, a_task_in_cleanup_can_be_scheduled_again);
	tcase_add_test(model, a_random_life_is_that_of_the_model);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, crash);
	suite_add_tcase(s, model);
	return bh_check_run(s);
}
