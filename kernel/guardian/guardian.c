/* SPDX-License-Identifier: MIT */
/*
 * guardian.c: see guardian.h, also for the guarantees cited here.
 */
#include "kernel/guardian/guardian.h"

#include <bulkhead/base.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipc/base/clone.h"
#include "ipc/base/order.h"
#include "ipc/base/out.h"
#include "ipc/base/refused.h"

enum {
	EXIT_SYSTEM_FAILURE = 111,
	RING_FULL_MS = 1,  /* how often a full ring is looked at */
	NO_FORK_MS = 200,  /* a kernel that cannot be made is tried again after */
	REAP_AGAIN_MS = 5, /* at the end: how often it looks for new children */
};

struct guardian {
	struct bh_board *board;
	int death_eventfd;
	int (*kernel_main)(void *);
	void *arg;

	sigset_t at_start;  /* the signal mask the caller had */
	sigset_t waited;    /* all that wake the guardian; always blocked */
	sigset_t forwarded; /* what was forwarded since the system runs, for G3 */
	pid_t kernel;       /* 0: none lives */
	int64_t started_ns[BH_GUARDIAN_RESTARTS]; /* the last restarts, a ring */
	int code;                                 /* what to return, when `done` */
	bool done;
};

static const int stop_signals[] = { SIGHUP, SIGINT, SIGTERM };

enum {
	STOP_SIGNALS = sizeof(stop_signals) / sizeof(*stop_signals)
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * BH_S(1) + ts.tv_nsec;
}

/* One line for the log, if anybody reads it. */
static void say(const char *text)
{
	bh_outf(STDERR_FILENO, "bulkhead: %s\n", text);
}

/* -- signals ----------------------------------------------------------------- */

static bool is_ignored(int sig)
{
	struct sigaction old;

	return !sigaction(sig, NULL, &old) && old.sa_handler == SIG_IGN;
}

static void signals_prepare(struct guardian *g)
{
	bool keep_hup = !is_ignored(SIGHUP);

	sigemptyset(&g->forwarded);
	sigemptyset(&g->waited);
	sigaddset(&g->waited, SIGCHLD);
	for (int i = 0; i < STOP_SIGNALS; i++)
		if (stop_signals[i] != SIGHUP || keep_hup)
			sigaddset(&g->waited, stop_signals[i]);
	sigprocmask(SIG_BLOCK, &g->waited, &g->at_start);
	/* Ignored, as some callers leave it, the dead would reap themselves. */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
}

/* Waits for a signal that concerns the guardian; 0: @timeout_ms passed. */
static int signal_wait(const struct guardian *g, int timeout_ms)
{
	struct timespec ts = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
	int sig = timeout_ms < 0 ? sigwaitinfo(&g->waited, NULL) :
				   sigtimedwait(&g->waited, NULL, &ts);

	return sig > 0 ? sig : 0;
}

/* A kernel that somebody stopped is to hear that it is to end, too. */
static void signal_forward(struct guardian *g, int sig)
{
	sigaddset(&g->forwarded, sig);
	if (!g->kernel)
		return;
	kill(g->kernel, sig);
	if (sig != SIGHUP)
		kill(g->kernel, SIGCONT);
}

/* -- the kernel -------------------------------------------------------------- */

static _Noreturn void kernel_run(const struct guardian *g)
{
	sigset_t mask = g->at_start;

	for (int i = 0; i < STOP_SIGNALS; i++)
		sigaddset(&mask, stop_signals[i]);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	_exit(g->kernel_main(g->arg));
}

static const char *no_kernel(int err)
{
	if (bh_refused(-err))
		return "no kernel can be started: clone3() and clone() are refused " BH_REFUSED_BY;
	if (err == -ENOMEM)
		return "no kernel can be started: there is not enough memory";
	return "no kernel can be started, no more processes are allowed here (see ulimit -u and "
	       "the pids limit of the control group)";
}

/* CLONE_PARENT_SETTID puts the pid on the board before the kernel runs. */
static int kernel_start(struct guardian *g)
{
	struct clone_args args = {
		.flags = CLONE_FILES | CLONE_PARENT_SETTID,
		.parent_tid = (uintptr_t)&g->board->kernel_pid,
		.exit_signal = SIGCHLD,
	};
	pid_t pid;

	g->board->kernel_started_ns = now_ns();
	pid = bh_clone(&args);
	if (!pid)
		kernel_run(g);
	if (pid < 0)
		return pid;
	g->kernel = pid;
	return 0;
}

static void give_up(struct guardian *g, const char *why)
{
	say(why);
	g->code = EXIT_SYSTEM_FAILURE;
	g->done = true;
}

/* True if one more restart is within the limit; counts it. */
static bool restart_allowed(struct guardian *g)
{
	int64_t *oldest = &g->started_ns[g->board->kernel_restarts % BH_GUARDIAN_RESTARTS];
	int64_t now = now_ns();

	if (*oldest && now - *oldest < BH_MS(BH_GUARDIAN_PERIOD_MS))
		return false;
	*oldest = now;
	g->board->kernel_restarts++;
	return true;
}

/* Tries until there is room for a process again: the workers go on meanwhile. False:
 * there is none, and the system is asked to end. */
static bool kernel_start_patiently(struct guardian *g)
{
	bool told = false;
	int err;

	while ((err = kernel_start(g))) {
		int sig = signal_wait(g, NO_FORK_MS);

		if (sig == SIGINT || sig == SIGTERM) {
			give_up(g,
				"asked to end while no kernel could be started: it ends at once");
			return false;
		}
		if (!told)
			bh_outf(STDERR_FILENO, "bulkhead: %s; trying again\n", no_kernel(err));
		told = true;
	}
	return true;
}

