/* SPDX-License-Identifier: MIT */
/*
 * quarantine.c: task types that crash too often are refused.
 *
 * The history it goes by is the crash records on the board: a new kernel judges
 * as its predecessor would have.
 */
#include "kernel.h"

#include <signal.h>
#include <string.h>

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

/* SIGKILL and its like come from outside, and hit whoever happens to run. */
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

static uint32_t recent(const struct bh_ksvc *s, uint32_t type, int64_t since_ns)
{
	const struct bh_board *b = s->kernel->board;
	uint32_t n = 0;

	for (uint32_t i = 0; i < BH_BOARD_CRASHES; i++) {
		const struct bh_board_crash *c = &b->crash[i];

		n += c->id && c->service == s->id && c->kind == BH_PROC_WORKER && c->task &&
		     c->task_type == type && c->time_ns >= since_ns && own_fault(c->signal);
	}
	return n;
}

bool bh_quarantine(struct bh_ksvc *s, uint32_t type, const char *name, int sig)
{
	const struct bh_plan_service *plan = s->plan;
	struct bh_type *t = &s->v.types[type % BH_TYPES];

	if (!plan->crash_intensity || !own_fault(sig) ||
	    listed(plan->crash_exempt, sizeof(plan->crash_exempt), name))
		return false;
	int64_t since = s->kernel->now_ns - plan->crash_period_ms * BH_NS_PER_MS;
	if (recent(s, type, since) < plan->crash_intensity) /* the one at hand comes on top */
		return false;
	if (!bh_xchg(&t->quarantined, 1))
		bh_log("service %s: task type %s crashed more than %u times within %u ms: it is "
		       "quarantined",
		       plan->name, name, plan->crash_intensity, plan->crash_period_ms);
	return true;
}
