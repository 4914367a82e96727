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
static struct bh_tcb *held_task(const struct bh_child *c, uint64_t *handle)
{
	const struct bh_view *v = &c->s->v;
	struct bh_tcb *t = bh_tcb_of(v, *handle = bh_ld_rlx(&v->workers[c->slot].current));
	uint64_t w = t ? bh_ld_acq(&t->state) : 0;

	return bh_state_of(w) == BH_RUNNING && bh_state_worker(w) == c->slot ? t : NULL;
}

static void end_worker(struct bh_child *c, const char *why)
{
	uint64_t handle;

	c->p->hung_task = held_task(c, &handle) ? handle : 0;
	bh_compiler_barrier();
	c->p->hung = 1;
	bh_log("service %s: worker %u (pid %d) is ended: %s", c->s->plan->name, c->slot, c->p->pid,
	       why);
	bh_child_kill(c);
}

static void report(const struct bh_child *c)
{
	const struct bh_kstall *st = &c->life.stall;
	uint64_t handle;
	struct bh_tcb *t = held_task(c, &handle);
	char name[40] = "none";

	if (t)
		bh_type_name(c->s, t->type % BH_TYPES, name);
	bh_log("service %s: worker %u (pid %d) has not turned for %lld ms: %s; its task: %s",
	       c->s->plan->name, c->slot, c->p->pid, (long long)(st->stalled_ns / BH_NS_PER_MS),
	       state_text(st->state), name);
}

/* Asks the worker where it is; false: it does not run. */
static bool ask_where(struct bh_child *c)
{
	bh_st_rel(&c->s->v.workers[c->slot].sample.valid, 0);
	return bh_procfs_state(c->p->pid) == 'R' && c->p->pidfd >= 0 &&
	       !syscall(SYS_pidfd_send_signal, c->p->pidfd, SIGURG, NULL, 0);
}

/* " at 0x..., called from 0x... 0x..."; "" if it has not said. */
static void where_text(const struct bh_child *c, char *out, size_t size)
{
	struct bh_last_words w = c->s->v.workers[c->slot].sample;
	uint32_t n = w.n_frames < FRAMES ? w.n_frames : FRAMES;
	size_t at;

	out[0] = '\0';
	if (bh_ld_acq(&w.valid) != c->p->epoch + 1)
		return;
	at = (size_t)snprintf(out, size, " at 0x%llx%s", (unsigned long long)w.ip,
			      n ? ", called from" : "");
	for (uint32_t i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, " 0x%llx",
				       (unsigned long long)w.frames[i]);
}

static void hog(struct bh_child *c, const struct bh_tcb *t, uint32_t limit_ms)
{
	struct bh_kstall *st = &c->life.stall;
	struct bh_ksvc *s = c->s;
	int64_t now = c->k->now_ns;
	char name[40], where[340];

	if (!st->hog) {
		st->hog = true;
		s->board->worker_hogs[c->slot]++;
		st->hog_ns = ask_where(c) ? now : 0;
		return;
	}
	where_text(c, where, sizeof(where));
	if (st->hog_told || (!where[0] && now - st->hog_ns < ANSWER_MS * BH_NS_PER_MS))
		return;
	st->hog_told = true;
	bh_type_name(s, t->type % BH_TYPES, name);
	bh_log("service %s: task %s hogs worker %u: in one poll for %lld ms, and its limit is %u "
	       "ms%s",
	       s->plan->name, name, c->slot, (long long)(st->stalled_ns / BH_NS_PER_MS), limit_ms,
	       where);
	if (s->plan->hog_action == BH_HOG_KILL)
		end_worker(c, "its task is beyond its limit");
}

void bh_hog_look(struct bh_child *c)
{
	const struct bh_plan_service *plan = c->s->plan;
	struct bh_kstall *st = &c->life.stall;
	int64_t ms = st->stalled_ns / BH_NS_PER_MS;
	uint64_t handle;
	struct bh_tcb *t = held_task(c, &handle);
	uint32_t limit = !t ? 0 : t->hog ? bh_hog_ms(t->hog) : plan->hog_after_ms;

	if (c->life.killed)
		return;
	if (limit && ms >= limit && !bh_procfs_stopped(st->state))
		hog(c, t, limit);
	if (plan->hang_report_ms && ms >= plan->hang_report_ms && !st->told) {
		st->told = true;
		report(c);
	}
	if (plan->hang_kill_ms && ms >= plan->hang_kill_ms)
		end_worker(c, "it has not turned for so long");
}
