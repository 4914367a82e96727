/* SPDX-License-Identifier: MIT */
/*
 * lifecycle.c: the system's end, and its arrival.
 *
 *   NOT ──asked──▶ GRACE ──no task left, or time──▶ LEAVE ──no worker left, or time──▶ KILL
 *
 *                                     KILL ──all dead──▶ LAST ──▶ done
 *                                (all but admind)      (admind)
 *
 * That the system is to end is a fact in k->stop and on the board as soon as it is asked for, or
 * fails (fail.c); what follows from it the phase does, once: k->carried is how far it has come.
 */
#include "kernel/system/lifecycle.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/base/out.h"
#include "ipc/protocol/token.h"
#include "ipc/repair/recover_token.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/procfs.h"
#include "kernel/base/watch.h"
#include "kernel/process/services.h"
#include "kernel/process/table.h"
#include "kernel/reactor/epoll.h"
#include "kernel/repair/audit.h"
#include "kernel/repair/mains.h"
#include "kernel/worker/resize.h"

enum {
	ONE_REQUEST_MS = 1000, /* signals that come within it are one */
	EARLY_MS = 1000,       /* so long all services are waited for, to be announced together */
	ADMIND_MS = 2000,      /* so long admind is waited for, from when the system started */
	LOOK_MS = 10,          /* while tasks are waited for */
	GO_MS = 1000,          /* for workers to write out what was printed, and go; */
	GO_LATE_MS = 50,       /* if the grace period is over: those that have nothing to do */
	DEATH_MS = 5000,       /* for the killed to be dead; the guardian sees to the rest */
	LEAVE_MS = 1000,       /* for admind to end by itself */
	/* Without a guardian: for what is under way, and for admind; the rest of a second is
	 * for a busy machine. */
	ORPHAN_MS = 500,
	ORPHAN_LEAVE_MS = 100,
};

/* -- start-up -------------------------------------------------------------------------- */

/* Once: where the service listens. */
static void announce(struct bh_ksvc *s)
{
	const struct bh_plan_service *plan = s->plan;
	uint32_t workers = s->board->workers_wanted;

	if (s->board->announced)
		return;
	for (uint32_t i = 0; i < plan->n_listen; i++)
		bh_outf(STDOUT_FILENO, "listening on %s (service %s, %u worker%s)\n",
			plan->listen[i].actual, plan->name, workers, workers == 1 ? "" : "s");
	s->board->announced = 1;
}

/* The others still start, and perhaps for long: who is up says so. */
static void announce_early(struct bh_kernel *k)
{
	if (k->now_ns - k->board->started_ns < EARLY_MS * BH_NS_PER_MS)
		return;
	bh_for_each_service(s, k)
		if (s->board->state == BH_PROC_UP)
			announce(s);
}

/* Nothing depends on admind: one that hangs is told of, and not waited for. */
static bool admind_up(struct bh_kernel *k)
{
	if (!k->plan->admin || bh_child_state(bh_child_at(k, BH_PROCS_ADMIND)) == BH_PROC_UP)
		return true;
	if (k->now_ns - k->board->started_ns < ADMIND_MS * BH_NS_PER_MS)
		return false;
	bh_log("the admin server has not answered within %d ms: the system runs without it; look "
	       "what its process does, or kill it, and there will be another one",
	       ADMIND_MS);
	return true;
}

static bool all_up(struct bh_kernel *k)
{
	bh_for_each_service(s, k)
		if (s->board->state != BH_PROC_UP)
			return false;
	return admind_up(k);
}

static void look_started(struct bh_kernel *k)
{
	if (bh_ld_acq(&k->board->system_state) != BH_SYSTEM_STARTING)
		return;
	if (!all_up(k)) {
		announce_early(k);
		return;
	}
	bh_outf(STDOUT_FILENO, "bulkhead %s: running\n", BH_VERSION);
	bh_for_each_service(s, k)
		announce(s);
	if (k->plan->admin)
		bh_outf(STDOUT_FILENO, "admin endpoint %s\n", k->plan->admin_url);
	bh_st_rel(&k->board->system_state, BH_SYSTEM_RUNNING);
}

