/* SPDX-License-Identifier: MIT */
/*
 * test_guardian.c: suite kernel.guardian. A real guardian in a process of its
 * own, with kernels made for each test: functions that tell by `scene`, in memory
 * shared with the test, what they saw.
 */
#include "kernel/guardian/guardian.h"
#include "tests/check_run.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipc/base/order.h"
#include "ipc/base/out.h"

enum {
	PIDS = BH_BOARD_DEATHS + 300
};

struct scene {
	struct bh_board board;
	int bell;
	int fd[2];
	_Atomic uint32_t ready; /* the kernel did what the test waits for */
	_Atomic uint32_t wrong; /* something a kernel saw was not as it should be */
	_Atomic uint32_t got;   /* a byte, or a signal */
	_Atomic uint32_t n;     /* pids[] in use */
	int32_t pids[PIDS];
	int32_t noted[PIDS]; /* how often the death of pids[i] was noted */
	int32_t status[PIDS];
	uint32_t strangers; /* deaths of others */
};

static struct scene *scene;
static pid_t guardian;

static void scene_setup(void)
{
	scene = mmap(NULL, sizeof(*scene), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	ck_assert_ptr_ne(scene, MAP_FAILED);
	scene->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_ge(scene->bell, 0);
}

/* Starts a guardian whose stderr is @err (-1: nowhere). */
static void start_with(int (*kernel_main)(void *), void (*before)(void), int err)
{
	guardian = fork();
	ck_assert_int_ge(guardian, 0);
	if (guardian)
		return;
	dup2(err >= 0 ? err : open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
	scene->board.guardian_pid = getpid();
	bh_out_open();
	if (before)
		before();
	_exit(bh_guardian_run(&scene->board, scene->bell, kernel_main, scene));
}

static void start(int (*kernel_main)(void *))
{
	start_with(kernel_main, NULL, -1);
}

/* The code the guardian ended with. */
static int finish(void)
{
	int status;

	ck_assert_int_eq(waitpid(guardian, &status, 0), guardian);
	ck_assert_msg(WIFEXITED(status), "the guardian was killed by signal %d", WTERMSIG(status));
	ck_assert_uint_eq(scene->wrong, 0);
	return WEXITSTATUS(status);
}

static void await(uint32_t ready)
{
	for (int i = 0; i < 60000; i++, usleep(1000))
		if (bh_ld_acq(&scene->ready) >= ready)
			return;
	ck_abort_msg("the kernel is not ready");
}

/* -- what kernels are made of -------------------------------------------------- */

static void expect(bool as_it_should_be)
{
	if (!as_it_should_be)
		bh_add(&scene->wrong, 1);
}

/* Runs @life as a child of the guardian, and remembers its pid. */
static pid_t make_child(void (*life)(int), int arg)
{
	struct clone_args args = { .flags = CLONE_PARENT };
	uint32_t i = bh_add(&scene->n, 1);
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (!pid) {
		life(arg);
		_exit(0);
	}
	expect(pid > 0);
	scene->pids[i] = pid;
	return pid;
}

/* Takes all that is in the ring. */
static void read_deaths(void)
{
	struct bh_board *b = &scene->board;
	uint64_t head = bh_ld_rlx(&b->deaths_head), tail = bh_ld_acq(&b->deaths_tail);

	for (; head != tail; head++) {
		const struct bh_death *d = &b->deaths[head % BH_BOARD_DEATHS];
		uint32_t i, n = scene->n;

		for (i = 0; i < n && scene->pids[i] != d->pid; i++)
			;
		if (i == n) {
			scene->strangers++;
			continue;
		}
		scene->noted[i]++;
		scene->status[i] = d->status;
	}
	bh_st_rel(&b->deaths_head, head);
}

static uint32_t deaths_noted(void)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < scene->n; i++)
		sum += (uint32_t)scene->noted[i];
	return sum;
}

/* Waits, by the doorbell, until @n deaths of children were noted. */
static void wait_deaths(uint32_t n)
{
	struct pollfd bell = { .fd = scene->bell, .events = POLLIN };
	uint64_t rung;

	read_deaths();
	while (deaths_noted() < n) {
		if (poll(&bell, 1, 10000) != 1 || read(scene->bell, &rung, sizeof(rung)) < 0) {
			expect(false);
			return;
		}
		read_deaths();
	}
}

