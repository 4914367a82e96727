/* SPDX-License-Identifier: MIT */
/*
 * deaths.c: a death is noticed by the pidfd and certain once that is readable. How it died is
 * in the guardian's ring a little later: the guardian is the parent, and it alone can ask.
 */
#include "kernel/system/deaths.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/watch.h"
#include "kernel/process/services.h"
#include "kernel/process/table.h"
#include "kernel/repair/death.h"
#include "kernel/service/zygote.h"
#include "kernel/system/messages.h"
#include "kernel/system/servers.h"

/* The last words of a zygote, first: workers and a twin that it made. They may end the
 * service, or the system. */
static void zygote_died(struct bh_child *c, int status)
{
	bool starting = bh_child_state(c) == BH_PROC_STARTING;

	if (c->p->kind == BH_PROC_ZYGOTE && !bh_service_ending(c->s)) {
		bh_control_drain(c);
		if (c->k->done || bh_service_ending(c->s))
			return;
	}
	bh_zygote_died(c, status, starting);
}

/* `gone` stays until the entry is forgotten: Linux says it once (bh_watch()). */
static void died(struct bh_child *c)
{
	struct bh_kernel *k = c->k;
	struct bh_proc *p = c->p;
	int status = 0;

	if (!c->life.seen_ns)
		c->life.seen_ns = k->now_ns;
	if (bh_child_state(c) != BH_PROC_DEAD && c->life.seen_ns == k->now_ns)
		p->died_ns = k->now_ns;
	if (p->kind == BH_PROC_WORKER || p->kind == BH_PROC_BLOCKING) {
		if (!bh_worker_died(c))
			bh_wake_by(k, k->now_ns + BH_NS_PER_MS);
		return;
	}
	bool known = bh_child_status(c, &status);
	if (!known && bh_child_status_due(c)) {
		bh_wake_by(k, k->now_ns + BH_NS_PER_MS);
		return;
	}
	if (p->kind == BH_PROC_ZYGOTE || p->kind == BH_PROC_TWIN)
		zygote_died(c, known ? status : SIGKILL);
	else
		bh_server_died(c, status, known);
	/* A zygote whose death resets its service is forgotten by the reset. */
	if (c->life.gone)
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
