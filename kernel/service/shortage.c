/* SPDX-License-Identifier: MIT */
/*
 * shortage.c: says what ran short in a service: what its workers have counted
 * (ipc/arena/shortage.h) since the last line, at most one line each so often, whatever they
 * write there.
 */
#include "kernel/service/shortage.h"

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/process/services.h"

#define EVERY (5 * 1000 * BH_NS_PER_MS)

static const char *const names[BH_SHORTS] = {
	[BH_SHORT_TASKS] = "task slots (limits.tasks)",
	[BH_SHORT_IO] = "I/O slots (limits.io)",
	[BH_SHORT_MEMORY] = "stacks or memory (limits.memory)",
	[BH_SHORT_FILES] = "open files (ulimit -n)",
};

/* By how much @counter has risen since @said. */
static uint64_t rise(uint64_t *said, const _Atomic uint64_t *counter)
{
	uint64_t now = bh_ld_rlx(counter), by = now - *said;

	*said = now;
	return by;
}

static bool read_news(struct bh_ksvc *s, struct bh_kshortage *n)
{
	const struct bh_shortage *c = &s->v.a->shortage;
	struct bh_kshortage *said = &s->shortage;
	uint64_t any = 0;

	for (uint32_t i = 0; i < BH_SHORTS; i++) {
		n->refused[i] = rise(&said->refused[i], &c->refused[i]);
		n->waited[i] = rise(&said->waited[i], &c->waited[i]);
		any |= n->refused[i] | n->waited[i];
	}
	n->left = rise(&said->left, &c->left);
	n->turned_away = rise(&said->turned_away, &c->turned_away);
	return any | n->left | n->turned_away;
}

static void say(const struct bh_ksvc *s, const struct bh_kshortage *n)
{
	typedef unsigned long long ull;

	for (uint32_t i = 0; i < BH_SHORTS; i++)
		if (n->waited[i] | n->refused[i])
			bh_log("service %s: short of %s: %llu connections had to wait, "
			       "%llu tasks were refused",
			       s->plan->name, names[i], (ull)n->waited[i], (ull)n->refused[i]);
	if (n->left)
		bh_log("service %s: to make room, %llu connections that had been idle the longest "
		       "were asked to leave",
		       s->plan->name, (ull)n->left);
	if (n->turned_away)
		bh_log("service %s: %llu connections were turned away: their task type is in "
		       "quarantine",
		       s->plan->name, (ull)n->turned_away);
}

static void look(struct bh_ksvc *s)
{
	struct bh_kshortage n;

	if (s->kernel->now_ns < s->shortage_ns || !read_news(s, &n))
		return;
	s->shortage_ns = s->kernel->now_ns + EVERY;
	say(s, &n);
}

void bh_shortage_look(struct bh_kernel *k)
{
	bh_for_each_running_service(s, k)
		look(s);
}

void bh_shortage_begin(struct bh_ksvc *s)
{
	struct bh_kshortage n;

	read_news(s, &n);
}
