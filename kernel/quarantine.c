/* SPDX-License-Identifier: MIT */
/*
 * quarantine.c: task types that crash too often are refused, and after a while one
 * of them is let through to show that it does not any more.
 *
 *   OPEN ──too many crashes──▶ QUARANTINED ──pause──▶ PROBATION ──spawned──▶ TRIAL
 *    ▲                              ▲ (twice as long)                        │  │
 *    │                              └────────────── any crash ───────────────┘  │
 *    └──────────────────────────────────── ended well ──────────────────────────┘
 *
 * The history it goes by is the crash records on the board, and the rest stands in
 * the type's entry in the arena: a new kernel judges as its predecessor would have.
 * A worker that writes there fools its own service alone.
 */
#include "kernel.h"

#include <signal.h>
#include <string.h>

enum {
	PAUSE_MAX_MS = 3600 * 1000, /* unless the period is longer */
};

/* @list: names, '\n' between them. */
static bool listed(const char *list, size_t size, const char *name)
{
	size_t len = strlen(name);
	const char *end = list + strnlen(list, size);

	for (const char *at = list; at < end;) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((nl ? nl : end) - at);

		if (n == len && !memcmp(at, name, len))
			return true;
		at += n + 1;
	}
	return false;
}

/* SIGKILL and its like come from outside, and hit whoever happens to run; but for
 * want of memory it hits who took it. */
static bool own_fault(int sig)
{
	switch (sig) {
	case 0: /* it called exit() */
	case SIGSEGV:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGABRT:
	case SIGTRAP:
	case SIGSYS:
		return true;
	default:
		return false;
	}
}

/* Those before the one at hand, of which there may be a record already. */
static uint32_t recent(const struct bh_ksvc *s, const struct bh_crash_facts *f, int64_t since_ns)
{
	const struct bh_board *b = s->kernel->board;
	uint32_t n = 0;

	for (uint32_t i = 0; i < BH_BOARD_CRASHES; i++) {
		const struct bh_board_crash *c = &b->crash[i];

		n += c->id && c->id != f->recorded && c->service == s->id && c->task &&
		     c->task_type == f->type && c->time_ns >= since_ns &&
		     (c->oom || own_fault(c->signal));
	}
	return n;
}

/* How long nobody is let through: the period in which crashes count, and twice as
 * long after each trial that failed. */
static int64_t pause_ms(const struct bh_plan_service *plan, uint32_t rounds)
{
	int64_t first = plan->crash_period_ms, most = first > PAUSE_MAX_MS ? first : PAUSE_MAX_MS;
	int64_t pause = first << (rounds < 20 ? rounds : 20);

	return pause < most ? pause : most;
}

/* Commit: the store of the state. */
static void shut(struct bh_ksvc *s, struct bh_type *t, const char *name)
{
	uint32_t rounds = bh_ld_rlx(&t->rounds);
	int64_t pause = pause_ms(s->plan, rounds);

	bh_st_rlx(&t->rounds, rounds + 1);
	bh_st_rlx(&t->until_ns, s->kernel->now_ns + pause * BH_NS_PER_MS);
	bh_st_rel(&t->quarantine, BH_TYPE_QUARANTINED);
	if (rounds)
		bh_log("service %s: task type %s crashed on probation: it stays quarantined for "
		       "%lld s",
		       s->plan->name, name, (long long)(pause / 1000));
	else
		bh_log("service %s: task type %s crashed more than %u times within %u ms: it is "
		       "quarantined for %lld s",
		       s->plan->name, name, s->plan->crash_intensity, s->plan->crash_period_ms,
		       (long long)(pause / 1000));
}

/* Commit: the store of the state. @trial: who is on trial; 0: who is spawned next. */
static void offer(struct bh_type *t, uint64_t trial)
{
	bh_st_rlx(&t->until_ns, 0);
	bh_st_rlx(&t->trial, trial);
	bh_st_rel(&t->quarantine, trial ? BH_TYPE_TRIAL : BH_TYPE_PROBATION);
}

