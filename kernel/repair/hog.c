/* SPDX-License-Identifier: MIT */
/*
 * hog.c: what is done about a worker that does not turn (stall.c), by the plan: a
 * task beyond its limit in one poll is a hog, counted and reported, with where it
 * is; a worker that hangs for whatever reason is reported; either may be ended.
 *
 * Where it is, the worker says itself: asked by SIGURG, its handler sets down
 * registers and return addresses in its slot (workers/crash/crash.c). Only one that runs
 * is asked: a signal would end another's system call early.
 *
 * That a worker was ended for this, and in which task, stands on the board before
 * the kill: a successor of this kernel tells the joiner the same.
 */
#include "kernel/repair/hog.h"

#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/procfs.h"
#include "kernel/base/text.h"
#include "kernel/process/table.h"

enum {
	ANSWER_MS = 50, /* for the handler to run */
	FRAMES = 16,
};

static const char *state_text(char state)
{
	if (bh_procfs_stopped(state))
		return "stopped by a signal";
	return state == 'D' ? "blocked in the kernel" :
	       state == 'S' ? "waiting in a system call" :
			      "running";
}

/* The task that the worker holds; NULL: none. */
static struct bh_tcb *held_task(const struct bh_ksvc *s, uint32_t slot, uint64_t *handle)
{
	struct bh_tcb *t = bh_tcb_of(&s->v, *handle = bh_ld_rlx(&s->v.workers[slot].current));
	uint64_t w = t ? bh_ld_acq(&t->state) : 0;

	return bh_state_of(w) == BH_RUNNING && bh_state_worker(w) == slot ? t : NULL;
}

static void end_worker(struct bh_ksvc *s, uint32_t slot, const char *why)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_worker_proc(s, slot);
	struct bh_proc *p = bh_proc_at(k, idx);
	uint64_t handle;

	p->hung_task = held_task(s, slot, &handle) ? handle : 0;
	bh_compiler_barrier();
	p->hung = 1;
	bh_log("service %s: worker %u (pid %d) is ended: %s", s->plan->name, slot, p->pid, why);
	bh_proc_kill(k, idx);
}

static void report(struct bh_ksvc *s, uint32_t slot, const struct bh_kstall *st)
{
	struct bh_proc *p = bh_proc_at(s->kernel, bh_worker_proc(s, slot));
	uint64_t handle;
	struct bh_tcb *t = held_task(s, slot, &handle);
	char name[40] = "none";

	if (t)
		bh_type_name(s, t->type % BH_TYPES, name);
	bh_log("service %s: worker %u (pid %d) has not turned for %lld ms: %s; its task: %s",
	       s->plan->name, slot, p->pid, (long long)(st->stalled_ns / BH_NS_PER_MS),
	       state_text(st->state), name);
}

/* Asks the worker where it is; false: it does not run. */
static bool ask_where(struct bh_ksvc *s, uint32_t slot)
{
	struct bh_proc *p = bh_proc_at(s->kernel, bh_worker_proc(s, slot));

	bh_st_rel(&s->v.workers[slot].glance.valid, 0);
	return bh_procfs_state(p->pid) == 'R' && p->pidfd >= 0 &&
	       !syscall(SYS_pidfd_send_signal, p->pidfd, SIGURG, NULL, 0);
}

/* " at 0x..., called from 0x... 0x..."; "" if it has not said. */
static void where_text(const struct bh_ksvc *s, uint32_t slot, char *out, size_t size)
{
	struct bh_last_words w = s->v.workers[slot].glance;
	uint32_t n = w.n_frames < FRAMES ? w.n_frames : FRAMES;
	size_t at;

	out[0] = '\0';
	if (bh_ld_acq(&w.valid) != bh_proc_at(s->kernel, bh_worker_proc(s, slot))->epoch + 1)
		return;
	at = (size_t)snprintf(out, size, " at 0x%llx%s", (unsigned long long)w.ip,
			      n ? ", called from" : "");
	for (uint32_t i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, " 0x%llx",
				       (unsigned long long)w.frames[i]);
}

static void hog(struct bh_ksvc *s, uint32_t slot, struct bh_kstall *st, const struct bh_tcb *t,
		uint32_t limit_ms)
{
	struct bh_kernel *k = s->kernel;
	char name[40], where[340];

	if (!st->hog) {
		st->hog = true;
		s->board->worker_hogs[slot]++;
		st->hog_ns = ask_where(s, slot) ? k->now_ns : 0;
		return;
	}
	where_text(s, slot, where, sizeof(where));
	if (st->hog_told || (!where[0] && k->now_ns - st->hog_ns < ANSWER_MS * BH_NS_PER_MS))
		return;
	st->hog_told = true;
	bh_type_name(s, t->type % BH_TYPES, name);
	bh_log("service %s: task %s hogs worker %u: in one poll for %lld ms, and its limit is %u "
	       "ms%s",
	       s->plan->name, name, slot, (long long)(st->stalled_ns / BH_NS_PER_MS), limit_ms,
	       where);
	if (s->plan->hog_action == BH_HOG_KILL)
		end_worker(s, slot, "its task is beyond its limit");
}

void bh_hog_look(struct bh_ksvc *s, uint32_t slot, struct bh_kstall *st)
{
	const struct bh_plan_service *plan = s->plan;
	int64_t ms = st->stalled_ns / BH_NS_PER_MS;
	uint64_t handle;
	struct bh_tcb *t = held_task(s, slot, &handle);
	uint32_t limit = !t ? 0 : t->hog ? bh_hog_ms(t->hog) : plan->hog_after_ms;

	if (s->kernel->proc[bh_worker_proc(s, slot)].killed)
		return;
	if (limit && ms >= limit && !bh_procfs_stopped(st->state))
		hog(s, slot, st, t, limit);
	if (plan->hang_report_ms && ms >= plan->hang_report_ms && !st->told) {
		st->told = true;
		report(s, slot, st);
	}
	if (plan->hang_kill_ms && ms >= plan->hang_kill_ms)
		end_worker(s, slot, "it has not turned for so long");
}
