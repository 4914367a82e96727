/* SPDX-License-Identifier: MIT */
/* stats.c: the counters of this service, for its own code. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "ipc/base/monotonic.h"
#include "workers/base/rt.h"

enum {
	/* What the structs were when they were first published. */
	STATS_LEAST = offsetof(struct bh_stats, queued),
	WORKER_LEAST = offsetof(struct bh_worker_stats, steal_ops),
};

static void count_worker(struct bh_worker_stats *to, uint32_t slot)
{
	const struct bh_slot *w = &bh_rt.v.workers[slot];
	const struct bh_counters *c = &w->count;
	uint64_t word = bh_ld_acq(&w->word), epoch = bh_slot_epoch(word);

	to->pid = bh_slot_is_up(word) ? bh_slot_pid(word) : 0;
	to->restarts = epoch ? epoch - 1 : 0; /* its first epoch is 1 */
	to->crashes = to->restarts;
	to->polls = bh_ld_rlx(&c->polls);
	to->steals = bh_ld_rlx(&c->steals);
	to->parks = bh_ld_rlx(&c->parks);
	to->steal_ops = bh_ld_rlx(&c->steal_ops);
	to->overflows = bh_ld_rlx(&c->overflows);
	to->unparks = bh_ld_rlx(&c->unparks);
	to->noop_wakes = bh_ld_rlx(&c->noop_wakes);
	to->lifo_hits = bh_ld_rlx(&c->lifo_hits);
	to->budget_yields = bh_ld_rlx(&c->budget_yields);
	to->queued = bh_runq_len(&w->runq) + bh_ld_rlx(&w->batch.n) + (bh_ld_rlx(&w->lifo) != 0);
	to->busy_ns = bh_meter_busy(&w->meter, bh_monotonic_ns());
	to->poll_ns = bh_ld_rlx(&w->meter.poll_ns);
	for (uint32_t b = 0; b < BH_STATS_BUCKETS; b++)
		to->poll_buckets[b] = bh_ld_rlx(&w->meter.buckets[b]);
}

int bh_worker_stats_get(uint32_t slot, struct bh_worker_stats *stats)
{
	uint32_t size = stats ? stats->size : 0;
	struct bh_worker_stats all = { .size = size };

	if (bh_rt.forked)
		return -BH_EFORKED;
	if (!bh_rt.v.a || size < WORKER_LEAST || size > sizeof(all) || slot >= bh_rt.v.l.workers)
		return -EINVAL;
	count_worker(&all, slot);
	memcpy(stats, &all, size);
	return 0;
}

static void count_ends(struct bh_stats *s)
{
	const struct bh_arena *a = bh_rt.v.a;

	s->crashed = bh_ld_acq(&a->crashed);
	s->canceled = bh_ld_acq(&a->canceled);
	for (uint32_t i = 0; i < BH_SLOTS; i = bh_slot_after(&bh_rt.v, i)) {
		s->completed += bh_ld_acq(&bh_rt.v.workers[i].count.completed);
		s->canceled += bh_ld_acq(&bh_rt.v.workers[i].count.canceled);
	}
}

static void count_workers(struct bh_stats *s)
{
	for (uint32_t i = 0; i < bh_rt.v.l.workers; i++) {
		const struct bh_slot *w = &bh_rt.v.workers[i];
		uint64_t epoch = bh_slot_epoch(bh_ld_acq(&w->word));

		s->polls += bh_ld_rlx(&w->count.polls);
		s->steals += bh_ld_rlx(&w->count.steals);
		s->parks += bh_ld_rlx(&w->count.parks);
		s->worker_restarts += epoch ? epoch - 1 : 0;
	}
}

static void count_blocking(struct bh_stats *s)
{
	const struct bh_view *v = &bh_rt.v;

	s->blocking_max = v->l.blocking;
	s->blocking_waiting = bh_inject_len(&v->blocking);
	for (uint32_t i = 0; i < BH_MAX_BLOCKING / 64; i++)
		s->blocking_idle +=
			(uint64_t)__builtin_popcountll(bh_ld_rlx(&v->a->blocking.parked[i]));
	for (uint32_t i = bh_slot_after(v, v->l.workers - 1); i < BH_SLOTS;
	     i = bh_slot_after(v, i)) {
		const struct bh_slot *w = &v->workers[i];

		s->blocking_processes += bh_slot_is_up(bh_ld_rlx(&w->word));
		s->blocking_done += bh_ld_rlx(&w->count.completed) + bh_ld_rlx(&w->count.canceled);
	}
}

int bh_stats_get(struct bh_stats *stats)
{
	uint32_t size = stats ? stats->size : 0;
	struct bh_stats all = { .size = size, .workers = bh_rt.v.l.workers };

	if (bh_rt.forked)
		return -BH_EFORKED;
	if (!bh_rt.v.a || size < STATS_LEAST || size > sizeof(all))
		return -EINVAL;
	/* What ended before what was spawned: read the other way round, a task of
	 * in between would be counted as ended alone. */
	count_ends(&all);
	all.spawned = bh_ld_rlx(&bh_rt.v.a->booted);
	for (uint32_t i = 0; i < BH_SLOTS; i = bh_slot_after(&bh_rt.v, i))
		all.spawned += bh_ld_rlx(&bh_rt.v.workers[i].count.spawned);
	uint64_t ended = all.completed + all.canceled + all.crashed;
	/* Each counter is raised just after what it counts became visible. */
	all.live = all.spawned > ended ? all.spawned - ended : 0;
	all.uptime_ns = (uint64_t)(bh_monotonic_ns() - bh_rt.v.a->made_ns);
	all.queued = bh_inject_len(&bh_rt.v.inject);
	all.timers = bh_ld_rlx(&bh_rt.v.a->timers);
	count_workers(&all);
	count_blocking(&all);
	memcpy(stats, &all, size);
	return 0;
}