void bh_phase_system(struct bh_kernel *k)
{
	uint32_t done = 0;

	if (!k->changed)
		return;
	k->changed = false;
	look_started(k);
	bh_mains_look(k);
	if (bh_ld_acq(&k->board->system_state) != BH_SYSTEM_RUNNING)
		return;
	bh_for_each_service(s, k) {
		if (!s->done && s->board->main_ended && s->board->state == BH_PROC_UP &&
		    bh_audit_done(s)) {
			s->done = true;
			bh_log("service %s is done: its main has returned and no task is left",
			       s->plan->name);
		}
		done += s->done;
	}
	if (done < k->plan->n_services || k->stop != BH_STOP_NOT)
		return;
	k->board->exit_code = bh_mains_exit_code(k);
	bh_stop(k, false);
}

/* -- the end ------------------------------------------------------------------------------ */

/* Of those that are to come in there are no more: whoever waits at an address now is
 * refused. While some wait there, no others are let in beside them. */
static void close_addresses(struct bh_kernel *k)
{
	bh_for_each_service(s, k) {
		for (uint32_t j = 0; j < s->plan->n_listen && j < BH_PLAN_LISTEN; j++) {
			struct pollfd p = { .fd = s->plan->listen[j].fd, .events = POLLIN };

			if (k->stop == BH_STOP_GRACE && poll(&p, 1, 0) == 1 && (p.revents & POLLIN))
				listen(p.fd, 0);
			else
				shutdown(p.fd, SHUT_RD);
		}
	}
}

/* It reaps, and it ends last: stopped (SIGSTOP, Ctrl-Z), it would keep the system from
 * ending. */
static void wake_guardian(struct bh_kernel *k)
{
	pid_t pid = k->board->guardian_pid;

	if (k->orphaned || !bh_procfs_stopped(bh_procfs_state(pid)))
		return;
	bh_log("the guardian (pid %d) was stopped by a signal: it is continued, for the system "
	       "to end",
	       pid);
	kill(pid, SIGCONT);
}

static void begin(struct bh_kernel *k)
{
	k->stop = BH_STOP_GRACE;
	k->asked_ns = k->now_ns;
	k->stop_ns = k->now_ns + k->plan->grace_ms * BH_NS_PER_MS;
	bh_st_rel(&k->board->system_state, BH_SYSTEM_STOPPING);
	bh_wake_by(k, k->now_ns);
}

void bh_stop(struct bh_kernel *k, bool now)
{
	if (k->stop == BH_STOP_NOT) {
		bh_log(now ? "stopping now" : "stopping: requests under way have %u ms",
		       k->plan->grace_ms);
		begin(k);
	}
	if (now && k->stop < BH_STOP_KILL)
		k->stop = BH_STOP_KILL;
	bh_wake_by(k, k->now_ns);
}

void bh_stop_signalled(struct bh_kernel *k)
{
	if (k->stop == BH_STOP_NOT)
		bh_stop(k, false);
	else if (k->now_ns - k->asked_ns > ONE_REQUEST_MS * BH_NS_PER_MS)
		bh_stop(k, true);
}

void bh_stop_orphaned(struct bh_kernel *k)
{
	int64_t end = k->now_ns + ORPHAN_MS * BH_NS_PER_MS;

	if (k->orphaned)
		return;
	k->orphaned = true;
	k->exit_code = 111;
	bh_log("fatal: the guardian was killed: the system ends; requests under way have %d ms",
	       ORPHAN_MS);
	if (k->stop == BH_STOP_NOT)
		begin(k);
	if (k->stop_ns > end)
		k->stop_ns = end;
}

/* No task begins any more; a task that has something to finish is woken to look at the time. */
static void cancel_all(struct bh_kernel *k)
{
	bh_for_each_mapped_service(s, k) {
		bh_st_rel(&s->v.a->run_state, BH_RUN_STOPPING);
		bh_token_cancel_service(&s->v);
	}
	wake_guardian(k);
}

