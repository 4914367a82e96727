/* SPDX-License-Identifier: MIT */
/* test_spin.c: when an idle worker spins before it sleeps, and how that ends. */
#include <check.h>
#include <stdlib.h>

#include "tests/check_run.h"
#include "tests/sweep/sweep.h"
#include "workers/base/rt.h"
#include "workers/base/spin.h"
#include "workers/executor/park_spin.h"

enum {
	BRIEF_NS = 20000,
	LONG_NS = 1000000
};

static struct bh_spin s;
static struct bh_plan_service plan;

static void begin(uint32_t us)
{
	plan.spin_us = us;
	bh_spin_init(&s, &plan);
	s.cpus = 2;
}

static void idle(int n, int64_t ns)
{
	for (int i = 0; i < n; i++)
		bh_spin_slept(&s, ns);
}

static void miss(void)
{
	s.missed = true;
	bh_spin_slept(&s, BRIEF_NS);
	s.missed = false;
}

/* -- whether -- */

START_TEST(it_does_not_spin_to_find_out_whether_it_pays)
{
	begin(BH_SPIN_AUTO);
	ck_assert(!bh_spin_pays(&s));
	idle(1000, LONG_NS);
	ck_assert(!bh_spin_pays(&s));
	idle(1, BRIEF_NS);
	ck_assert(!bh_spin_pays(&s));
}
END_TEST

START_TEST(it_spins_while_most_idle_times_are_brief)
{
	begin(BH_SPIN_AUTO);
	idle(20, BRIEF_NS);
	ck_assert(bh_spin_pays(&s));
	idle(2, LONG_NS);
	ck_assert(bh_spin_pays(&s));
	idle(20, LONG_NS);
	ck_assert(!bh_spin_pays(&s));
}
END_TEST

START_TEST(misses_in_a_row_make_it_rare)
{
	int skipped = 0;

	begin(BH_SPIN_AUTO);
	idle(50, BRIEF_NS);
	for (int i = 0; i < 12; i++) {
		miss();
		idle(20, BRIEF_NS);
	}
	while (!bh_spin_pays(&s))
		skipped++;
	/* Seldom, and not never. */
	ck_assert_int_ge(skipped, 100);
	ck_assert_int_le(skipped, 1000);
	bh_spin_hit(&s);
	miss();
	ck_assert(!bh_spin_pays(&s));
	ck_assert(bh_spin_pays(&s));
}
END_TEST

START_TEST(it_needs_a_cpu_that_nobody_else_wants)
{
	begin(BH_SPIN_AUTO);
	ck_assert(bh_spin_room(&s, 0, 0));
	ck_assert(bh_spin_room(&s, 0, 1));
	ck_assert(!bh_spin_room(&s, 0, 2));
	s.rest_until_ns = 1000;
	ck_assert(!bh_spin_room(&s, 999, 1));
	ck_assert(bh_spin_room(&s, 1000, 1));
	s.cpus = 1;
	ck_assert(!bh_spin_room(&s, 1000, 0));
}
END_TEST

START_TEST(the_configuration_bounds_it)
{
	begin(BH_SPIN_NEVER);
	ck_assert_int_eq(s.longest_ns, 0);
	begin(7);
	ck_assert_int_eq(s.longest_ns, 7000);
	bh_spin_init(&s, NULL);
	ck_assert_int_gt(s.longest_ns, 0);
	ck_assert_uint_ge(s.cpus, 1);
}
END_TEST

/* -- the word -- */

static struct world w;
static struct bh_slot *me;

/* The worker is about to park, and likes to spin. */
static void become(void)
{
	world_make(&w, NULL);
	world_become(&w, VICTIM);
	me = bh_rt.me;
	bh_spin_init(&bh_rt.spin, NULL);
	bh_rt.spin.cpus = 64;
	for (int i = 0; i < 50; i++)
		bh_spin_hit(&bh_rt.spin);
}

static bool park(void)
{
	bool spins = bh_spin_begin();

	bh_idle_park_begin(&w.v.a->idle, bh_rt.slot, &me->park, spins ? BH_SPINNING : BH_PARKED);
	return spins;
}

START_TEST(a_wake_up_ends_the_spin)
{
	become();
	ck_assert(park());
	ck_assert_uint_eq(w.v.a->idle.spinner, bh_rt.slot + 1);
	ck_assert_int_eq(bh_idle_pick(&w.v.a->idle, 1), (int)bh_rt.slot);
	bh_unpark(&me->park, NULL);
	ck_assert(bh_spin_slice());
	ck_assert_uint_eq(me->park, BH_AWAKE);
	bh_spin_end();
	ck_assert_uint_eq(w.v.a->idle.spinner, 0);
	world_free(&w);
}
END_TEST

START_TEST(in_the_end_it_sleeps)
{
	become();
	ck_assert(park());
	while (bh_spin_slice())
		;
	ck_assert_uint_eq(me->park, BH_PARKED);
	ck_assert_uint_eq(w.v.a->idle.spinner, 0);
	ck_assert(!bh_spin_slice());
	world_free(&w);
}
END_TEST

START_TEST(a_second_one_does_not_spin)
{
	become();
	w.v.a->idle.spinner = bh_rt.slot + 2;
	ck_assert(!park());
	ck_assert(!bh_spin_slice());
	bh_spin_end();
	ck_assert_uint_eq(w.v.a->idle.spinner, bh_rt.slot + 2);
	world_free(&w);
}
END_TEST

START_TEST(who_finds_work_after_all_does_not_keep_the_place)
{
	become();
	ck_assert(park());
	ck_assert(bh_idle_park_cancel(&w.v.a->idle, bh_rt.slot, &me->park));
	bh_spin_cancel();
	ck_assert_uint_eq(w.v.a->idle.spinner, 0);
	ck_assert(park());
	world_free(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spin");
	TCase *t = tcase_create("whether"), *word = tcase_create("word");

	tcase_add_test(t, it_does_not_spin_to_find_out_whether_it_pays);
	tcase_add_test(t, it_spins_while_most_idle_times_are_brief);
	tcase_add_test(t, misses_in_a_row_make_it_rare);
	tcase_add_test(t, it_needs_a_cpu_that_nobody_else_wants);
	tcase_add_test(t, the_configuration_bounds_it);
	tcase_add_test(word, a_wake_up_ends_the_spin);
	tcase_add_test(word, in_the_end_it_sleeps);
	tcase_add_test(word, a_second_one_does_not_spin);
	tcase_add_test(word, who_finds_work_after_all_does_not_keep_the_place);
	suite_add_tcase(suite, t);
	suite_add_tcase(suite, word);
	return bh_check_run(suite);
}
