/* SPDX-License-Identifier: MIT */
/*
 * test_orphans.c: suite kernel.orphans. The guardian is killed, and whoever else in
 * the same instant: nothing of the system is left. Alone, it takes nobody with it
 * before they had their time.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/check_run.h"
#include "tests/kernel/rig.h"

/* Who dies with the guardian; a worker that is stopped before. */
enum {
	KERNEL = 1,
	ZYGOTE = 2,
	TWIN = 4,
	WORKER = 8,
	STOPPED = 16,
	COMBINATIONS = 32
};

enum {
	MOST = 8
};

static struct rig r;

static void setup(void)
{
	rig_init(&r);
}

static void teardown(void)
{
	rig_fini(&r);
}

static pid_t worker(int slot)
{
	return r.board->services[0].worker_pid[slot];
}

static bool all_up(void)
{
	return r.board->services[0].state == BH_PROC_UP &&
	       bh_ld_acq(&rig_proc(&r, BH_PROC_TWIN)->state) == BH_PROC_UP;
}

/* Nobody of @pids does anything between the first death and the last. */
static void kill_at_once(const pid_t *pids, int n)
{
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(kill(pids[i], SIGSTOP), 0);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(kill(pids[i], SIGKILL), 0);
}

START_TEST(nothing_is_left_whoever_dies_with_the_guardian)
{
	pid_t pids[MOST];
	int n = 0;

	rig_start(&r, true);
	rig_until(all_up());
	if (_i & STOPPED)
		kill(worker(0), SIGSTOP);
	pids[n++] = r.guardian;
	if (_i & KERNEL)
		pids[n++] = r.board->kernel_pid;
	if (_i & ZYGOTE)
		pids[n++] = rig_proc(&r, BH_PROC_ZYGOTE)->pid;
	if (_i & TWIN)
		pids[n++] = rig_proc(&r, BH_PROC_TWIN)->pid;
	if (_i & WORKER)
		pids[n++] = worker(1);
	kill_at_once(pids, n);
	/* All that is left of it is ours to wait for: the teardown does. */
}
END_TEST

START_TEST(nothing_is_left_of_a_system_whose_kernel_was_succeeded)
{
	pid_t first, pids[2];

	rig_start(&r, true);
	for (uint32_t round = 1; round <= 3; round++) {
		first = r.board->kernel_pid;
		kill(first, SIGKILL);
		rig_until(r.board->kernel_restarts == round && r.board->kernel_pid != first);
	}
	kill(worker(0), SIGKILL); /* its successor is made by the third kernel's order */
	rig_until(r.board->services[0].worker_restarts[0] == 1);
	rig_until(all_up());
	pids[0] = r.guardian;
	pids[1] = r.board->kernel_pid;
	kill_at_once(pids, 2);
}
END_TEST

static int status_of(pid_t pid)
{
	int status = 0;

	for (int i = 0; i < 5000; i++, usleep(2000))
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
	ck_abort_msg("process %d is still there", pid);
	return 0;
}

START_TEST(the_kernel_ends_in_order_when_the_guardian_alone_dies)
{
	pid_t kernel, zygote;
	int status;

	rig_start(&r, true);
	rig_until(all_up());
	kernel = r.board->kernel_pid;
	zygote = rig_proc(&r, BH_PROC_ZYGOTE)->pid;
	bh_st_rel(&r.v.a->booted, 1); /* the host's task counts: there is work to finish */
	/* With somebody stopped, Linux hangs up on the whole group: nobody minds. */
	kill(worker(2), SIGSTOP);
	kill(r.guardian, SIGKILL);
	/* The workers are told, and have time. */
	rig_until(bh_ld_acq(&r.v.a->run_state) == BH_RUN_STOPPING);
	ck_assert_int_eq(kill(worker(0), 0), 0);
	ck_assert_int_eq(waitpid(zygote, NULL, WNOHANG), 0);
	/* The end: by itself, not by the lifeline; after everybody else's. */
	status = status_of(kernel);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 111);
	status = status_of(zygote);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_ptr_ne(strstr(rig_said(&r), "the guardian was killed"), NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel.orphans");
	TCase *c = tcase_create("orphans");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, nothing_is_left_whoever_dies_with_the_guardian, 0, COMBINATIONS);
	tcase_add_test(c, nothing_is_left_of_a_system_whose_kernel_was_succeeded);
	tcase_add_test(c, the_kernel_ends_in_order_when_the_guardian_alone_dies);
	suite_add_tcase(s, c);
	return bh_check_run(s);
}
