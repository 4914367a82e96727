/* SPDX-License-Identifier: MIT */
/* test_reset.c: suite kernel.reset. When a service has been reset too often. */
#include <check.h>

#include "kernel/failure/failures.h"
#include "kernel/service/reset.h"
#include "tests/check_run.h"
#include "tests/kernel/desk.h"

enum {
	INTENSITY = 3,
	PERIOD_MS = 1000
};

static struct bh_kernel *k;
static struct bh_ksvc *s;

static void setup(void)
{
	desk_setup();
	k = desk.k;
	s = desk.s;
	desk.p->restart_intensity = INTENSITY;
	desk.p->restart_period_ms = PERIOD_MS;
}

static const struct bh_proc *zygote(void)
{
	return bh_child_at(k, s->procs)->p;
}

/* A reset @ms after the last one. True: the system gives up. */
static bool reset_after(int64_t ms)
{
	k->now_ns += ms * BH_NS_PER_MS;
	s->board->state = BH_PROC_UP;
	bh_service_reset(s, "for a test");
	return bh_ld_acq(&k->board->system_state) == BH_SYSTEM_FAILED;
}

START_TEST(more_than_the_intensity_within_the_period_is_too_often)
{
	for (int i = 0; i < INTENSITY; i++)
		ck_assert(!reset_after(PERIOD_MS / INTENSITY));
	ck_assert(reset_after(PERIOD_MS / INTENSITY));
}
END_TEST

/* Each is less than a period after the one before. */
START_TEST(the_intensity_within_each_period_is_not)
{
	for (int i = 0; i < 3 * BH_BOARD_RESETS; i++)
		ck_assert(!reset_after(PERIOD_MS / INTENSITY + 1));
	ck_assert(reset_after(0));
}
END_TEST

START_TEST(an_intensity_of_0_never_gives_up)
{
	desk.p->restart_intensity = 0;
	for (int i = 0; i < 3 * BH_BOARD_RESETS; i++)
		ck_assert(!reset_after(0));
}
END_TEST

START_TEST(the_largest_intensity_is_counted)
{
	desk.p->restart_intensity = BH_PLAN_INTENSITY;
	for (int i = 0; i < BH_PLAN_INTENSITY; i++)
		ck_assert(!reset_after(0));
	ck_assert(reset_after(0));
}
END_TEST

/* Of the same crash a killed kernel has told before. */
START_TEST(a_crash_counts_once)
{
	struct bh_board_failures b = { 0 };

	for (uint64_t crash = 1; crash <= INTENSITY; crash++)
		for (int i = 0; i < 2; i++)
			ck_assert(!bh_too_often(&b, k->now_ns, INTENSITY, PERIOD_MS * BH_NS_PER_MS,
						crash));
	for (int i = 0; i < 2; i++)
		ck_assert(bh_too_often(&b, k->now_ns, INTENSITY, PERIOD_MS * BH_NS_PER_MS,
				       INTENSITY + 1));
	ck_assert_uint_eq(b.streak, INTENSITY + 1);
}
END_TEST

/* However many there were, and however short the configured pauses. */
START_TEST(a_failed_start_is_no_failure_and_is_tried_after_a_pause)
{
	desk.p->backoff_min_ms = 1;
	for (uint32_t i = 1; i < 3 * BH_BOARD_RESETS; i++) {
		s->board->state = BH_PROC_STARTING;
		s->board->start_failures = i;
		bh_service_end(s);
		bh_phase_resets(k);
		ck_assert_uint_eq(s->board->state, BH_PROC_BACKOFF);
		ck_assert_uint_eq(zygote()->failures, i);
		/* A tenth of a second, of which up to a quarter is left out. */
		ck_assert_int_ge(zygote()->start_at_ns - k->now_ns, 75 * BH_NS_PER_MS);
	}
	ck_assert_int_eq(k->stop, BH_STOP_NOT);
	ck_assert_uint_eq(s->board->resets, 0);
	/* And what is reset next starts at once. */
	s->board->start_failures = 0;
	ck_assert(!reset_after(0));
	bh_phase_resets(k);
	ck_assert_int_eq(zygote()->start_at_ns, k->now_ns);
}
END_TEST

/* The fact at once, for who asks; what follows from it in the phase, once. */
START_TEST(a_reset_is_stored_and_its_phase_carries_it_out)
{
	struct bh_child *z = bh_child_at(k, s->procs), *starting = bh_slot_child(s, 0);
	uint32_t epoch = starting->p->epoch;

	z->p->pid = 2;
	bh_st_rel(&starting->p->state, BH_PROC_STARTING); /* asked for, and seen by nobody */
	ck_assert(!reset_after(0));
	ck_assert_uint_eq(s->board->state, BH_PROC_DEAD);
	ck_assert_uint_eq(s->board->resets, 1);
	ck_assert(!z->life.killed);
	ck_assert_uint_eq(starting->p->epoch, epoch);
	ck_assert_int_le(k->wake_ns, k->now_ns);
	for (int i = 0; i < 2; i++) {
		bh_phase_resets(k);
		ck_assert_uint_eq(s->board->state, BH_PROC_DEAD);
		ck_assert(z->life.killed == !i);
		z->life.killed = false;
		ck_assert_uint_ne(starting->p->epoch, epoch);
		ck_assert_uint_eq(bh_child_state(starting), BH_PROC_FREE);
	}
	z->p->pid = 0;
	bh_phase_resets(k);
	ck_assert_uint_eq(s->board->state, BH_PROC_BACKOFF);
}
END_TEST

/* A kernel that was killed in the middle: its successor finds DEAD, and knows no more. */
START_TEST(a_new_kernel_ends_again_all_of_a_service_that_is_dead)
{
	struct bh_child *z = bh_child_at(k, s->procs);

	z->p->pid = 2;
	s->board->state = BH_PROC_DEAD;
	bh_phase_resets(k);
	ck_assert(z->life.killed);
}
END_TEST

/* Loop @i: how far the other one is. */
START_TEST(one_for_all_leaves_alone_whose_init_runs)
{
	struct bh_ksvc *other = desk_add_service();

	desk.plan.strategy = BH_ONE_FOR_ALL;
	other->board->state = BH_PROC_STARTING;
	bh_st_rel(&bh_child_at(k, other->procs)->p->state, _i ? BH_PROC_UP : BH_PROC_STARTING);
	ck_assert(!reset_after(0));
	ck_assert_uint_eq(other->board->resets, (unsigned)_i);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel.reset");
	TCase *c = tcase_create("intensity");

	tcase_add_checked_fixture(c, setup, desk_teardown);
	tcase_add_test(c, more_than_the_intensity_within_the_period_is_too_often);
	tcase_add_test(c, the_intensity_within_each_period_is_not);
	tcase_add_test(c, an_intensity_of_0_never_gives_up);
	tcase_add_test(c, the_largest_intensity_is_counted);
	tcase_add_test(c, a_crash_counts_once);
	tcase_add_test(c, a_failed_start_is_no_failure_and_is_tried_after_a_pause);
	tcase_add_test(c, a_reset_is_stored_and_its_phase_carries_it_out);
	tcase_add_test(c, a_new_kernel_ends_again_all_of_a_service_that_is_dead);
	tcase_add_loop_test(c, one_for_all_leaves_alone_whose_init_runs, 0, 2);
	suite_add_tcase(suite, c);
	return bh_check_run(suite);
}
