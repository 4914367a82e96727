/* SPDX-License-Identifier: MIT */
/* test_reset.c: suite kernel.reset. When a service has been reset too often. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/process/backoff.h"
#include "kernel/process/fail.h"
#include "kernel/process/failures.h"
#include "kernel/process/table.h"
#include "kernel/service/reset.h"
#include "kernel/service/slot.h"
#include "tests/check_run.h"

enum {
	INTENSITY = 3,
	PERIOD_MS = 1000
};

static struct bh_kernel *k;
static struct bh_ksvc *s;
static struct bh_plan plan = { .n_services = 1 };
static bool gave_up;
static uint32_t paused, pause_ms; /* what was asked of the back-off */

/* Nobody is there to be ended or started. */
void bh_child_kill(struct bh_child *child)
{
	(void)child;
}

void bh_child_forget(struct bh_child *child)
{
	(void)child;
}

int bh_slot_bump(struct bh_child *child)
{
	(void)child;
	return 1;
}

void bh_restart_later(struct bh_child *child, uint32_t failures, uint32_t min_ms, uint32_t max_ms)
{
	(void)child, (void)max_ms;
	paused = failures;
	pause_ms = min_ms;
}

void bh_fail(struct bh_kernel *kernel, const char *fmt, ...)
{
	(void)kernel, (void)fmt;
	gave_up = true;
}

void bh_log(const char *fmt, ...)
{
	(void)fmt;
}

/* Handles of zygote, twin and one worker, as attach.c makes them. */
static void make_children(struct bh_ksvc *svc, uint32_t at)
{
	svc->procs = at;
	for (uint32_t i = 0; i < 3; i++)
		k->child[at + i] = (struct bh_child){ .k = k,
						      .s = svc,
						      .p = &k->board->procs[at + i],
						      .idx = at + i,
						      .slot = i < 2 ? UINT32_MAX : 0 };
}

static void setup(void)
{
	struct bh_plan_service *p = &plan.services[0];

	k = calloc(1, sizeof(*k));
	k->board = calloc(1, sizeof(*k->board));
	k->plan = &plan;
	k->now_ns = BH_NS_PER_S;
	s = &k->svc[0];
	*s = (struct bh_ksvc){
		.plan = p, .board = &k->board->services[0], .workers = 1, .kernel = k
	};
	make_children(s, BH_PROCS_SERVICES);
	*p = (struct bh_plan_service){ .restart_intensity = INTENSITY,
				       .restart_period_ms = PERIOD_MS };
	plan.n_services = 1;
	plan.strategy = BH_ONE_FOR_ONE;
	gave_up = false;
}

static void teardown(void)
{
	free(k->board);
	free(k);
}

/* A reset @ms after the last one. True: the system gives up. */
static bool reset_after(int64_t ms)
{
	k->now_ns += ms * BH_NS_PER_MS;
	s->board->state = BH_PROC_UP;
	bh_service_reset(s, "for a test");
	return gave_up;
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
	plan.services[0].restart_intensity = 0;
	for (int i = 0; i < 3 * BH_BOARD_RESETS; i++)
		ck_assert(!reset_after(0));
}
END_TEST

START_TEST(the_largest_intensity_is_counted)
{
	plan.services[0].restart_intensity = BH_PLAN_INTENSITY;
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
	plan.services[0].backoff_min_ms = 1;
	for (uint32_t i = 1; i < 3 * BH_BOARD_RESETS; i++) {
		s->board->state = BH_PROC_STARTING;
		s->board->start_failures = i;
		bh_service_end(s);
		ck_assert_uint_eq(s->board->state, BH_PROC_BACKOFF);
		ck_assert_uint_eq(paused, i);
		ck_assert_uint_ge(pause_ms, 100);
	}
	ck_assert(!gave_up);
	ck_assert_uint_eq(s->board->resets, 0);
	/* And what is reset next starts at once. */
	s->board->start_failures = 0;
	ck_assert(!reset_after(0));
	ck_assert_uint_eq(paused, 0);
}
END_TEST

/* Loop @i: how far the other one is. */
START_TEST(one_for_all_leaves_alone_whose_init_runs)
{
	struct bh_ksvc *other = &k->svc[1];

	plan.n_services = 2;
	plan.strategy = BH_ONE_FOR_ALL;
	*other = *s;
	other->id = 1;
	make_children(other, 100);
	k->board->procs[100].kind = BH_PROC_ZYGOTE;
	other->board = &k->board->services[1];
	other->board->state = BH_PROC_STARTING;
	bh_st_rel(&k->board->procs[100].state, _i ? BH_PROC_UP : BH_PROC_STARTING);
	ck_assert(!reset_after(0));
	ck_assert_uint_eq(other->board->resets, (unsigned)_i);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel.reset");
	TCase *c = tcase_create("intensity");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, more_than_the_intensity_within_the_period_is_too_often);
	tcase_add_test(c, the_intensity_within_each_period_is_not);
	tcase_add_test(c, an_intensity_of_0_never_gives_up);
	tcase_add_test(c, the_largest_intensity_is_counted);
	tcase_add_test(c, a_crash_counts_once);
	tcase_add_test(c, a_failed_start_is_no_failure_and_is_tried_after_a_pause);
	tcase_add_loop_test(c, one_for_all_leaves_alone_whose_init_runs, 0, 2);
	suite_add_tcase(suite, c);
	return bh_check_run(suite);
}