bool bh_quarantine(struct bh_ksvc *s, const struct bh_crash_facts *f)
{
	const struct bh_plan_service *plan = s->plan;
	struct bh_type *t = &s->v.types[f->type % BH_TYPES];
	uint32_t state = bh_ld_rlx(&t->quarantine);

	if (!plan->crash_intensity ||
	    listed(plan->crash_exempt, sizeof(plan->crash_exempt), f->task_name))
		return false;
	if (!f->oom && !own_fault(bh_crash_signal(f))) {
		/* It proved nothing: another one shall. */
		if (state == BH_TYPE_TRIAL && bh_ld_rlx(&t->trial) == f->task)
			offer(t, 0);
		return false;
	}
	if (state == BH_TYPE_QUARANTINED)
		return true;
	int64_t since = s->kernel->now_ns - plan->crash_period_ms * BH_NS_PER_MS;
	/* The one at hand comes on top of the recent ones. */
	if (state == BH_TYPE_OPEN && recent(s, f, since) < plan->crash_intensity)
		return false;
	shut(s, t, f->task_name);
	return true;
}

/* -- probation ---------------------------------------------------------------------- */

static void lift(struct bh_ksvc *s, uint32_t type)
{
	struct bh_type *t = &s->v.types[type];
	char name[40];

	bh_type_name(s, type, name);
	bh_st_rlx(&t->rounds, 0);
	bh_st_rlx(&t->until_ns, 0);
	bh_st_rel(&t->quarantine, BH_TYPE_OPEN);
	bh_log("service %s: task type %s has stood its trial: its quarantine is lifted",
	       s->plan->name, name);
}

static void begin_probation(struct bh_ksvc *s, uint32_t type)
{
	struct bh_type *t = &s->v.types[type];
	const struct bh_tcb *first = bh_tcb_of(&s->v, BH_MAIN_TASK);
	char name[40];

	/* The service's main is started again whatever its type: it is its own trial. */
	offer(t, first && first->type == type ? BH_MAIN_TASK : 0);
	bh_type_name(s, type, name);
	bh_log("service %s: task type %s is on probation: one task is let through", s->plan->name,
	       name);
}

/* A trial is passed by a task that ends without a crash, or lives for the period. One
 * that crashed is not seen here: its type was quarantined again before it ended. */
static void judge(struct bh_ksvc *s, uint32_t type)
{
	struct bh_type *t = &s->v.types[type];
	uint64_t trial = bh_ld_acq(&t->trial);
	const struct bh_tcb *task = trial ? bh_tcb_of(&s->v, trial) : NULL;
	int64_t now = s->kernel->now_ns, until = bh_ld_rlx(&t->until_ns);
	bool ended = trial && (!task || bh_state_of(bh_ld_acq(&task->state)) == BH_DONE);

	if (!until)
		bh_st_rlx(&t->until_ns, now + s->plan->crash_period_ms * BH_NS_PER_MS);
	if (ended || (trial && until && now >= until))
		lift(s, type);
	else if (until && now >= until)
		offer(t, 0); /* its spawner died before it could say whom it spawned */
}

static void look(struct bh_ksvc *s, uint32_t type)
{
	struct bh_type *t = &s->v.types[type];
	int64_t until = bh_ld_rlx(&t->until_ns), now = s->kernel->now_ns;

	switch (bh_ld_acq(&t->quarantine)) {
	case BH_TYPE_QUARANTINED:
		if (until <= now || until > now + pause_ms(s->plan, UINT32_MAX) * BH_NS_PER_MS)
			begin_probation(s, type);
		break;
	case BH_TYPE_TRIAL:
		judge(s, type);
		break;
	case BH_TYPE_OPEN:
	case BH_TYPE_PROBATION:
		break;
	default: /* garbage: workers would refuse the type for ever */
		bh_st_rel(&t->quarantine, BH_TYPE_OPEN);
		break;
	}
}

void bh_quarantine_look(struct bh_kernel *k)
{
	for (uint32_t i = 0; i < k->plan->n_services; i++) {
		struct bh_ksvc *s = &k->svc[i];

		if (!s->mapped || bh_service_resetting(s))
			continue;
		for (uint32_t type = 0; type < BH_TYPES; type++)
			look(s, type);
	}
}
