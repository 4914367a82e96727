/* SPDX-License-Identifier: MIT */
#include "kernel/guardian.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t pending;
static volatile pid_t kernel;

static void forward(int sig)
{
	pending = sig;
	if (kernel > 0)
		kill(kernel, sig);
}

static int64_t now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static pid_t start(struct bh_board *b, int (*kernel_main)(void *), void *arg)
{
	struct clone_args a = { .flags = CLONE_FILES, .exit_signal = SIGCHLD };
	pid_t pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
	if (pid == 0) {
		kernel = 0;
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		signal(SIGHUP, SIG_DFL);
		_exit(kernel_main(arg));
	}
	b->kernel_pid = pid;
	b->kernel_started_ns = now();
	kernel = pid;
	if (pending)
		kill(pid, pending);
	return pid;
}

static void note(struct bh_board *b, int bell, pid_t pid, int status)
{
	uint64_t t = atomic_load_explicit(&b->deaths_tail, memory_order_relaxed), one = 1;
	while (t - atomic_load_explicit(&b->deaths_head, memory_order_acquire) >= BH_BOARD_DEATHS)
		usleep(1000);
	b->deaths[t % BH_BOARD_DEATHS] =
		(struct bh_death){ .pid = pid, .status = status, .time_ns = now() };
	atomic_store_explicit(&b->deaths_tail, t + 1, memory_order_release);
	if (write(bell, &one, 8) < 0)
		return;
}

static void sweep(struct bh_board *b)
{
	for (int i = 0; i < BH_BOARD_PROCS; i++)
		if (b->procs[i].pid > 1 && atomic_load(&b->procs[i].state) != BH_PROC_FREE)
			kill(b->procs[i].pid, SIGKILL);
	for (int i = 0; i < 500; i++) {
		pid_t p = waitpid(-1, NULL, WNOHANG);
		if (p < 0)
			return;
		if (p == 0)
			usleep(2000);
	}
}

int bh_guardian_run(struct bh_board *b, int bell, int (*kernel_main)(void *), void *arg)
{
	struct sigaction sa = { .sa_handler = forward };
	int status;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (start(b, kernel_main, arg) < 0)
		return 111;
	for (;;) {
		pid_t pid = waitpid(-1, &status, 0);
		if (pid < 0)
			continue;
		if (pid != kernel) {
			note(b, bell, pid, status);
			continue;
		}
		kernel = 0;
		if (WIFEXITED(status)) {
			sweep(b);
			return WEXITSTATUS(status);
		}
		b->kernel_restarts++;
		if (b->kernel_restarts > 20 || start(b, kernel_main, arg) < 0) {
			sweep(b);
			return 111;
		}
	}
}
