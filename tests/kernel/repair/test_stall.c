/* SPDX-License-Identifier: MIT */
/* test_stall.c: suite kernel.stall. Which workers do not turn, and what is taken from them, on a
 * clock that is turned by hand. What Linux says of a process is true: there are some. */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/base/procfs.h"
#include "kernel/repair/stall.h"
#include "tests/check_run.h"
#include "tests/kernel/desk.h"

static pid_t made;

static void setup(void)
{
	desk_setup();
	made = 0;
}

static void teardown(void)
{
	if (made) {
		kill(made, SIGKILL);
		waitpid(made, NULL, 0);
	}
	desk_teardown();
}

static void look_after(int64_t ms)
{
	desk_pass_ms(ms);
	desk.k->wake_ns = INT64_MAX;
	bh_phase_stalls(desk.k);
}

static uint32_t stalled_ms(uint32_t slot)
{
	return desk.s->board->worker_stalled_ms[slot];
}

static void turn(uint32_t slot)
{
	_Atomic uint64_t *beat = &desk.s->v.workers[slot].heartbeat;

	bh_st_rlx(beat, bh_ld_rlx(beat) + 1);
}

static void park(uint32_t slot)
{
	bh_or(&desk.s->v.a->idle.parked, 1ull << slot);
}

/* A process that @life is the life of, once Linux shows it in @state. */
static pid_t process(void (*life)(void), char state)
{
	made = fork();
	ck_assert_int_ge(made, 0);
	if (!made) {
		life();
		_exit(0);
	}
	while (bh_procfs_state(made) != state)
		usleep(1000);
	return made;
}

static void stops(void)
{
	raise(SIGSTOP);
}

static void *waits(void *unused)
{
	pause();
	return unused;
}

static void leaves_a_thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, waits, NULL);
	pthread_exit(NULL);
}

START_TEST(a_worker_that_turns_is_not_stalled)
{
	desk_worker(0, 0);
	for (int i = 0; i < 10; i++) {
		turn(0);
		look_after(50);
		ck_assert_uint_eq(stalled_ms(0), 0);
	}
}
END_TEST

START_TEST(the_time_without_a_turn_adds_up_and_ends_with_one)
{
	struct bh_child *c = desk_worker(0, 0);

	desk.p->hang_report_ms = 100;
	turn(0);
	look_after(50);
	for (uint32_t i = 1; i <= 3; i++) {
		look_after(50);
		ck_assert_uint_eq(stalled_ms(0), 50 * i);
	}
	ck_assert(desk_said("worker 0 (pid 0) has not turned for 100 ms"));
	turn(0);
	look_after(50);
	ck_assert_uint_eq(stalled_ms(0), 0);
	ck_assert(desk_said("worker 0 turns again"));
	ck_assert_int_eq(c->life.stall.stalled_ns, 0);
}
END_TEST

/* If the kernel itself did not run meanwhile, perhaps nobody did. */
START_TEST(one_look_counts_a_tenth_of_a_second_at_most)
{
	desk_worker(0, 0);
	turn(0);
	look_after(50);
	look_after(3600 * 1000);
	ck_assert_uint_eq(stalled_ms(0), 100);
}
END_TEST

START_TEST(looks_come_while_one_is_awake_and_not_too_often)
{
	desk_worker(0, 0);
	desk_worker(1, 0);
	turn(0);
	look_after(50);
	ck_assert_int_eq(desk.k->wake_ns, desk.k->now_ns + 2 * BH_NS_PER_MS);
	look_after(1);
	ck_assert_uint_eq(stalled_ms(0), 0); /* too soon for a look */
	ck_assert_int_eq(desk.k->wake_ns, desk.k->now_ns + BH_NS_PER_MS);
	park(0);
	park(1);
	look_after(50);
	ck_assert_int_eq(desk.k->wake_ns, INT64_MAX);
}
END_TEST

