/* SPDX-License-Identifier: MIT */
/* The kernel, killed with ptrace before and after each of its system calls: its
 * successor closes what it had just opened. And killed after single instructions, where
 * crashes are counted: each counts once. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/guardian/guardian.h"
#include "tests/check_run.h"
#include "tests/kernel/rig.h"

enum {
	MAX_STOPS = 1000,
	/* Of one system: with more the guardian gives up, if they come in 10 s. */
	KILLS = BH_GUARDIAN_RESTARTS - 3,
	TYPE = 7,
	TASK = 5,
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
	const struct bh_proc *w = rig_proc(&r, BH_PROC_WORKER);

	for (uint32_t i = 0; i < RIG_WORKERS; i++)
		if (bh_ld_acq(&w[i].state) != BH_PROC_UP)
			return false;
	return bh_ld_acq(&rig_proc(&r, BH_PROC_TWIN)->state) == BH_PROC_UP;
}

/* -- descriptors ------------------------------------------------------------------- */

/* How many guardian and kernel have; what they are, in @text. */
static int descriptors(char *text, size_t size)
{
	return rig_descriptors(r.guardian, text, size);
}

static int base;
static char base_text[4096];

static void note_base(void)
{
	rig_until(all_up());
	kill(r.board->kernel_pid, SIGKILL);
	rig_until(rig_proc(&r, BH_PROC_KERNEL)->restarts == 1 && rig_attached(&r));
	/* The least of some: it opens files of /proc for a moment. */
	base = descriptors(base_text, sizeof(base_text));
	for (int i = 0; i < 50; i++) {
		char text[sizeof(base_text)];
		int n = descriptors(text, sizeof(text));

		if (n < base) {
			base = n;
			memcpy(base_text, text, sizeof(base_text));
		}
		usleep(1000);
	}
}

static void check_base(int stop)
{
	char text[4096];
	int n = descriptors(text, sizeof(text));

	for (int left = 2000; n != base && left; left--) {
		usleep(2000);
		n = descriptors(text, sizeof(text));
	}
	ck_assert_msg(n == base, "killed up to stop %d: %d descriptors, not %d:\n%s\n%s", stop, n,
		      base, base_text, text);
	ck_assert_msg(r.board->services[0].resets == 0, "killed up to stop %d: reset: %s", stop,
		      r.board->services[0].last_reset);
}

/* -- step by step ---------------------------------------------------------------------- */

/* On to the next stop at a system call (@how PTRACE_SYSCALL), or instruction. */
static void step(pid_t pid, enum __ptrace_request how)
{
	int status, trap = how == PTRACE_SYSCALL ? SIGTRAP | 0x80 : SIGTRAP;

	do {
		ck_assert_int_eq(ptrace(how, pid, 0, 0), 0);
		ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
		ck_assert_msg(WIFSTOPPED(status), "the kernel ended: %x", status);
	} while (WSTOPSIG(status) != trap);
}

static bool waits(pid_t pid)
{
	struct __ptrace_syscall_info info = { 0 };

	ck_assert_int_gt(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info), 0);
	return info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_epoll_pwait2;
}

static void end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
	ck_assert(WIFSIGNALED(status));
}

/* The next kernel, stopped before its first instruction. */
static pid_t next_kernel(void)
{
	unsigned long pid;
	int status;

	ck_assert_int_eq(waitpid(r.guardian, &status, __WALL), r.guardian);
	ck_assert_int_eq(status >> 8, SIGTRAP | PTRACE_EVENT_FORK << 8);
	ck_assert_int_eq(ptrace(PTRACE_GETEVENTMSG, r.guardian, 0, &pid), 0);
	ck_assert_int_eq(ptrace(PTRACE_CONT, r.guardian, 0, 0), 0);
	ck_assert_int_eq(waitpid((pid_t)pid, &status, __WALL), (pid_t)pid);
	return (pid_t)pid;
}

/* One system: its kernels are killed at stop *@n of their start, the next, and so on.
 * False: the last one came to where it waits. */
