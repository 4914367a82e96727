/* SPDX-License-Identifier: MIT */
/*
 * start.c: how long a service may take to start, and what becomes of a start that fails.
 *
 * A service starts until all its workers are up. Until its zygote has run init() there is
 * nothing in it to be looked after: no audit, no reset that another service's failure
 * brings along. Only its time is limited (`start.timeout`).
 *
 * A failed start is no failure by `restart`: it says nothing of the other services, and
 * what is missing (a module that is being installed, memory) may come back. So this service
 * alone is down, and tried again for ever, with pauses that grow. But the first start of
 * all is a matter of the configuration: there a failure ends the system.
 */
#include "kernel/service/start.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/text.h"
#include "kernel/base/watch.h"
#include "kernel/failure/fail.h"
#include "kernel/process/services.h"
#include "kernel/process/table.h"
#include "kernel/service/reset.h"

enum {
	TELL_S = 5,         /* how often a slow start is told of, */
	TELL_LONG_S = 60,   /* and how often later */
	TELL_LATER_S = 120, /* which is then */
};

/* Of failures in a row: the first ones, and then fewer and fewer. */
static bool worth_telling(uint32_t n)
{
	return !(n & (n - 1));
}

void bh_start_failed(struct bh_ksvc *s, const char *why)
{
	struct bh_kernel *k = s->kernel;
	struct bh_board_service *b = s->board;
	bool news = strncmp(why, b->start_error, sizeof(b->start_error) - 1) != 0;

	if (k->stop >= BH_STOP_KILL)
		return;
	if (!b->came_up && bh_ld_acq(&k->board->system_state) == BH_SYSTEM_STARTING) {
		bh_fail(k, "service %s cannot start: %s", s->plan->name, why);
		return;
	}
	snprintf(b->start_error, sizeof(b->start_error), "%s", why);
	b->start_failures += b->start_failures < UINT32_MAX;
	bh_compiler_barrier();
	bh_service_end(s);
	if (k->stop == BH_STOP_NOT && (news || worth_telling(b->start_failures)))
		bh_log("service %s cannot start again: %s; it is down, and is tried again (failed "
		       "start %u)",
		       s->plan->name, why, b->start_failures);
}

/* -- worker_init() -------------------------------------------------------------------- */

bool bh_start_in_init(const struct bh_child *c)
{
	return bh_ld_acq(&c->s->v.workers[c->slot].initing) == c->p->epoch + 1;
}

void bh_start_init_text(const struct bh_child *c, const struct bh_crash_facts *f,
			char out[static 160])
{
	int32_t err = bh_ld_rlx(&c->s->v.workers[c->slot].init_error);
	char who[40], how[40];

	out[0] = '\0';
	if (!bh_start_in_init(c))
		return;
	snprintf(who, sizeof(who), "%s %u", bh_child_is_worker(c) ? "worker" : "blocking process",
		 bh_child_number(c));
	if (err)
		snprintf(out, 160, "worker_init() failed in %s: %d (%s)", who, err,
			 bh_error_text(err));
	else
		snprintf(out, 160, "%s %s in worker_init()", who,
			 bh_death_text(f->status_known ? f->status : bh_crash_signal(f), how));
}

/* A kill from outside says nothing of the service. */
void bh_start_init_judge(struct bh_ksvc *s, const struct bh_crash_facts *f, const char *text)
{
	if (!text[0] || bh_service_resetting(s))
		return;
	if (s->board->state == BH_PROC_STARTING && !s->were_up && bh_crash_signal(f) != SIGKILL)
		bh_start_failed(s, text);
	else
		bh_log("service %s: %s", s->plan->name, text);
}

/* -- its time ------------------------------------------------------------------------ */

static uint32_t up(const struct bh_ksvc *s)
{
	return (uint32_t)__builtin_popcountll(s->were_up);
}

/* What it is at, as far as its zygote says. */
static void tell(struct bh_ksvc *s, int64_t seconds)
{
	int32_t pid = bh_zygote_child(s, BH_PROC_ZYGOTE)->p->pid;

	if (!bh_service_loading(s))
		bh_log("service %s: %u of %u workers have come up after %lld s", s->plan->name,
		       up(s), s->board->workers_wanted, (long long)seconds);
	else if (bh_ld_acq(&s->v.a->start) == BH_START_LOADING)
		bh_log("service %s: its module has been loading for %lld s (pid %d)", s->plan->name,
		       (long long)seconds, pid);
	else
		bh_log("service %s: init() has run for %lld s (pid %d)", s->plan->name,
		       (long long)seconds, pid);
}

static void too_long(struct bh_ksvc *s)
{
	uint32_t limit = s->plan->start_timeout_ms;
	char why[sizeof(s->board->start_error)];

	if (!bh_service_loading(s))
		snprintf(why, sizeof(why), "no worker has come up within %u ms (start.timeout)",
			 limit);
	else if (bh_ld_acq(&s->v.a->start) == BH_START_LOADING)
		snprintf(why, sizeof(why),
			 "its module has not loaded within %u ms: raise start.timeout if it needs "
			 "longer",
			 limit);
	else
		snprintf(
			why, sizeof(why),
			"its init() has not returned within %u ms: raise start.timeout if it needs "
			"longer",
			limit);
	bh_start_failed(s, why);
}

static void look(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	int64_t age = k->now_ns - s->board->start_ns;
	int64_t limit = s->plan->start_timeout_ms * BH_NS_PER_MS;
	int64_t every = (age < TELL_LATER_S * BH_NS_PER_S ? TELL_S : TELL_LONG_S) * BH_NS_PER_S;

	if (age / every * every > s->start_told_ns) {
		s->start_told_ns = age / every * every;
		tell(s, s->start_told_ns / BH_NS_PER_S);
	}
	bh_wake_by(k, s->board->start_ns + (age / every + 1) * every);
	/* With some of its workers it serves, and the others are tried on. */
	if (!limit || s->were_up)
		return;
	if (age >= limit)
		too_long(s);
	else
		bh_wake_by(k, s->board->start_ns + limit);
}

void bh_phase_starts(struct bh_kernel *k)
{
	bh_for_each_running_service(s, k)
		if (s->board->state == BH_PROC_STARTING && k->stop == BH_STOP_NOT)
			look(s);
}