static void kernel_restart(struct guardian *g)
{
	if (!restart_allowed(g)) {
		give_up(g, "the kernel crashed too often and is not started again: the "
			   "system ends. What it logged before says why.");
		return;
	}
	if (!kernel_start_patiently(g))
		return;
	if (bh_ld_acq(&g->board->system_state) >= BH_SYSTEM_STOPPING)
		return;
	for (int i = 0; i < STOP_SIGNALS; i++)
		if (sigismember(&g->forwarded, stop_signals[i]) == 1)
			kill(g->kernel, stop_signals[i]);
}

static void kernel_died(struct guardian *g, const siginfo_t *si)
{
	char text[96];

	g->kernel = 0;
	if (si->si_code == CLD_EXITED &&
	    (!si->si_status || si->si_status == 100 || si->si_status == EXIT_SYSTEM_FAILURE)) {
		/* Ended in order, with what its services came to. */
		g->code = si->si_status ? si->si_status : (int)(g->board->exit_code & 0xff);
		g->done = true;
		return;
	}
	snprintf(text, sizeof(text), "the kernel (pid %d) %s %d; starting another one", si->si_pid,
		 si->si_code == CLD_EXITED ? "exited with" : "was killed by signal", si->si_status);
	say(text);
	kernel_restart(g);
}

/* -- deaths ------------------------------------------------------------------ */

static bool ring_full(const struct guardian *g)
{
	uint64_t tail = bh_ld_rlx(&g->board->deaths_tail); /* only the guardian writes it */

	return tail - bh_ld_acq(&g->board->deaths_head) >= BH_BOARD_DEATHS;
}

/* As waitpid() would have given it. */
static int wait_status(const siginfo_t *si)
{
	if (si->si_code == CLD_EXITED)
		return (si->si_status & 0xff) << 8;
	return si->si_status | (si->si_code == CLD_DUMPED ? WCOREFLAG : 0);
}

static void death_note(struct guardian *g, const siginfo_t *si)
{
	struct bh_board *b = g->board;
	uint64_t tail = bh_ld_rlx(&b->deaths_tail);
	uint64_t one = 1;

	b->deaths[tail % BH_BOARD_DEATHS] = (struct bh_death){
		.pid = si->si_pid,
		.status = wait_status(si),
		.time_ns = now_ns(),
	};
	bh_st_rel(&b->deaths_tail, tail + 1);
	if (write(g->death_eventfd, &one, sizeof(one)) < 0)
		return; /* the counter is full: it rings already */
}

/* Reaps all that are dead. True if some may have to wait because the ring is
 * full: then only the kernel is looked for, for it is what empties the ring. */
static bool reap(struct guardian *g)
{
	siginfo_t si;

	while (!g->done) {
		bool full = ring_full(g);

		si.si_pid = 0;
		if (waitid(full ? P_PID : P_ALL, full ? (id_t)g->kernel : 0, &si,
			   WEXITED | WNOHANG | __WALL) ||
		    !si.si_pid)
			return full;
		if (si.si_pid == g->kernel)
			kernel_died(g, &si);
		else
			death_note(g, &si);
	}
	return false;
}

/* -- the end ----------------------------------------------------------------- */

/* Kills @pid if it is a child of ours, dead or alive. As nobody else reaps, it
 * cannot become somebody else in between. */
static void child_kill(pid_t pid)
{
	siginfo_t si;

	if (pid > 0 && !waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT | __WALL))
		kill(pid, SIGKILL);
}

/* Kills what /proc lists as children, or the first few hundred of them: the next
 * look finds the others. */
static void kill_listed(void)
{
	char path[64], text[4096], *at, *end;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return;
	text[len] = 0;
	for (at = text;; at = end) {
		long pid = strtol(at, &end, 10);

		/* One that does not end in a space may have been cut off. */
		if (end == at || *end != ' ')
			return;
		child_kill((pid_t)pid);
	}
}

/* Kills and reaps until no child is left, or for BH_GUARDIAN_REAP_MS: somebody
 * may hang in the system for good. A zygote may be forking while it is killed, and
 * orphans turn up as their parents die: so it looks again and again. */
static void end_all(struct guardian *g)
{
	int64_t end = now_ns() + BH_MS(BH_GUARDIAN_REAP_MS);
	siginfo_t si;

	while (now_ns() < end) {
		/* /proc may not be there; the table knows no orphans. */
		kill_listed();
		for (int i = 0; i < BH_BOARD_PROCS; i++)
			child_kill(g->board->procs[i].pid);
		do {
			si.si_pid = 0;
			if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | __WALL))
				return; /* ECHILD: all are gone */
		} while (si.si_pid);
		signal_wait(g, REAP_AGAIN_MS);
	}
	say("some processes could not be killed and are left behind");
}

int bh_guardian_run(struct bh_board *board, int death_eventfd, int (*kernel_main)(void *),
		    void *arg)
{
	struct guardian g = {
		.board = board,
		.death_eventfd = death_eventfd,
		.kernel_main = kernel_main,
		.arg = arg,
	};
	bool full = false;
	int err;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signals_prepare(&g);
	if ((err = kernel_start(&g)))
		give_up(&g, no_kernel(err));
	while (!g.done) {
		int sig = signal_wait(&g, full ? RING_FULL_MS : -1);

		/* First, so that the kernel the signal goes to is one that lives. */
		full = reap(&g);
		if (sig && sig != SIGCHLD && !g.done)
			signal_forward(&g, sig);
	}
	end_all(&g);
	return g.code;
}
