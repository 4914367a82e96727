/* SPDX-License-Identifier: MIT */
/* loop.c: see loop.h for the phases. */
#include "kernel/system/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "ipc/base/out.h"
#include "ipc/base/refused.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/oom.h"
#include "kernel/base/watch.h"
#include "kernel/process/request.h"
#include "kernel/process/services.h"
#include "kernel/reactor/epoll.h"
#include "kernel/reactor/events.h"
#include "kernel/reactor/listeners.h"
#include "kernel/reactor/timers.h"
#include "kernel/repair/audit.h"
#include "kernel/repair/quarantine.h"
#include "kernel/repair/stall.h"
#include "kernel/repair/verify.h"
#include "kernel/service/hold.h"
#include "kernel/service/reset.h"
#include "kernel/service/shortage.h"
#include "kernel/service/start.h"
#include "kernel/service/trim.h"
#include "kernel/system/attach.h"
#include "kernel/system/deaths.h"
#include "kernel/system/kinds.h"
#include "kernel/system/lifecycle.h"
#include "kernel/system/messages.h"
#include "kernel/system/restarts.h"
#include "kernel/system/servers.h"
#include "kernel/worker/pool.h"
#include "kernel/worker/worker.h"

enum {
	EVENTS = 64,
	HOUSEKEEPING_MS = 1000,
};

/* Only notes what the phases should look at: an event may be about something that
 * is gone by the time its phase comes, and each phase looks for itself. */
static void note(struct bh_kernel *k, uint64_t data)
{
	uint32_t index = (uint32_t)data;

	switch ((enum bh_source)(data >> 32)) {
	case BH_SRC_SIGNAL:
		k->signalled = true;
		break;
	case BH_SRC_DEATHS:
		k->deaths = true;
		break;
	case BH_SRC_PIDFD:
		k->child[index].life.gone = true;
		break;
	case BH_SRC_CTL:
		k->child[index].life.ctl_ready = true;
		break;
	case BH_SRC_DOORBELL:
		k->svc[index].bell = true;
		break;
	case BH_SRC_REACTOR:
		bh_reactor_note(k, index);
		break;
	}
}

/* -- phase: wait ----------------------------------------------------------------------- */

/* 0: the kernel is awake and looks by itself. */
static void announce_sleep(struct bh_kernel *k, int64_t until_ns)
{
	bh_for_each_mapped_service(s, k)
		bh_timers_sleep(s, until_ns);
}

/* The other half of the workers' "post, fence, look whether the kernel sleeps". */
static bool posted_meanwhile(struct bh_kernel *k)
{
	bh_fence();
	bh_for_each_mapped_service(s, k)
		if (bh_timers_posted(s))
			return true;
	return false;
}

/* Linux 5.10 does not have epoll_pwait2(), and older filters do not know it: ppoll() waits
 * as exactly, with one system call more. */
static int wait_for_events(struct bh_kernel *k, struct epoll_event *events,
			   const struct timespec *timeout)
{
	struct pollfd any = { .fd = k->epfd, .events = POLLIN };

	if (!k->no_pwait2) {
		int n = epoll_pwait2(k->epfd, events, EVENTS, timeout, NULL);
		k->no_pwait2 = n < 0 && bh_refused(errno);
		if (!k->no_pwait2)
			return n;
	}
	int ready = ppoll(&any, 1, timeout, NULL);
	return ready > 0 ? epoll_wait(k->epfd, events, EVENTS, 0) : ready;
}

/* A kernel that cannot wait hears of nobody's death, not even the guardian's: it ends, and
 * the guardian, if there is one, ends the system. */
static void cannot_wait(struct bh_kernel *k, int err)
{
	bh_log("fatal: the kernel cannot wait for events: %s: the system ends", strerror(err));
	k->exit_code = 111;
	k->done = true;
}