static int take_signal(int timeout_ms)
{
	struct timespec ts = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return sigtimedwait(&set, NULL, &ts);
}

static bool is_first(void)
{
	return !scene->board.kernel_restarts;
}

/* Not quite: whatever a failing test leaves behind goes away some time. */
static void forever(int arg)
{
	(void)arg;
	alarm(60);
	for (;;)
		pause();
}

static void leave(int code)
{
	_exit(code);
}

static void get_killed(int sig)
{
	signal(sig, SIG_DFL);
	raise(sig);
}

/* -- the kernel ------------------------------------------------------------------ */

static const int orderly[] = { 0, 100, 111 };
static int orderly_code;

static int end_orderly(void *arg)
{
	expect(arg == scene);
	expect(scene->board.kernel_pid == getpid());
	expect(getppid() == scene->board.guardian_pid);
	expect(scene->board.kernel_started_ns > 0);
	return orderly_code;
}

START_TEST(guardian_returns_the_code_of_an_orderly_end)
{
	orderly_code = orderly[_i];
	start(end_orderly);
	ck_assert_int_eq(finish(), orderly[_i]);
	ck_assert_uint_eq(scene->board.kernel_restarts, 0);
}
END_TEST

static int end_with_7(void *arg)
{
	(void)arg;
	scene->board.exit_code = 7;
	return 0;
}

/* 7 from a kernel itself would be no orderly end. */
START_TEST(guardian_returns_what_the_services_came_to)
{
	start(end_with_7);
	ck_assert_int_eq(finish(), 7);
	ck_assert_uint_eq(scene->board.kernel_restarts, 0);
}
END_TEST

static int leave_a_pipe(void *arg)
{
	char c = 0;

	(void)arg;
	expect(scene->board.kernel_pid == getpid());
	if (is_first()) {
		expect(!pipe(scene->fd) && write(scene->fd[1], "x", 1) == 1);
		bh_st_rel(&scene->ready, 1);
		forever(0);
	}
	expect(read(scene->fd[0], &c, 1) == 1);
	scene->got = (uint8_t)c;
	return 0;
}

START_TEST(guardian_replaces_a_killed_kernel_whose_descriptors_stay_open)
{
	int32_t first;

	start(leave_a_pipe);
	await(1);
	first = scene->board.kernel_pid;
	ck_assert_int_eq(kill(first, SIGKILL), 0);
	ck_assert_int_eq(finish(), 0);
	ck_assert_uint_eq(scene->got, 'x');
	ck_assert_uint_eq(scene->board.kernel_restarts, 1);
	ck_assert_int_ne(scene->board.kernel_pid, first);
}
END_TEST

static int end_oddly(void *arg)
{
	(void)arg;
	switch (scene->board.kernel_restarts) {
	case 0:
		return 1;
	case 1:
		raise(SIGKILL);
		return 0;
	case 2:
		return 110;
	default:
		return 100;
	}
}

START_TEST(guardian_restarts_after_any_end_that_is_not_orderly)
{
	start(end_oddly);
	ck_assert_int_eq(finish(), 100);
	ck_assert_uint_eq(scene->board.kernel_restarts, 3);
}
END_TEST

static int always_fail(void *arg)
{
	(void)arg;
	if (is_first())
		make_child(forever, 0);
	return 1;
}

START_TEST(guardian_gives_up_on_a_kernel_that_crashes_too_often)
{
	start(always_fail);
	ck_assert_int_eq(finish(), 111);
	ck_assert_uint_eq(scene->board.kernel_restarts, BH_GUARDIAN_RESTARTS);
	ck_assert_int_eq(kill(scene->pids[0], 0), -1);
}
END_TEST