static bool grace_over(struct bh_kernel *k)
{
	bool tasks = false;

	if (k->now_ns >= k->stop_ns)
		return true;
	bh_for_each_running_service(s, k) {
		if (bh_service_loading(s))
			continue;
		/* Again and again: who looked at the time before it was up may have
		 * begun to wait after the last round. */
		bh_reactor_wake_all(s);
		bh_token_cancel_service(&s->v);
		tasks |= !bh_audit_all_ended(s);
	}
	return !tasks;
}

static void dismiss(struct bh_kernel *k)
{
	bool late = k->now_ns >= k->stop_ns;

	k->stop = BH_STOP_LEAVE;
	k->stop_ns = k->now_ns + (late || k->orphaned ? GO_LATE_MS : GO_MS) * BH_NS_PER_MS;
	close_addresses(k);
}

/* Asks again each time: one may have looked, and gone to sleep, while it was asked. */
static bool all_gone(struct bh_kernel *k)
{
	bool gone = true;

	bh_for_each_running_service(s, k) {
		bh_resize_dismiss(s);
		bh_for_each_slot(c, s)
			gone &= c->p->pid <= 0;
	}
	return gone;
}

/* All but admind: the end of the stop, or of a system that failed. */
static void kill_all(struct bh_kernel *k)
{
	k->stop_ns = k->now_ns + DEATH_MS * BH_NS_PER_MS;
	bh_for_each_child(c, k, BH_PROCS_TRACED) {
		if (c->p->pid > 0)
			bh_child_kill(c);
		else
			bh_st_rel(&c->p->state, BH_PROC_FREE);
	}
	bh_wake_by(k, k->now_ns);
}

static bool all_dead(struct bh_kernel *k, uint32_t from)
{
	bh_for_each_child(c, k, from)
		if (c->p->pid > 0)
			return false;
	return true;
}

/* Its socket's end tells admind that it is over; it has an answer to send. */
static void last(struct bh_kernel *k)
{
	struct bh_proc *p = bh_child_at(k, BH_PROCS_ADMIND)->p;
	int ctl = p->ctl;

	k->stop = BH_STOP_LAST;
	k->stop_ns = k->now_ns + (k->orphaned ? ORPHAN_LEAVE_MS : LEAVE_MS) * BH_NS_PER_MS;
	p->ctl = -1;
	bh_drop_fd(k, ctl);
}

void bh_phase_stop(struct bh_kernel *k)
{
	struct bh_child *admind = bh_child_at(k, BH_PROCS_ADMIND);

	if (k->stop != BH_STOP_NOT && k->carried == BH_STOP_NOT)
		cancel_all(k);
	if (k->stop == BH_STOP_GRACE)
		close_addresses(k);
	if (k->stop == BH_STOP_GRACE && grace_over(k))
		dismiss(k);
	if (k->stop == BH_STOP_LEAVE && (all_gone(k) || k->now_ns >= k->stop_ns))
		k->stop = BH_STOP_KILL;
	if (k->stop == BH_STOP_KILL && k->carried < BH_STOP_KILL)
		kill_all(k);
	if (k->stop == BH_STOP_KILL && (all_dead(k, BH_PROCS_TRACED) || k->now_ns >= k->stop_ns))
		last(k);
	if (k->stop == BH_STOP_LAST && k->now_ns >= k->stop_ns && admind->p->pid > 0 &&
	    !admind->life.killed) {
		bh_child_kill(admind);
		k->stop_ns = k->now_ns + LEAVE_MS * BH_NS_PER_MS;
	}
	if (k->stop == BH_STOP_LAST && (admind->p->pid <= 0 || k->now_ns >= k->stop_ns)) {
		wake_guardian(k);
		k->done = true;
	}
	k->carried = k->stop;
	if (k->stop != BH_STOP_NOT)
		bh_wake_by(k, k->now_ns + LOOK_MS * BH_NS_PER_MS);
}
