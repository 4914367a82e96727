/* SPDX-License-Identifier: MIT */
/* test_hog.c: suite kernel.hog. What is done about a worker that does not turn, by the plan. */
#include <check.h>
#include <string.h>

#include "kernel/repair/hog.h"
#include "tests/check_run.h"
#include "tests/kernel/desk.h"

enum {
	PID = 0, /* of nobody: no signal goes anywhere */
	TASK = 5
};

static struct bh_child *c;
static uint64_t task;

static void setup(void)
{
	desk_setup();
	c = desk_worker(0, PID);
	c->p->epoch = 3;
	task = desk_runs(0, TASK);
	c->life.stall.state = 'R';
}

/* Not turned for so long, it is looked at. */
static void stalled(int64_t ms)
{
	desk_pass_ms(ms - c->life.stall.stalled_ns / BH_NS_PER_MS);
	c->life.stall.stalled_ns = ms * BH_NS_PER_MS;
	bh_hog_look(c);
}

static uint64_t counted(void)
{
	return desk.s->board->worker_hogs[0];
}

static void says_where(uint32_t epoch)
{
	struct bh_last_words *w = &desk.s->v.workers[0].sample;

	w->ip = 0x1234;
	w->n_frames = 1000; /* more than there are: the arena is anybody's */
	w->frames[0] = 0x5678;
	bh_st_rel(&w->valid, epoch + 1);
}

START_TEST(without_a_limit_nothing_is_done)
{
	stalled(3600 * 1000);
	ck_assert_uint_eq(counted(), 0);
	ck_assert_str_eq(desk.said, "");
	ck_assert(!c->life.killed);
}
END_TEST

START_TEST(a_hog_is_counted_once_and_told_once)
{
	desk.p->hog_after_ms = 200;
	stalled(199);
	ck_assert_uint_eq(counted(), 0);
	for (int ms = 200; ms < 1000; ms += 100)
		stalled(ms);
	ck_assert_uint_eq(counted(), 1);
	ck_assert(desk_said("service svc0: task type7 hogs worker 0"));
	ck_assert(desk_said("its limit is 200 ms\n"));
	desk_forget_said();
	stalled(2000);
	ck_assert_str_eq(desk.said, "");
	ck_assert(!c->life.killed);
}
END_TEST

START_TEST(the_limit_of_the_task_goes_before_the_services)
{
	desk.p->hog_after_ms = 200;
	bh_tcb_at(&desk.s->v, TASK)->hog = bh_hog_code(1000);
	stalled(900);
	ck_assert_uint_eq(counted(), 0);
	stalled(bh_hog_ms(bh_hog_code(1000)));
	ck_assert_uint_eq(counted(), 1);
}
END_TEST

START_TEST(where_it_is_stands_in_the_report)
{
	desk.p->hog_after_ms = 200;
	stalled(200);
	says_where(c->p->epoch);
	stalled(202);
	ck_assert(desk_said(" at 0x1234, called from 0x5678"));
}
END_TEST

/* What a predecessor in the slot has said is nothing. */
START_TEST(an_answer_of_another_incarnation_is_none)
{
	desk.p->hog_after_ms = 200;
	stalled(200);
	says_where(c->p->epoch - 1);
	stalled(300);
	ck_assert(desk_said("hogs worker 0"));
	ck_assert(!desk_said("0x1234"));
}
END_TEST

START_TEST(a_hog_is_ended_if_the_plan_says_so)
{
	desk.p->hog_after_ms = 200;
	desk.p->hog_action = BH_HOG_KILL;
	stalled(200);
	ck_assert(!c->life.killed); /* it is asked where it is first */
	stalled(300);
	ck_assert(c->life.killed);
	ck_assert_uint_eq(c->p->hung, 1);
	ck_assert_uint_eq(c->p->hung_task, task);
	ck_assert(desk_said("is ended: its task is beyond its limit"));
	desk_forget_said();
	stalled(1000);
	ck_assert_str_eq(desk.said, "");
}
END_TEST

/* Loop @i: by SIGSTOP, by a debugger. */
START_TEST(a_stopped_worker_is_no_hog)
{
	desk.p->hog_after_ms = 200;
	c->life.stall.state = _i ? 't' : 'T';
	stalled(1000);
	stalled(2000);
	ck_assert_uint_eq(counted(), 0);
	ck_assert_str_eq(desk.said, "");
}
END_TEST

/* Loop @i: no task; a handle of no task; a task that another worker holds; one that waits. */
START_TEST(a_task_that_it_does_not_hold_is_no_hog)
{
	desk.p->hog_after_ms = 200;
	if (_i < 2)
		bh_st_rlx(&desk.s->v.workers[0].current, _i ? bh_handle(7, 1u << 30) : 0);
	else
		desk_task(TASK, _i == 2 ? BH_RUNNING : BH_WAITING, 1);
	stalled(1000);
	stalled(2000);
	ck_assert_uint_eq(counted(), 0);
	ck_assert_str_eq(desk.said, "");
}
END_TEST

/* Whatever it is in. */
START_TEST(a_worker_that_hangs_is_told_once_and_ended)
{
	desk.p->hang_report_ms = 300;
	desk.p->hang_kill_ms = 600;
	if (_i)
		bh_st_rlx(&desk.s->v.workers[0].current, 0);
	c->life.stall.state = 'T';
	stalled(299);
	ck_assert_str_eq(desk.said, "");
	stalled(300);
	ck_assert(desk_said(_i ? "stopped by a signal; its task: none" :
				 "stopped by a signal; its task: type7"));
	ck_assert(desk_said("has not turned for 300 ms"));
	desk_forget_said();
	stalled(599);
	ck_assert_str_eq(desk.said, "");
	stalled(600);
	ck_assert(c->life.killed);
	ck_assert_uint_eq(c->p->hung, 1);
	ck_assert_uint_eq(c->p->hung_task, _i ? 0 : task);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel.hog");
	TCase *tc = tcase_create("hog");

	tcase_add_checked_fixture(tc, setup, desk_teardown);
	tcase_add_test(tc, without_a_limit_nothing_is_done);
	tcase_add_test(tc, a_hog_is_counted_once_and_told_once);
	tcase_add_test(tc, the_limit_of_the_task_goes_before_the_services);
	tcase_add_test(tc, where_it_is_stands_in_the_report);
	tcase_add_test(tc, an_answer_of_another_incarnation_is_none);
	tcase_add_test(tc, a_hog_is_ended_if_the_plan_says_so);
	tcase_add_loop_test(tc, a_stopped_worker_is_no_hog, 0, 2);
	tcase_add_loop_test(tc, a_task_that_it_does_not_hold_is_no_hog, 0, 4);
	tcase_add_loop_test(tc, a_worker_that_hangs_is_told_once_and_ended, 0, 2);
	suite_add_tcase(suite, tc);
	return bh_check_run(suite);
}