START_TEST(guardian_goes_on_when_nobody_reads_its_stderr)
{
	int err[2];
	char fill[4096] = { 0 };

	ck_assert_int_eq(pipe2(err, O_NONBLOCK), 0);
	while (write(err[1], fill, sizeof(fill)) > 0)
		;
	ck_assert_int_eq(fcntl(err[1], F_SETFL, 0), 0); /* full, and a write would block */
	start_with(end_oddly, NULL, err[1]);
	ck_assert_int_eq(finish(), 100);
}
END_TEST

/* -- deaths ---------------------------------------------------------------------- */

/* Ends after it made an orphan, which the guardian inherits. */
static void leave_an_orphan(int code)
{
	uint32_t i = bh_add(&scene->n, 1);
	pid_t parent = getpid(), pid = fork();

	if (!pid) {
		/* The orphan: ends when its parent has. */
		while (getppid() == parent)
			usleep(1000);
		expect(getppid() == scene->board.guardian_pid);
		_exit(code);
	}
	scene->pids[i] = pid;
}

static void check_parent(int code)
{
	expect(getppid() == scene->board.guardian_pid);
	_exit(code);
}

static int make_four(void *arg)
{
	(void)arg;
	make_child(check_parent, 7);
	make_child(get_killed, SIGUSR1);
	make_child(leave_an_orphan, 9);
	expect(waitpid(-1, NULL, __WALL) == -1 && errno == ECHILD); /* none are the kernel's */
	wait_deaths(4);
	make_child(leave, 0); /* its death comes after all news of the others */
	wait_deaths(5);
	return 0;
}

static int32_t status_of_nth(uint32_t n)
{
	ck_assert_int_eq(scene->noted[n], 1);
	return scene->status[n];
}

static void check_four(void)
{
	ck_assert_int_eq(finish(), 0);
	ck_assert_uint_eq(scene->n, 5);
	ck_assert_uint_eq(scene->strangers, 0);
	ck_assert_int_eq(WEXITSTATUS(status_of_nth(0)), 7);
	ck_assert(WIFSIGNALED(status_of_nth(1)));
	ck_assert_int_eq(WTERMSIG(status_of_nth(1)), SIGUSR1);
	ck_assert_int_eq(WEXITSTATUS(status_of_nth(2)) + WEXITSTATUS(status_of_nth(3)), 9);
	ck_assert_int_eq(status_of_nth(4), 0);
}

START_TEST(guardian_reaps_and_notes_each_death_once)
{
	start(make_four);
	check_four();
}
END_TEST

static void ignore_children(void)
{
	signal(SIGCHLD, SIG_IGN);
}

START_TEST(guardian_notes_deaths_though_its_caller_ignored_sigchld)
{
	start_with(make_four, ignore_children, -1);
	check_four();
}
END_TEST

static int fill_the_ring(void *arg)
{
	(void)arg;
	if (is_first()) {
		for (int i = 0; i < PIDS; i++)
			make_child(leave, i % 100);
		while (bh_ld_acq(&scene->board.deaths_tail) < BH_BOARD_DEATHS)
			usleep(1000);
		bh_st_rel(&scene->ready, 1);
		forever(0);
	}
	/* A ring that is full keeps nobody from starting another kernel, */
	expect(bh_ld_acq(&scene->board.deaths_tail) == BH_BOARD_DEATHS);
	wait_deaths(PIDS); /* and the deaths it had no room for are not lost. */
	return 0;
}

START_TEST(guardian_loses_no_death_when_the_ring_is_full)
{
	start(fill_the_ring);
	await(1);
	ck_assert_int_eq(kill(scene->board.kernel_pid, SIGKILL), 0);
	ck_assert_int_eq(finish(), 0);
	ck_assert_uint_eq(scene->strangers, 0);
	for (int i = 0; i < PIDS; i++)
		if (scene->noted[i] != 1 || WEXITSTATUS(scene->status[i]) != i % 100)
			ck_abort_msg("child %d: noted %d times", i, scene->noted[i]);
}
END_TEST

/* -- signals --------------------------------------------------------------------- */

static const int stop_signals[] = { SIGINT, SIGTERM, SIGHUP };

static int take_one_signal(void *arg)
{
	(void)arg;
	bh_st_rel(&scene->ready, scene->board.kernel_restarts + 1);
	scene->got = (uint32_t)take_signal(10000);
	expect(take_signal(50) < 0); /* and not twice */
	return 0;
}