START_TEST(who_sleeps_is_not_stalled)
{
	desk_worker(0, 0);
	park(0);
	for (int i = 0; i < 10; i++)
		look_after(50);
	ck_assert_uint_eq(stalled_ms(0), 0);
}
END_TEST

START_TEST(who_is_stopped_in_its_sleep_is)
{
	desk_worker(0, process(stops, 'T'));
	park(0);
	look_after(1001);
	look_after(50);
	ck_assert_uint_gt(stalled_ms(0), 0);
	ck_assert_uint_eq(desk.s->board->worker_doing[0], 'T');
	/* And is not, when it sleeps on. */
	kill(made, SIGCONT);
	waitpid(made, NULL, 0);
	made = 0;
	look_after(1001);
	look_after(1001);
	ck_assert_uint_eq(stalled_ms(0), 0);
}
END_TEST

/* Loop @i: a task in the slot that only the worker itself looks at; the duty to search. */
START_TEST(what_it_keeps_is_handed_on_at_the_second_look)
{
	struct bh_slot *w = &desk.s->v.workers[0];
	struct bh_idle *idle = &desk.s->v.a->idle;

	desk_worker(0, 0);
	desk_task(5, BH_SCHEDULED, 0);
	turn(0);
	if (_i)
		bh_or(&idle->searching, 1);
	else
		bh_st_rel(&w->lifo, 5);
	look_after(50);
	ck_assert(_i ? bh_ld_acq(&idle->searching) : bh_ld_acq(&w->lifo));
	look_after(50);
	ck_assert(!bh_ld_acq(&w->lifo));
	ck_assert(!bh_ld_acq(&idle->searching));
	if (!_i)
		ck_assert(bh_inject_ready(&desk.s->v.inject));
}
END_TEST

/* A main thread that has ended, which others keep: a zombie whose pidfd says that it lives. */
START_TEST(a_process_whose_main_thread_has_ended_is_ended)
{
	pid_t pid = process(leaves_a_thread, 'Z');
	struct bh_child *c = desk_worker(_i ? BH_MAX_WORKERS : 0, pid);

	c->p->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	ck_assert_int_ge(c->p->pidfd, 0);
	desk_runs(c->slot, 5);
	for (int i = 0; i < 2; i++) {
		ck_assert(!c->life.killed); /* seen once, it may be about to be dead altogether */
		if (_i) {
			bh_stall_look_blocking(desk.s);
		} else {
			look_after(i ? 100 : 50);
			look_after(50);
		}
	}
	ck_assert(c->life.killed);
	ck_assert(desk_said("its main thread has ended, by pthread_exit()"));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	made = 0;
	close(c->p->pidfd);
}
END_TEST

START_TEST(a_service_that_is_reset_is_not_looked_at)
{
	desk_worker(0, 0);
	turn(0);
	look_after(50);
	desk.s->board->state = BH_PROC_DEAD;
	look_after(50);
	ck_assert_uint_eq(stalled_ms(0), 0);
	ck_assert_int_eq(desk.k->wake_ns, INT64_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel.stall");
	TCase *tc = tcase_create("stall");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_worker_that_turns_is_not_stalled);
	tcase_add_test(tc, the_time_without_a_turn_adds_up_and_ends_with_one);
	tcase_add_test(tc, one_look_counts_a_tenth_of_a_second_at_most);
	tcase_add_test(tc, looks_come_while_one_is_awake_and_not_too_often);
	tcase_add_test(tc, who_sleeps_is_not_stalled);
	tcase_add_test(tc, who_is_stopped_in_its_sleep_is);
	tcase_add_loop_test(tc, what_it_keeps_is_handed_on_at_the_second_look, 0, 2);
	tcase_add_loop_test(tc, a_process_whose_main_thread_has_ended_is_ended, 0, 2);
	tcase_add_test(tc, a_service_that_is_reset_is_not_looked_at);
	suite_add_tcase(suite, tc);
	return bh_check_run(suite);
}
