/* SPDX-License-Identifier: MIT */
/*
 * reset.c: when a service cannot be saved: all of it is ended, and it starts
 * anew with a new arena. Its listening sockets are the kernel's and stay open.
 *
 * DEAD on the board says that a reset is under way: stored as soon as it is found that there
 * must be one, for all services that it takes along. What follows from it the phase `resets`
 * does, later in the same turn. Nothing of the old arena is taken down before all that may
 * write to it are dead for certain.
 */
#include "kernel/service/reset.h"

#include <stdio.h>

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/watch.h"
#include "kernel/failure/backoff.h"
#include "kernel/failure/fail.h"
#include "kernel/failure/failures.h"
#include "kernel/process/services.h"
#include "kernel/process/table.h"
#include "kernel/service/slot.h"

enum {
	START_PAUSE_MIN_MS = 100, /* after a failed start, whatever restart.backoff_min says */
};

/* A worker that the zygote was asked for and that nobody has seen: either it
 * loses its slot now, or it has taken it and is known from there. */
static void end_worker(struct bh_child *c)
{
	if (c->p->pid == 0 && bh_child_state(c) == BH_PROC_STARTING && c->s->mapped)
		bh_slot_bump(c);
	if (c->p->pid > 0)
		bh_child_kill(c);
	else
		bh_st_rel(&c->p->state, BH_PROC_FREE);
}

/* A successor of who is killed in here does it all again. */
static void end_all(struct bh_ksvc *s)
{
	for (struct bh_child *c = bh_child_at(s->kernel, s->procs); c < bh_slot_child(s, 0); c++) {
		if (c->p->pid > 0) {
			bh_child_kill(c);
		} else {
			bh_child_forget(c);
			bh_st_rel(&c->p->state, BH_PROC_FREE);
		}
	}
	bh_for_each_slot(c, s)
		end_worker(c);
}

void bh_service_end(struct bh_ksvc *s)
{
	if (s->board->state == BH_PROC_UP)
		s->board->since_ns = s->kernel->now_ns;
	s->ended = false;
	s->board->state = BH_PROC_DEAD;
	bh_wake_by(s->kernel, s->kernel->now_ns);
}

/* OTP's strategies: who else is reset when @s is. */
static void reset_others(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	uint32_t from = k->plan->strategy == BH_ONE_FOR_ALL ? 0 : s->id + 1;
	char why[80];

	if (k->plan->strategy == BH_ONE_FOR_ONE)
		return;
	snprintf(why, sizeof(why), "service %s was reset", s->plan->name);
	for (uint32_t i = from; i < k->plan->n_services; i++) {
		struct bh_ksvc *o = &k->svc[i];

		if (o == s || bh_service_resetting(o) || o->board->state == BH_PROC_FREE ||
		    bh_service_loading(o))
			continue;
		bh_log("service %s is reset too: %s", o->plan->name, why);
		snprintf(o->board->last_reset, sizeof(o->board->last_reset), "%s", why);
		o->board->resets++;
		bh_service_end(o);
	}
}

void bh_service_reset(struct bh_ksvc *s, const char *why)
{
	struct bh_kernel *k = s->kernel;

	if (bh_service_ending(s))
		return;
	if (bh_too_often(&s->board->failed, k->now_ns, s->plan->restart_intensity,
			 s->plan->restart_period_ms * BH_NS_PER_MS, 0)) {
		bh_fail(k, "service %s failed %u times within %u ms; the last time: %s",
			s->plan->name, s->plan->restart_intensity + 1, s->plan->restart_period_ms,
			why);
		return;
	}
	bh_log("service %s is reset: %s", s->plan->name, why);
	snprintf(s->board->last_reset, sizeof(s->board->last_reset), "%s", why);
	s->board->resets++;
	bh_compiler_barrier();
	bh_service_end(s);
	reset_others(s);
}

/* After a reset at once, or by how many there were in a row; after failed starts always a
 * pause: what is missing is not there sooner for being looked for more often. */
static void start_later(struct bh_ksvc *s)
{
	const struct bh_plan_service *plan = s->plan;
	uint32_t failed = s->board->start_failures, streak = s->board->failed.streak;
	uint32_t min = plan->backoff_min_ms, max = plan->backoff_max_ms;

	if (failed && min < START_PAUSE_MIN_MS)
		min = START_PAUSE_MIN_MS;
	bh_restart_later(bh_child_at(s->kernel, s->procs),
			 failed ? failed :
			 streak ? streak - 1 :
				  0,
			 min, max > min ? max : min);
}

/* A new kernel begins with the first step again. */
static void go_on(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;

	if (!s->ended)
		end_all(s);
	s->ended = true;
	if (k->stop != BH_STOP_NOT)
		return;
	bh_for_each_of_service(c, s)
		if (c->p->pid > 0)
			return;
	bh_child_at(k, s->procs)->p->kind = BH_PROC_ZYGOTE;
	bh_child_at(k, s->procs + 1)->p->kind = BH_PROC_TWIN;
	s->board->state = BH_PROC_BACKOFF;
	start_later(s);
}

void bh_phase_resets(struct bh_kernel *k)
{
	bh_for_each_service(s, k)
		if (s->board->state == BH_PROC_DEAD && k->stop < BH_STOP_KILL)
			go_on(s);
}
