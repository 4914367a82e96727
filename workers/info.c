/* SPDX-License-Identifier: MIT */
/* info.c: error texts, options and counters. */
#include <errno.h>
#include <string.h>

#include "workers/rt.h"

const char *bh_strerror(int error)
{
	const char *text;

	switch (error < 0 ? -error : error) {
	case BH_ECANCELED:
		return "the task was aborted";
	case BH_ESTOPPING:
		return "the service is stopping";
	case BH_ESTALE:
		return "the handle's object is gone";
	case BH_EQUARANTINED:
		return "tasks of this type crashed too often and are refused";
	case BH_ETIMEDOUT:
		return "the deadline passed";
	case BH_ENOSLOT:
		return "the service's table is full (see limits in its configuration)";
	default:
		text = strerrordesc_np(error < 0 ? -error : error);
		return text ? text : "unknown error";
	}
}

const char *bh_version(void)
{
	return BH_VERSION;
}

const char *bh_option(const char *key)
{
	const struct bh_plan_service *ps = bh_rt.plan_service;

	for (uint32_t i = 0; ps && key && i < ps->n_options && i < BH_PLAN_OPTIONS; i++)
		if (!strcmp(ps->options[i].key, key))
			return ps->options[i].value;
	return NULL;
}

int bh_stopping(void)
{
	return bh_rt.v.a && bh_ld_acq(&bh_rt.v.a->run_state) == BH_RUN_STOPPING;
}

int bh_worker_stats_get(uint32_t slot, struct bh_worker_stats *stats)
{
	if (!bh_rt.v.a || !stats || stats->size != sizeof(*stats) || slot >= bh_rt.v.l.workers)
		return -EINVAL;
	const struct bh_worker *w = &bh_rt.v.workers[slot];
	uint64_t word = bh_ld_acq(&w->word), epoch = (word >> 16) & 0xffff;

	stats->pid = (word & 0xffff) == BH_WORKER_UP ? (int32_t)(word >> 32) : 0;
	stats->restarts = epoch ? epoch - 1 : 0; /* its first epoch is 1 */
	stats->crashes = stats->restarts;
	stats->polls = bh_ld_rlx(&w->count.polls);
	stats->steals = bh_ld_rlx(&w->count.steals);
	stats->parks = bh_ld_rlx(&w->count.parks);
	return 0;
}

int bh_stats_get(struct bh_stats *stats)
{
	struct bh_worker_stats ws = { .size = sizeof(ws) };

	if (!bh_rt.v.a || !stats || stats->size != sizeof(*stats))
		return -EINVAL;
	const struct bh_arena *a = bh_rt.v.a;
	*stats = (struct bh_stats){ .size = sizeof(*stats), .workers = bh_rt.v.l.workers };
	/* What ended before what was spawned: read the other way round, a task of
	 * in between would be counted as ended alone. */
	stats->crashed = bh_ld_acq(&a->crashed);
	stats->canceled = bh_ld_acq(&a->canceled);
	for (uint32_t i = 0; i < BH_SLOTS; i = bh_slot_after(&bh_rt.v, i)) {
		stats->completed += bh_ld_acq(&bh_rt.v.workers[i].count.completed);
		stats->canceled += bh_ld_acq(&bh_rt.v.workers[i].count.canceled);
	}
	stats->spawned = bh_ld_rlx(&a->booted);
	stats->uptime_ns = (uint64_t)(bh_rt_clock() - a->made_ns);
	for (uint32_t i = 0; i < BH_SLOTS; i = bh_slot_after(&bh_rt.v, i)) {
		stats->spawned += bh_ld_rlx(&bh_rt.v.workers[i].count.spawned);
		if (bh_worker_stats_get(i, &ws) == 0) {
			stats->polls += ws.polls;
			stats->steals += ws.steals;
			stats->parks += ws.parks;
			stats->worker_restarts += ws.restarts;
		}
	}
	uint64_t ended = stats->completed + stats->canceled + stats->crashed;
	/* Each counter is raised just after what it counts became visible. */
	stats->live = stats->spawned > ended ? stats->spawned - ended : 0;
	return 0;
}