static bool kill_starting(int *n)
{
	long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACESYSGOOD;
	bool through = false;
	pid_t pid;

	rig_start(&r, true);
	note_base();
	pid = r.board->kernel_pid;
	ck_assert_int_eq(ptrace(PTRACE_SEIZE, r.guardian, 0, options), 0);
	kill(pid, SIGKILL);
	for (int kills = 0; kills < KILLS && !through; kills++) {
		pid = next_kernel();
		for (int i = 0; i < *n && !through; i++) {
			step(pid, PTRACE_SYSCALL);
			through = waits(pid);
		}
		*n += !through;
		end(pid);
	}
	pid = next_kernel();
	ck_assert_int_eq(ptrace(PTRACE_DETACH, pid, 0, 0), 0);
	rig_until(rig_attached(&r));
	check_base(*n);
	return !through;
}

START_TEST(killed_while_it_starts)
{
	int n = 1;

	while (kill_starting(&n)) {
		ck_assert_int_lt(n, MAX_STOPS);
		rig_fini(&r);
		rig_init(&r);
	}
	ck_assert_int_gt(n, 100);
}
END_TEST

/* Stopped where it waits. */
static pid_t hold(void)
{
	pid_t pid = r.board->kernel_pid;
	int status;

	ck_assert_int_eq(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
	ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
	while (!waits(pid))
		step(pid, PTRACE_SYSCALL);
	return pid;
}

/* A worker dies; the kernel is killed @n stops later. False: the worker was replaced. */
static bool kill_replacing(int n)
{
	pid_t old = worker(0), pid = hold();
	uint32_t restarts = rig_proc(&r, BH_PROC_KERNEL)->restarts;

	kill(old, SIGKILL);
	for (int i = 0; i < n; i++) {
		step(pid, PTRACE_SYSCALL);
		if (waits(pid) && worker(0) > 0 && worker(0) != old && all_up()) {
			ck_assert_int_eq(ptrace(PTRACE_DETACH, pid, 0, 0), 0);
			return false;
		}
	}
	end(pid);
	rig_until(rig_proc(&r, BH_PROC_KERNEL)->restarts == restarts + 1 && rig_attached(&r));
	rig_until(worker(0) > 0 && worker(0) != old && all_up());
	return true;
}

START_TEST(killed_while_it_replaces_a_worker)
{
	int n = 1;

	rig_start(&r, true);
	note_base();
	while (kill_replacing(n)) {
		check_base(n);
		ck_assert_int_lt(n, MAX_STOPS);
		if (n++ % KILLS)
			continue;
		rig_fini(&r);
		rig_init(&r);
		rig_start(&r, true);
		note_base();
	}
	ck_assert_int_gt(n, 20);
}
END_TEST

/* -- others, at each step of the kernel ------------------------------------------------------ */

/* Dead, and the guardian has reaped it. */
static void end_other(pid_t pid)
{
	kill(pid, SIGKILL);
	rig_until(rig_gone(pid));
}

static void end_newcomers(const pid_t *before, int n)
{
	pid_t now[RIG_CHILDREN];
	int m = rig_newcomers(&r, before, n, now);

	for (int i = 0; i < m; i++)
		end_other(now[i]);
}

/* A worker dies, and @n stops of the kernel later whoever was made for its slot, or the
 * zygote. False: the worker was replaced before. */
static bool kill_other(int n, bool zygote)
{
	const struct bh_board_service *b = &r.board->services[0];
	pid_t old = worker(0), before[RIG_CHILDREN], pid = hold();
	pid_t z = rig_proc(&r, BH_PROC_ZYGOTE)->pid;
	uint64_t restarts = b->zygote_restarts;
	int m = rig_children(&r, before);
	bool through = false;

	kill(old, SIGKILL);
	for (int i = 0; i < n && !through; i++) {
		step(pid, PTRACE_SYSCALL);
		through = waits(pid) && worker(0) > 0 && worker(0) != old && all_up();
	}
	if (!through && zygote)
		end_other(z);
	else if (!through)
		end_newcomers(before, m);
	ck_assert_int_eq(ptrace(PTRACE_DETACH, pid, 0, 0), 0);
	rig_until(worker(0) > 0 && worker(0) != old && all_up());
	rig_until(b->zygote_restarts >= restarts + (zygote && !through));
	/* Nobody was waited for and then ended. */
	ck_assert_uint_eq(b->zygote_restarts, restarts + (zygote && !through));
	rig_until(all_up());
	ck_assert_uint_eq(b->resets, 0);
	return !through;
}

static void kill_others(bool zygote)
{
	int n = 1;

	r.plan->services[0].backoff_min_ms = r.plan->services[0].backoff_max_ms = 1;
	rig_start(&r, true);
	rig_until(all_up());
	while (kill_other(n, zygote))
		ck_assert_int_lt(n++, MAX_STOPS);
	ck_assert_int_gt(n, 20);
}

START_TEST(the_new_one_is_killed_while_it_replaces_a_worker)
{
	kill_others(false);
}
END_TEST

START_TEST(the_zygote_is_killed_while_it_replaces_a_worker)
{
	kill_others(true);
}
END_TEST

/* Between the entry, which says that the next one starts, and the slot's word, by which the
 * heir knows it: nobody has told of that one yet. */
START_TEST(killed_before_the_heir_is_let_in)
{
	const struct bh_proc *p;
	pid_t old, pid;

	rig_start(&r, true);
	rig_until(all_up());
	p = rig_proc(&r, BH_PROC_WORKER);
	old = worker(0);
	pid = hold();
	end_other(old);
	while (bh_ld_acq(&p->state) != BH_PROC_STARTING)
		step(pid, PTRACE_SINGLESTEP);
	ck_assert_uint_eq(bh_slot_state_of(bh_ld_acq(&r.v.workers[0].word)), BH_SLOT_DEAD);
	end(pid);
	rig_until(rig_attached(&r) && worker(0) > 0 && worker(0) != old && all_up());
	ck_assert_uint_eq(r.board->services[0].zygote_restarts, 0);
}
END_TEST

/* -- counting ---------------------------------------------------------------------------- */

static uint64_t type_crashes(void)
{
	return bh_ld_rlx(&r.v.types[TYPE].crashes);
}

static uint64_t worker_crashes(void)
{
	return r.board->services[0].worker_crashes[0];
}

static uint64_t records(void)
{
	return bh_ld_acq(&r.board->crashes);
}

static uint64_t (*const counts[])(void) = { type_crashes, worker_crashes, records };

/* As if worker 0 were in a task's poll. */
static void run_a_task(void)
{
	uint32_t epoch = r.board->services[0].worker_epoch[0];

	r.v.tasks[TASK].type = TYPE;
	bh_st_rel(&r.v.tasks[TASK].state, bh_state_make(1, epoch, 0, 0, BH_RUNNING));
	bh_st_rel(&r.v.workers[0].current, bh_handle(1, TASK));
}

START_TEST(killed_while_it_counts_a_crash)
{
	pid_t old, pid;

	rig_start(&r, true);
	rig_until(all_up());
	old = worker(0);
	run_a_task();
	pid = hold();
	kill(old, SIGKILL);
	while (counts[_i]() == 0 && (worker(0) == old || worker(0) == 0))
		step(pid, PTRACE_SINGLESTEP);
	end(pid);
	rig_until(worker(0) > 0 && worker(0) != old && all_up());
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		ck_assert_msg(counts[i]() == 1, "killed after count %d: count %zu is %llu", _i, i,
			      (unsigned long long)counts[i]());
	ck_assert_uint_eq(r.board->crash[1].task, bh_handle(1, TASK));
	ck_assert_uint_eq(r.board->crash[1].type_crashes, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel.steps");
	TCase *c = tcase_create("kernel");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, killed_while_it_starts);
	tcase_add_test(c, killed_while_it_replaces_a_worker);
	tcase_add_test(c, killed_before_the_heir_is_let_in);
	tcase_add_test(c, the_new_one_is_killed_while_it_replaces_a_worker);
	tcase_add_test(c, the_zygote_is_killed_while_it_replaces_a_worker);
	tcase_add_loop_test(c, killed_while_it_counts_a_crash, 0, sizeof(counts) / sizeof(*counts));
	suite_add_tcase(s, c);
	return bh_check_run(s);
}