static void phase_wait(struct bh_kernel *k)
{
	struct epoll_event events[EVENTS];
	int64_t left = k->wake_ns - bh_clock_ns();

	if (left > 0) {
		announce_sleep(k, k->wake_ns);
		if (posted_meanwhile(k))
			left = 0;
	}
	left = left > 0 ? left : 0;
	struct timespec timeout = { .tv_sec = left / BH_NS_PER_S, .tv_nsec = left % BH_NS_PER_S };
	int n = wait_for_events(k, events, &timeout);
	if (n < 0 && errno != EINTR)
		cannot_wait(k, errno);
	announce_sleep(k, 0);
	k->now_ns = bh_clock_ns();
	k->wake_ns = k->now_ns + HOUSEKEEPING_MS * BH_NS_PER_MS;
	for (int i = 0; i < n; i++)
		note(k, events[i].data.u64);
}

/* -- phase: signals ------------------------------------------------------------------------ */

static bool orphaned(const struct bh_kernel *k)
{
	return getppid() != k->board->guardian_pid;
}

static void phase_signals(struct bh_kernel *k)
{
	struct signalfd_siginfo info;

	if (!k->signalled)
		return;
	k->signalled = false;
	while (read(k->sigfd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (orphaned(k))
			bh_stop_orphaned(k);
		else if (info.ssi_signo == SIGHUP)
			bh_log("SIGHUP is ignored: the configuration is read at the start alone");
		else
			bh_stop_signalled(k);
	}
}

static void housekeeping(struct bh_kernel *k)
{
	if (k->now_ns < k->next_look_ns)
		return;
	k->next_look_ns = k->now_ns + HOUSEKEEPING_MS * BH_NS_PER_MS;
	bh_oom_look(k);
	bh_quarantine_look(k);
	bh_for_each_running_service(s, k)
		bh_stall_look_blocking(s);
	bh_shortage_look(k);
	bh_system_changed(k);
}

/* -- a kernel's life --------------------------------------------------------------------------- */

static int open_sources(struct bh_kernel *k)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	k->epfd = epoll_create1(EPOLL_CLOEXEC);
	k->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (k->epfd < 0 || k->sigfd < 0)
		return -errno;
	err = bh_watch(k, k->sigfd, BH_SRC_SIGNAL, 0);
	if (!err)
		err = bh_watch(k, k->death_fd, BH_SRC_DEATHS, 0);
	return err;
}

static void run(struct bh_kernel *k)
{
	while (!k->done) {
		phase_wait(k);
		phase_signals(k);
		bh_phase_deaths(k);
		bh_phase_control(k);
		bh_phase_workers(k);
		bh_phase_starts(k);
		bh_phase_listeners(k);
		bh_phase_reactor(k);
		bh_phase_timers(k);
		bh_phase_hold(k);
		bh_phase_verify(k);
		bh_phase_stalls(k);
		bh_phase_trim(k);
		bh_phase_audit(k);
		bh_phase_record(k);
		bh_phase_restarts(k);
		bh_phase_resets(k);
		bh_phase_blocking(k);
		bh_phase_servers(k);
		housekeeping(k);
		bh_phase_system(k);
		bh_phase_stop(k);
		k->board->turns++;
	}
}

int bh_kernel_main(void *arg)
{
	const struct bh_boot *boot = arg;
	struct bh_kernel *k = calloc(1, sizeof(*k));
	int err = k ? 0 : -ENOMEM;

	prctl(PR_SET_NAME, "bulkhead-kernel");
	prctl(PR_SET_PDEATHSIG, SIGHUP);
	/* Out of the terminal's sight: its signals are the guardian's to forward. And out of
	 * reach of what tasks send to their process group. */
	if (!err && setsid() < 0)
		err = -errno;
	if (!err) {
		k->plan = boot->plan;
		k->kinds = bh_kinds;
		k->images = &boot->images;
		k->board = boot->board;
		k->board_fd = boot->board_fd;
		k->death_fd = boot->death_fd;
		k->lifeline = boot->lifeline;
		k->lifeline_end = boot->lifeline_end;
		k->now_ns = bh_clock_ns();
		k->wake_ns = k->now_ns;
		err = open_sources(k);
	}
	if (err) {
		bh_outf(STDERR_FILENO, "bulkhead: the kernel cannot start: %s\n", strerror(-err));
		free(k);
		return 111;
	}
	if (orphaned(k)) {
		free(k);
		return 111;
	}
	/* Twice: what has been counted so far is nobody's of ours. */
	bh_oom_look(k);
	bh_oom_look(k);
	bh_kernel_attach(k);
	run(k);
	return k->exit_code;
}