START_TEST(guardian_forwards_signals)
{
	start(take_one_signal);
	await(1);
	ck_assert_int_eq(kill(guardian, stop_signals[_i]), 0);
	ck_assert_int_eq(finish(), 0);
	ck_assert_int_eq((int)scene->got, stop_signals[_i]);
}
END_TEST

START_TEST(guardian_forwards_signals_to_a_later_kernel)
{
	start(take_one_signal);
	for (uint32_t i = 1; i <= 5; i++) {
		await(i);
		ck_assert_int_eq(kill(scene->board.kernel_pid, SIGKILL), 0);
	}
	await(6);
	ck_assert_int_eq(kill(guardian, SIGTERM), 0);
	ck_assert_int_eq(finish(), 0);
	ck_assert_int_eq((int)scene->got, SIGTERM);
}
END_TEST

START_TEST(guardian_keeps_a_signal_that_comes_while_no_kernel_lives)
{
	int status;

	start(take_one_signal);
	await(1);
	ck_assert_int_eq(kill(guardian, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(guardian, &status, WUNTRACED), guardian);
	ck_assert_int_eq(kill(scene->board.kernel_pid, SIGKILL), 0);
	ck_assert_int_eq(kill(guardian, stop_signals[_i]), 0);
	ck_assert_int_eq(kill(guardian, SIGCONT), 0);
	ck_assert_int_eq(finish(), 0);
	ck_assert_int_eq((int)scene->got, stop_signals[_i]);
	ck_assert_uint_eq(scene->board.kernel_restarts, 1);
}
END_TEST

static int die_of_the_news(void *arg)
{
	(void)arg;
	bh_st_rel(&scene->ready, 1);
	if (is_first()) {
		expect(take_signal(10000) == SIGTERM);
		raise(SIGKILL);
	}
	scene->got = (uint32_t)take_signal(10000);
	return 0;
}

START_TEST(guardian_repeats_a_signal_that_the_dead_kernel_did_not_act_upon)
{
	start(die_of_the_news);
	await(1);
	ck_assert_int_eq(kill(guardian, SIGTERM), 0);
	ck_assert_int_eq(finish(), 0);
	ck_assert_int_eq((int)scene->got, SIGTERM);
}
END_TEST

static int die_while_stopping(void *arg)
{
	(void)arg;
	bh_st_rel(&scene->ready, 1);
	if (is_first()) {
		expect(take_signal(10000) == SIGTERM);
		bh_st_rel(&scene->board.system_state, BH_SYSTEM_STOPPING);
		raise(SIGKILL);
	}
	expect(take_signal(200) < 0);
	return 0;
}

START_TEST(guardian_repeats_no_signal_when_the_board_says_stopping)
{
	start(die_while_stopping);
	await(1);
	ck_assert_int_eq(kill(guardian, SIGTERM), 0);
	ck_assert_int_eq(finish(), 0);
	ck_assert_uint_eq(scene->board.kernel_restarts, 1);
}
END_TEST

static void as_nohup(void)
{
	signal(SIGHUP, SIG_IGN);
}

START_TEST(guardian_leaves_an_ignored_sighup_ignored)
{
	start_with(take_one_signal, as_nohup, -1);
	await(1);
	ck_assert_int_eq(kill(guardian, SIGHUP), 0);
	ck_assert_int_eq(kill(guardian, SIGTERM), 0);
	ck_assert_int_eq(finish(), 0);
	ck_assert_int_eq((int)scene->got, SIGTERM);
}
END_TEST

/* -- the end --------------------------------------------------------------------- */

static void stay_with_an_orphan(int arg)
{
	uint32_t i = bh_add(&scene->n, 1);
	pid_t pid = fork();

	if (!pid) {
		setsid();
		forever(arg);
	}
	scene->pids[i] = pid;
	bh_add(&scene->ready, 1);
	forever(arg);
}

static void stay(int arg)
{
	bh_add(&scene->ready, 1);
	forever(arg);
}

static void (*left_behind)(int);

static int leave_many_behind(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++)
		scene->board.procs[i].pid = make_child(left_behind, 0);
	while (bh_ld_acq(&scene->ready) < 20)
		usleep(1000);
	return 0;
}

