/* SPDX-License-Identifier: MIT */
/*
 * deaths.c: a death is noticed by the pidfd and certain once that is readable. How it died is
 * in the guardian's ring a little later: the guardian is the parent, and it alone can ask.
 */
#include "kernel/system/deaths.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/watch.h"
#include "kernel/process/services.h"
#include "kernel/process/table.h"
#include "kernel/worker/heir.h"

static bool ending(const struct bh_child *c)
{
	return c->s ? bh_service_ending(c->s) : c->k->stop >= BH_STOP_KILL;
}

/* Nothing is recovered, and nothing replaced. */
static void ended(struct bh_child *c)
{
	if (c->slot < BH_SLOTS) {
		bh_heir_drop(c);
		c->s->board->worker_pid[c->slot] = 0;
	}
	bh_child_forget(c);
	bh_st_rel(&c->p->state, BH_PROC_FREE);
}

/* `gone` stays until the entry is forgotten: Linux says it once (bh_watch()). */
static void died(struct bh_child *c)
{
	struct bh_kernel *k = c->k;

	if (!c->life.seen_ns)
		c->life.seen_ns = k->now_ns;
	if (bh_child_state(c) != BH_PROC_DEAD && c->life.seen_ns == k->now_ns)
		c->p->died_ns = k->now_ns;
	if (ending(c))
		ended(c);
	else if (!bh_kind_of(c)->died(c))
		bh_wake_by(k, k->now_ns + BH_NS_PER_MS);
	else if (c->life.gone) /* its death ends its service, and so it is forgotten with that */
		bh_wake_by(k, k->now_ns);
}

void bh_phase_deaths(struct bh_kernel *k)
{
	uint64_t ring;

	if (k->deaths && read(k->death_fd, &ring, sizeof(ring)) < 0 && errno != EAGAIN)
		bh_log("cannot read the guardian's doorbell: %s", strerror(errno));
	/* Entries stay readable until the guardian comes round to them again. */
	bh_st_rel(&k->board->deaths_head, bh_ld_acq(&k->board->deaths_tail));
	bh_for_each_child(c, k, BH_PROCS_ADMIND) {
		if (c->p->pid > 0 &&
		    c->p->pidfd < 0) /* dead when it was found: nothing tells of it */
			c->life.gone = true;
		if (!c->life.gone)
			continue;
		/* The event may be about a descriptor that was replaced since. */
		if (bh_child_dead(c))
			died(c);
		else
			c->life.gone = false;
	}
	k->deaths = false;
}
