/* SPDX-License-Identifier: MIT */
/* test_hold.c: which crashes are held back, on a clock that is turned by hand. */
#include <check.h>
#include <signal.h>

#include "kernel/base/clock.h"
#include "kernel/failure/facts.h"
#include "kernel/service/hold.h"
#include "tests/check_run.h"
#include "tests/kernel/desk.h"

enum {
	TYPE = 7,
	MS = 1000 * 1000
};

static struct bh_kernel *k;
static struct bh_ksvc *s;

static void setup(void)
{
	desk_setup();
	k = desk.k;
	s = desk.s;
}

static bool crash(uint32_t type, int sig)
{
	struct bh_crash_facts f = {
		.task = bh_handle(2, 5), .type = type, .status = sig, .status_known = true
	};

	return bh_hold(s, &f);
}

/* Crashes of one client that comes back as soon as it is told, within @ms. */
static int closed_loop(int64_t ms)
{
	int64_t end = k->now_ns + ms * MS;
	int n = 0;

	while (k->now_ns < end) {
		n++;
		crash(TYPE, SIGSEGV);
		while (s->n_held) {
			k->now_ns += MS;
			bh_phase_hold(k);
		}
	}
	return n;
}

START_TEST(few_crashes_are_told_at_once)
{
	for (int i = 0; i < 1000; i++) {
		ck_assert(!crash(TYPE, SIGSEGV));
		k->now_ns += 5 * MS;
	}
}
END_TEST

START_TEST(flood_takes_its_share_and_no_more)
{
	int at_once = closed_loop(1000);

	/* Half a millisecond each, a sixteenth of the time of two workers. */
	ck_assert_int_ge(at_once, 230);
	ck_assert_int_le(at_once, 320);
	/* Ten milliseconds each. */
	s->crash_us = 10000;
	int slow = closed_loop(1000);
	ck_assert_int_ge(slow, 10);
	ck_assert_int_le(slow, 20);
}
END_TEST

START_TEST(nobody_is_held_for_more_than_a_second)
{
	int64_t until = k->now_ns + 1001 * (int64_t)MS;

	for (int i = 0; i < 10000; i++)
		crash(TYPE, SIGSEGV);
	ck_assert_uint_eq(s->n_held, BH_HELD);
	ck_assert(bh_held(s, 5));
	ck_assert_int_le(k->wake_ns, until);
	k->now_ns = until;
	bh_phase_hold(k);
	ck_assert_uint_eq(s->n_held, 0);
	ck_assert(!bh_held(s, 5));
}
END_TEST

START_TEST(the_outcome_shows_when_it_is_let_go)
{
	uint64_t task = desk_task(5, BH_CLEANUP, 0);
	_Atomic uint64_t *state = &bh_tcb_at(&s->v, 5)->state;

	while (!crash(TYPE, SIGSEGV))
		;
	bh_phase_hold(k);
	ck_assert(bh_held(s, bh_handle_idx(task)));
	ck_assert_int_eq(bh_state_of(bh_ld_acq(state)), BH_CLEANUP);
	k->now_ns += 1001 * (int64_t)MS;
	bh_phase_hold(k);
	ck_assert(!bh_held(s, bh_handle_idx(task)));
	ck_assert_int_ne(bh_state_of(bh_ld_acq(state)), BH_CLEANUP);
}
END_TEST

START_TEST(other_types_and_kills_from_outside_are_not_held)
{
	while (!crash(TYPE, SIGSEGV))
		;
	ck_assert(!crash(TYPE + 1, SIGSEGV));
	ck_assert(!crash(TYPE, SIGKILL));
	ck_assert(crash(TYPE, SIGSEGV));
}
END_TEST

START_TEST(stop_and_reset_let_go)
{
	while (!crash(TYPE, SIGSEGV))
		;
	k->stop = BH_STOP_GRACE;
	bh_phase_hold(k);
	ck_assert_uint_eq(s->n_held, 0);
	ck_assert(!crash(TYPE, SIGSEGV));
	k->stop = BH_STOP_NOT;
	ck_assert(crash(TYPE, SIGSEGV));
	s->board->state = BH_PROC_DEAD;
	bh_phase_hold(k);
	ck_assert_uint_eq(s->n_held, 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("hold");
	Suite *suite = suite_create("kernel.hold");

	tcase_add_checked_fixture(tc, setup, desk_teardown);
	tcase_add_test(tc, few_crashes_are_told_at_once);
	tcase_add_test(tc, flood_takes_its_share_and_no_more);
	tcase_add_test(tc, nobody_is_held_for_more_than_a_second);
	tcase_add_test(tc, the_outcome_shows_when_it_is_let_go);
	tcase_add_test(tc, other_types_and_kills_from_outside_are_not_held);
	tcase_add_test(tc, stop_and_reset_let_go);
	suite_add_tcase(suite, tc);
	return bh_check_run(suite);
}