static void check_all_gone(uint32_t n)
{
	ck_assert_int_eq(finish(), 0);
	ck_assert_uint_eq(scene->n, n);
	for (uint32_t i = 0; i < n; i++) {
		ck_assert_int_gt(scene->pids[i], 0);
		ck_assert_msg(kill(scene->pids[i], 0) && errno == ESRCH, "%d is left",
			      scene->pids[i]);
	}
}

START_TEST(guardian_kills_and_reaps_all_that_is_left)
{
	left_behind = stay_with_an_orphan;
	start(leave_many_behind);
	check_all_gone(40);
}
END_TEST

/* As far as this user may take /proc away; else it is there. */
static void hide_proc(void)
{
	if (!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		mount("none", "/proc", "tmpfs", 0, NULL);
}

START_TEST(guardian_kills_what_the_table_names_without_proc)
{
	left_behind = stay;
	start_with(leave_many_behind, hide_proc, -1);
	check_all_gone(20);
}
END_TEST

static int claim_a_stranger(void *arg)
{
	(void)arg;
	scene->board.procs[0].pid = scene->pids[0];
	scene->board.procs[1].pid = -1;
	scene->board.procs[2].pid = 1;
	scene->board.procs[3].pid = INT32_MAX;
	return 0;
}

START_TEST(guardian_kills_nobody_but_its_children)
{
	pid_t stranger = fork();

	ck_assert_int_ge(stranger, 0);
	if (!stranger)
		forever(0);
	scene->pids[0] = stranger;
	start(claim_a_stranger);
	ck_assert_int_eq(finish(), 0);
	ck_assert_int_eq(waitpid(stranger, NULL, WNOHANG), 0);
	kill(stranger, SIGKILL);
}
END_TEST

static TCase *add_case(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, scene_setup, NULL);
	suite_add_tcase(s, tc);
	return tc;
}

static Suite *guardian_suite(void)
{
	Suite *s = suite_create("kernel.guardian");
	TCase *tc = add_case(s, "kernel");

	tcase_add_loop_test(tc, guardian_returns_the_code_of_an_orderly_end, 0, 3);
	tcase_add_test(tc, guardian_returns_what_the_services_came_to);
	tcase_add_test(tc, guardian_replaces_a_killed_kernel_whose_descriptors_stay_open);
	tcase_add_test(tc, guardian_restarts_after_any_end_that_is_not_orderly);
	tcase_add_test(tc, guardian_gives_up_on_a_kernel_that_crashes_too_often);
	tcase_add_test(tc, guardian_goes_on_when_nobody_reads_its_stderr);
	tc = add_case(s, "deaths");
	tcase_add_test(tc, guardian_reaps_and_notes_each_death_once);
	tcase_add_test(tc, guardian_notes_deaths_though_its_caller_ignored_sigchld);
	tcase_add_test(tc, guardian_loses_no_death_when_the_ring_is_full);
	tc = add_case(s, "signals");
	tcase_add_loop_test(tc, guardian_forwards_signals, 0, 3);
	tcase_add_test(tc, guardian_forwards_signals_to_a_later_kernel);
	tcase_add_loop_test(tc, guardian_keeps_a_signal_that_comes_while_no_kernel_lives, 0, 3);
	tcase_add_test(tc, guardian_repeats_a_signal_that_the_dead_kernel_did_not_act_upon);
	tcase_add_test(tc, guardian_repeats_no_signal_when_the_board_says_stopping);
	tcase_add_test(tc, guardian_leaves_an_ignored_sighup_ignored);
	tc = add_case(s, "end");
	tcase_add_test(tc, guardian_kills_and_reaps_all_that_is_left);
	tcase_add_test(tc, guardian_kills_what_the_table_names_without_proc);
	tcase_add_test(tc, guardian_kills_nobody_but_its_children);
	return s;
}

int main(void)
{
	return bh_check_run(guardian_suite());
}
