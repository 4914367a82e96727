/* SPDX-License-Identifier: MIT */
/*
 * stall.c: workers that are alive and do not turn: in a poll that takes long, in an
 * endless loop, stopped, or blocked in the kernel.
 *
 * The hot path pays nothing: a worker counts its turns anyway, and this looks every
 * LOOK_MS whether the count has moved, as long as any worker is awake. (When all
 * are parked there is nothing to look at; whoever wakes the first of them goes
 * through this kernel or is noticed by the next housekeeping.)
 *
 * What a stalled worker keeps from the others is handed to them at the second look
 * that finds it at the same turn: ipc/repair/stall.h.
 */
#include "kernel/repair/stall.h"

#include "ipc/repair/stall.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/procfs.h"
#include "kernel/base/watch.h"
#include "kernel/process/table.h"
#include "kernel/repair/hog.h"

enum {
	LOOK_MS = 2,
	CREDIT_MS = 100,      /* what one look counts at most: if the kernel itself did not run
			      meanwhile, perhaps nobody did */
	ASK_FIRST_MS = 20,    /* stalled so long, Linux is asked what the process does, */
	ASK_MS = 100,         /* and again so often; */
	ASK_PARKED_MS = 1000, /* if it is parked, in case it is stopped in its sleep */
};

static void turned(struct bh_ksvc *s, uint32_t slot, struct bh_kstall *st, uint64_t beat)
{
	if (st->told)
		bh_log("service %s: worker %u turns again", s->plan->name, slot);
	*st = (struct bh_kstall){ .beat = beat, .asked_ns = st->asked_ns };
	s->board->worker_stalled_ms[slot] = s->board->worker_doing[slot] = 0;
}

/*
 * A process whose main thread has ended (pthread_exit()), and which other threads keep:
 * nobody turns in it again. Linux shows a zombie, and its pidfd says that it is not dead.
 * So it does for a moment when threads die together: hence the second look.
 */
static void end_headless(struct bh_ksvc *s, uint32_t slot, char before, char now)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_worker_proc(s, slot);
	struct bh_proc *p = bh_proc_at(k, idx);

	if (before != 'Z' || now != 'Z' || k->proc[idx].killed || bh_proc_dead(k, idx))
		return;
	bh_log("service %s: %s %u (pid %d) is ended: its main thread has ended, by pthread_exit(), "
	       "and other threads keep it",
	       s->plan->name, slot < BH_MAX_WORKERS ? "worker" : "blocking process",
	       slot < BH_MAX_WORKERS ? slot : slot - BH_MAX_WORKERS, p->pid);
	bh_proc_kill(k, idx);
}

static void ask(struct bh_ksvc *s, uint32_t slot, struct bh_kstall *st, bool parked)
{
	struct bh_kernel *k = s->kernel;
	int64_t ago_ms = (k->now_ns - st->asked_ns) / BH_NS_PER_MS;

	if (parked ? ago_ms < ASK_PARKED_MS :
		     st->stalled_ns < ASK_FIRST_MS * BH_NS_PER_MS || (st->state && ago_ms < ASK_MS))
		return;
	char before = st->state;

	st->state = bh_procfs_state(bh_proc_at(k, bh_worker_proc(s, slot))->pid);
	st->asked_ns = k->now_ns;
	end_headless(s, slot, before, st->state);
	/* One that runs is in user code, with nothing of ours in its hand. */
	if (!parked && st->state != 'R')
		bh_stall_requeue(&s->v, slot);
}

void bh_stall_look_blocking(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;

	for (uint32_t i = 0; i < s->board->blocking_mark; i++) {
		uint32_t slot = BH_MAX_WORKERS + i, idx = bh_worker_proc(s, slot);
		char before = k->proc[idx].stall.state;

		if (bh_ld_acq(&bh_proc_at(k, idx)->state) != BH_PROC_UP ||
		    !bh_ld_rlx(&s->v.workers[slot].current))
			continue;
		k->proc[idx].stall.state = bh_procfs_state(bh_proc_at(k, idx)->pid);
		end_headless(s, slot, before, k->proc[idx].stall.state);
	}
}

static void look(struct bh_ksvc *s, uint32_t slot, int64_t since_ns)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_worker_proc(s, slot);
	struct bh_kstall *st = &k->proc[idx].stall;
	bool parked = bh_ld_acq(&s->v.a->idle.parked) >> slot & 1;
	uint64_t beat = bh_ld_rlx(&s->v.workers[slot].heartbeat);

	if (bh_ld_acq(&bh_proc_at(k, idx)->state) != BH_PROC_UP)
		return;
	ask(s, slot, st, parked);
	if (beat != st->beat || (parked && !bh_procfs_stopped(st->state))) {
		turned(s, slot, st, beat);
		return;
	}
	st->stalled_ns += since_ns;
	/* Also one that is stopped in its sleep: perhaps it was about to look at the queues a
	 * last time, for what was queued while it searched and woke nobody. */
	bh_stall_relieve(&s->v, slot);
	s->board->worker_stalled_ms[slot] = (uint32_t)(st->stalled_ns / BH_NS_PER_MS);
	s->board->worker_doing[slot] = (unsigned char)st->state;
	bh_hog_look(s, slot, st);
}

/* Bits of the slots that are up and not parked. */
static uint64_t awake(const struct bh_ksvc *s)
{
	uint64_t up = 0;

	for (uint32_t i = 0; i < s->workers; i++)
		if (bh_ld_acq(&bh_proc_at(s->kernel, bh_worker_proc(s, i))->state) == BH_PROC_UP)
			up |= 1ull << i;
	return up & ~bh_ld_acq(&s->v.a->idle.parked);
}

void bh_phase_stalls(struct bh_kernel *k)
{
	int64_t since = k->now_ns - k->stall_look_ns, next = k->stall_look_ns;
	bool due = since >= LOOK_MS * BH_NS_PER_MS;

	if (due)
		k->stall_look_ns = next = k->now_ns;
	if (since > CREDIT_MS * BH_NS_PER_MS)
		since = CREDIT_MS * BH_NS_PER_MS;
	next += LOOK_MS * BH_NS_PER_MS;
	for (uint32_t i = 0; i < k->plan->n_services; i++) {
		struct bh_ksvc *s = &k->svc[i];

		if (!s->mapped || bh_service_resetting(s))
			continue;
		for (uint32_t w = 0; w < s->workers && due; w++)
			look(s, w, since);
		if (awake(s))
			bh_wake_by(k, next);
	}
}
