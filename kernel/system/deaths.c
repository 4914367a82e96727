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
#include "kernel/process/table.h"
#include "kernel/repair/death.h"
#include "kernel/service/zygote.h"
#include "kernel/system/messages.h"
#include "kernel/system/servers.h"

static bool ending(const struct bh_ksvc *s)
{
	return bh_service_resetting(s) || s->kernel->stop >= BH_STOP_KILL;
}

/* The last words of a zygote, first: workers and a twin that it made. They may end the
 * service, or the system. */
static void zygote_died(struct bh_ksvc *s, uint32_t idx, int status)
{
	struct bh_kernel *k = s->kernel;
	const struct bh_proc *p = bh_proc_at(k, idx);
	bool starting = bh_ld_acq(&p->state) == BH_PROC_STARTING;

	if (p->kind == BH_PROC_ZYGOTE && !ending(s)) {
		bh_control_drain(k, idx);
		if (k->done || ending(s))
			return;
	}
	bh_zygote_died(s, idx, status, starting);
}

/* `gone` stays until the entry is forgotten: Linux says it once (bh_watch()). */
static void died(struct bh_kernel *k, uint32_t idx)
{
	struct bh_proc *p = bh_proc_at(k, idx);
	struct bh_kproc *kp = &k->proc[idx];
	int status = 0;

	if (!kp->seen_ns)
		kp->seen_ns = k->now_ns;
	if (bh_ld_acq(&p->state) != BH_PROC_DEAD && kp->seen_ns == k->now_ns)
		p->died_ns = k->now_ns;
	if (p->kind == BH_PROC_WORKER || p->kind == BH_PROC_BLOCKING) {
		if (!bh_worker_died(&k->svc[p->service], p->slot))
			bh_wake_by(k, k->now_ns + BH_NS_PER_MS);
		return;
	}
	bool known = bh_proc_status(k, p, &status);
	if (!known && bh_proc_status_due(k, idx)) {
		bh_wake_by(k, k->now_ns + BH_NS_PER_MS);
		return;
	}
	if (p->kind == BH_PROC_ZYGOTE || p->kind == BH_PROC_TWIN)
		zygote_died(&k->svc[p->service], idx, known ? status : SIGKILL);
	else
		bh_server_died(k, idx, status, known);
	/* A zygote whose death resets its service is forgotten by the reset. */
	if (kp->gone)
		bh_wake_by(k, k->now_ns);
}

void bh_phase_deaths(struct bh_kernel *k)
{
	uint64_t ring;

	if (k->deaths && read(k->death_fd, &ring, sizeof(ring)) < 0 && errno != EAGAIN)
		bh_log("cannot read the guardian's doorbell: %s", strerror(errno));
	/* Entries stay readable until the guardian comes round to them again. */
	bh_st_rel(&k->board->deaths_head, bh_ld_acq(&k->board->deaths_tail));
	for (uint32_t i = BH_PROCS_ADMIND; i < BH_BOARD_PROCS; i = bh_proc_after(k, i)) {
		struct bh_proc *p = bh_proc_at(k, i);

		if (p->pid > 0 && p->pidfd < 0) /* dead when it was found: nothing tells of it */
			k->proc[i].gone = true;
		if (!k->proc[i].gone)
			continue;
		/* The event may be about a descriptor that was replaced since. */
		if (bh_proc_dead(k, i))
			died(k, i);
		else
			k->proc[i].gone = false;
	}
	k->deaths = false;
}
