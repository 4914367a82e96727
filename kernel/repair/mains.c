/* SPDX-License-Identifier: MIT */
/*
 * mains.c: the first task of each service: what its end means to the system, and what a
 * crash of it means to the service.
 *
 * What main returned stands in the arena (workers/task/main_task.c). It is taken to the board
 * once, when its task has ended, and what a worker writes there later is nobody's concern.
 *
 * A main that crashes starts again: its worker is replaced at once, as after any crash, and
 * main alone waits, as long as `restart` says. More crashes than `restart.intensity` within
 * the period are a failure of the service.
 */
#include "kernel/repair/mains.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/text.h"
#include "kernel/failure/backoff.h"
#include "kernel/failure/failures.h"
#include "kernel/process/services.h"
#include "kernel/service/reset.h"

enum {
	EXIT_LARGEST = 99, /* from 100 on codes have a meaning: 100, 101, 111 */
	EXIT_OTHER = 1,    /* a value that is no exit code */
};

/* -- crashes ---------------------------------------------------------------------------- */

/* A kill from outside hits a main that happens to run. */
static bool counts(const struct bh_crash_facts *f)
{
	int sig = bh_crash_signal(f);

	return f->oom || f->hung || (sig != SIGKILL && sig != SIGTERM && sig != SIGINT);
}

void bh_main_crashed(struct bh_ksvc *s, const struct bh_crash_facts *f, uint64_t crash)
{
	struct bh_kernel *k = s->kernel;
	const struct bh_plan_service *plan = s->plan;
	struct bh_board_failures *b = &s->board->main_crashes;
	int64_t pause;

	if (!counts(f))
		return;
	s->main_failed = bh_too_often(b, k->now_ns, plan->restart_intensity,
				      plan->restart_period_ms * BH_NS_PER_MS, crash);
	pause = bh_pause_ms(b->streak - 1, plan->backoff_min_ms, plan->backoff_max_ms);
	bh_st_rel(&s->v.a->main_after_ns, k->now_ns + pause * BH_NS_PER_MS);
	if (pause && !s->main_failed)
		bh_log("service %s: main has crashed %u times: it starts again in %lld ms",
		       plan->name, b->streak, (long long)pause);
}

void bh_main_judge(struct bh_ksvc *s)
{
	char why[120];

	if (!s->main_failed)
		return;
	s->main_failed = false;
	snprintf(why, sizeof(why), "its main crashed %u times within %u ms",
		 s->plan->restart_intensity + 1, s->plan->restart_period_ms);
	bh_service_reset(s, why);
}

/* -- its end ------------------------------------------------------------------------------ */

/* Hostile input: taken once, and a time that cannot be is the nearest that can. Told first,
 * for a successor that finds the board's word says nothing. */
static void ended(struct bh_ksvc *s)
{
	struct bh_board_service *b = s->board;
	int64_t at = bh_ld_acq(&s->v.a->main_returned_ns), now = s->kernel->now_ns;
	int64_t value = bh_ld_rlx(&s->v.a->main_value);

	if (!at) {
		bh_log("service %s: main was ended before it returned: no memory for its stack, "
		       "or somebody aborted it",
		       s->plan->name);
		value = -ECANCELED;
		at = now;
	} else if (value < 0) {
		bh_log("service %s: main returned %lld (%s)", s->plan->name, (long long)value,
		       bh_error_text(value));
	} else {
		bh_log("service %s: main returned %lld", s->plan->name, (long long)value);
	}
	b->main_value = value;
	b->main_ended_ns = at < b->start_ns ? b->start_ns : at > now ? now : at;
	bh_compiler_barrier();
	b->main_ended = 1;
}

void bh_mains_look(struct bh_kernel *k)
{
	bh_for_each_running_service(s, k)
		if (k->stop == BH_STOP_NOT && !s->board->main_ended &&
		    s->board->state == BH_PROC_UP && !bh_tcb_of(&s->v, BH_MAIN_TASK))
			ended(s);
}

uint32_t bh_mains_exit_code(const struct bh_kernel *k)
{
	const struct bh_board_service *first = NULL;

	for (uint32_t i = 0; i < k->plan->n_services; i++) {
		const struct bh_board_service *b = k->svc[i].board;

		if (b->main_ended && b->main_value &&
		    (!first || b->main_ended_ns < first->main_ended_ns))
			first = b;
	}
	if (!first)
		return 0;
	return first->main_value > 0 && first->main_value <= EXIT_LARGEST ?
		       (uint32_t)first->main_value :
		       EXIT_OTHER;
}
