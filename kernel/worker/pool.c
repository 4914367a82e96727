/* SPDX-License-Identifier: MIT */
/*
 * pool.c: the pool of blocking processes: grown while jobs wait, and the
 * process of an aborted job ended. Who is idle for too long ends by itself. The
 * protocol, and what `wanted`, `aborted` and `doomed` mean, is in ipc/protocol/blocking.h;
 * start, death and recovery are those of a worker slot (worker.c, death.c).
 */
#include "kernel/worker/pool.h"

#include "ipc/protocol/blocking.h"
#include "kernel/base/clock.h"
#include "kernel/base/watch.h"
#include "kernel/process/services.h"
#include "kernel/process/table.h"
#include "kernel/worker/worker.h"

enum {
	GROW_AT_ONCE = 4, /* processes that start in one look: a fork is 0.2 ms of the zygote */
	GROW_PAUSE_MS = 1,
	RECENT_MS = 10, /* a look that is longer ago tells nothing of how it goes now */
};

/* -- growth --------------------------------------------------------------------------- */

static void start_one(struct bh_ksvc *s)
{
	struct bh_board_service *b = s->board;
	struct bh_child *c = bh_slot_child(s, BH_MAX_WORKERS);

	while (c < bh_slots_end(s) && bh_child_state(c) != BH_PROC_FREE)
		c++;
	if (c == bh_slots_end(s)) {
		bh_child_make(s->kernel, (uint32_t)(c - s->kernel->child), s,
			      BH_MAX_WORKERS + b->blocking_mark);
		bh_child_blank(c, BH_PROC_BLOCKING);
		bh_compiler_barrier();
		b->blocking_mark++;
		bh_st_rel(&s->v.a->blocking.mark, b->blocking_mark);
	}
	bh_worker_start(c);
}

static uint32_t in_use(struct bh_ksvc *s)
{
	uint32_t n = 0;

	bh_for_each_blocking(c, s)
		n += bh_child_state(c) != BH_PROC_FREE;
	return n;
}

/* More jobs were taken since the last look than processes came up: whoever is there
 * takes one after another, and more processes would only cost. */
static bool keeps_up(struct bh_ksvc *s, uint32_t used)
{
	bool recent = s->kernel->now_ns - s->grow_ns < RECENT_MS * BH_NS_PER_MS;
	uint64_t head = bh_ld_acq(&s->v.a->blocking.queue.head), taken = head - s->jobs_taken;
	uint32_t came = s->blocking_came;

	s->jobs_taken = head;
	s->blocking_came = 0;
	return used && recent && taken > came;
}

static void grow(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	uint32_t used = in_use(s), room = s->v.l.blocking > used ? s->v.l.blocking - used : 0;
	uint64_t jobs = bh_inject_len(&s->v.blocking);

	if (!room)
		return; /* whoever dies or ends brings us here again */
	if (k->now_ns < s->grow_ns) {
		bh_wake_by(k, s->grow_ns);
		return;
	}
	bool enough = keeps_up(s, used);
	s->grow_ns = k->now_ns + GROW_PAUSE_MS * BH_NS_PER_MS;
	bh_wake_by(k, s->grow_ns);
	if (enough)
		return;
	if (room > GROW_AT_ONCE)
		room = GROW_AT_ONCE;
	do {
		start_one(s);
	} while (--room && --jobs > 0 && jobs < UINT64_MAX / 2);
}

/* While there are jobs, `wanted` stays set and nobody rings: this looks by itself. */
static void look_demand(struct bh_ksvc *s)
{
	struct bh_blocking *b = &s->v.a->blocking;

	if (!bh_inject_ready(&s->v.blocking)) {
		if (!bh_ld_rlx(&b->wanted))
			return;
		bh_st_rlx(&b->wanted, 0);
		bh_fence(); /* who queued one and saw it set has not rung: W */
		if (!bh_inject_ready(&s->v.blocking))
			return;
	}
	bh_st_rlx(&b->wanted, 1);
	/* One that was woken and died, or was never woken by one that died. */
	if (bh_blocking_pick(&s->v))
		bh_wake_by(s->kernel, s->kernel->now_ns + GROW_PAUSE_MS * BH_NS_PER_MS);
	else if (s->kernel->stop < BH_STOP_KILL)
		grow(s);
}

/* -- aborted jobs ------------------------------------------------------------------------ */

/* True if the incarnation in @slot runs a job that was aborted. */
static bool runs_aborted(const struct bh_ksvc *s, uint32_t slot, uint32_t epoch)
{
	struct bh_tcb *t = bh_tcb_at(&s->v, bh_handle_idx(bh_ld_acq(&s->v.workers[slot].current)));
	uint64_t w = t ? bh_ld_acq(&t->state) : 0;

	return bh_state_of(w) == BH_RUNNING && (w & BH_ABORTED) && bh_state_worker(w) == slot &&
	       bh_state_epoch(w) == epoch;
}

static void end_aborted(struct bh_child *c)
{
	struct bh_ksvc *s = c->s;

	if (!bh_child_live(c)) {
		/* It may be running already: the message that says so brings a turn. */
		s->look_aborted |= bh_child_state(c) == BH_PROC_STARTING;
		return;
	}
	if (!runs_aborted(s, c->slot, c->p->epoch))
		return;
	bh_st_rlx(&s->v.workers[c->slot].doomed, c->p->epoch);
	bh_fence();
	if (runs_aborted(s, c->slot, c->p->epoch))
		bh_child_kill(c);
}

static void look_aborted(struct bh_ksvc *s)
{
	bool told = bh_ld_rlx(&s->v.a->blocking.aborted) && bh_xchg(&s->v.a->blocking.aborted, 0);

	if (!told && !s->look_aborted)
		return;
	s->look_aborted = false;
	bh_for_each_blocking(c, s)
		end_aborted(c);
}

void bh_phase_blocking(struct bh_kernel *k)
{
	bh_for_each_running_service(s, k) {
		look_aborted(s);
		look_demand(s);
	}
}
