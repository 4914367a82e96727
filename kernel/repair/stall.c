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
#include "kernel/process/services.h"
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

static void turned(struct bh_child *c, uint64_t beat)
{
	struct bh_kstall *st = &c->life.stall;
	struct bh_board_service *b = c->s->board;

	if (st->told)
		bh_log("service %s: worker %u turns again", c->s->plan->name, c->slot);
	*st = (struct bh_kstall){ .beat = beat, .asked_ns = st->asked_ns };
	b->worker_stalled_ms[c->slot] = b->worker_doing[c->slot] = 0;
}

/*
 * A process whose main thread has ended (pthread_exit()), and which other threads keep:
 * nothing turns in it again. Linux shows a zombie, and its pidfd says that it is not dead.
 * So it does for a moment when threads die together: hence the second look.
 */
static void end_headless(struct bh_child *c, char before, char now)
{
	if (before != 'Z' || now != 'Z' || c->life.killed || bh_child_dead(c))
		return;
	bh_log("service %s: %s %u (pid %d) is ended: its main thread has ended, by pthread_exit(), "
	       "and other threads keep it",
	       c->s->plan->name, bh_child_is_worker(c) ? "worker" : "blocking process",
	       bh_child_number(c), c->p->pid);
	bh_child_kill(c);
}

static void ask(struct bh_child *c, bool parked)
{
	struct bh_kstall *st = &c->life.stall;
	int64_t ago_ms = (c->k->now_ns - st->asked_ns) / BH_NS_PER_MS;

	if (parked ? ago_ms < ASK_PARKED_MS :
		     st->stalled_ns < ASK_FIRST_MS * BH_NS_PER_MS || (st->state && ago_ms < ASK_MS))
		return;
	char before = st->state;

	st->state = bh_procfs_state(c->p->pid);
	st->asked_ns = c->k->now_ns;
	end_headless(c, before, st->state);
	/* One that runs is in user code, with nothing of ours in its batch. */
	if (!parked && st->state != 'R')
		bh_stall_requeue(&c->s->v, c->slot);
}

void bh_stall_look_blocking(struct bh_ksvc *s)
{
	bh_for_each_blocking(c, s) {
		char before = c->life.stall.state;

		if (bh_child_state(c) != BH_PROC_UP || !bh_ld_rlx(&s->v.workers[c->slot].current))
			continue;
		c->life.stall.state = bh_procfs_state(c->p->pid);
		end_headless(c, before, c->life.stall.state);
	}
}

static void look(struct bh_child *c, int64_t since_ns)
{
	struct bh_ksvc *s = c->s;
	struct bh_kstall *st = &c->life.stall;
	bool parked = bh_ld_acq(&s->v.a->idle.parked) >> c->slot & 1;
	uint64_t beat = bh_ld_rlx(&s->v.workers[c->slot].heartbeat);

	if (bh_child_state(c) != BH_PROC_UP)
		return;
	ask(c, parked);
	if (beat != st->beat || (parked && !bh_procfs_stopped(st->state))) {
		turned(c, beat);
		return;
	}
	st->stalled_ns += since_ns;
	/* Also one that is stopped in its sleep: perhaps it was about to look at the queues a
	 * last time, for what was queued while it searched and woke no other worker. */
	bh_stall_relieve(&s->v, c->slot);
	s->board->worker_stalled_ms[c->slot] = (uint32_t)(st->stalled_ns / BH_NS_PER_MS);
	s->board->worker_doing[c->slot] = (unsigned char)st->state;
	bh_hog_look(c);
}

/* Bits of the slots that are up and not parked. */
static uint64_t awake(const struct bh_ksvc *s)
{
	uint64_t up = 0;

	bh_for_each_worker(c, s)
		if (bh_child_state(c) == BH_PROC_UP)
			up |= 1ull << c->slot;
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
	bh_for_each_running_service(s, k) {
		if (due)
			bh_for_each_worker(c, s)
				look(c, since);
		if (awake(s))
			bh_wake_by(k, next);
	}
}
