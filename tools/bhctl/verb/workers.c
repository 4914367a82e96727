/* SPDX-License-Identifier: MIT */
/* workers.c: bhctl workers: each worker's task, and the sources of its work. */
#include <stdio.h>

#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/show/table.h"
#include "tools/bhctl/verb/poll_times.h"

typedef unsigned long long ull;

enum {
	STUCK_MS = 100 /* in one poll: less is no news */
};

void bh_workers_ask(struct bh_question *q, const struct bh_options *o)
{
	bulkhead__workers_request__init(&q->workers);
	q->workers.service = (char *)(uintptr_t)o->service;
	q->request.verb_case = BULKHEAD__REQUEST__VERB_WORKERS;
	q->request.workers = &q->workers;
}

static void add_ns(struct bh_table *t, const Bulkhead__PollTimes *p, uint64_t ns)
{
	char text[24];

	bh_text_us(text, (double)ns / 1e3);
	bh_table_add(t, "%s", p && p->count ? text : "-");
}

static void add_who(struct bh_table *t, const Bulkhead__Worker *w)
{
	bh_table_add(t, "%s", w->service);
	bh_table_add(t, "%u", w->slot);
	bh_table_add(t, "%d", w->pid);
	bh_table_add(t, "%s", w->state);
}

static void add_times(struct bh_table *t, const Bulkhead__Worker *w)
{
	const Bulkhead__PollTimes *p = w->poll_times;

	if (w->since_ns)
		bh_table_add(t, "%.1f%%", 100 * (double)w->busy_ns / (double)w->since_ns);
	else
		bh_table_add(t, "-");
	bh_table_add(t, "%llu", (ull)w->polls);
	add_ns(t, p, p ? bh_poll_times_mean(p) : 0);
	add_ns(t, p, p ? bh_poll_times_share(p, 0.99) : 0);
}

static void add_now(struct bh_table *t, const Bulkhead__Worker *w)
{
	bh_table_add(t, "%s", w->task ? w->task_name : "-");
	if (w->stalled_ms >= STUCK_MS)
		bh_table_add(t, "%.1f s %s", (double)w->stalled_ms / 1000, w->doing);
	else
		bh_table_add(t, "-");
}

int bh_workers_show(const Bulkhead__Reply *r)
{
	static const char *const heads[] = { "<service", "slot",  "pid",   "<state",
					     "busy",     "polls", "mean",  "p99",
					     "queued",   "<runs", "<stuck" };
	const Bulkhead__Workers *all = r->workers;
	struct bh_table t;

	bh_table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < all->n_workers; i++) {
		const Bulkhead__Worker *w = all->workers[i];

		add_who(&t, w);
		add_times(&t, w);
		bh_table_add(&t, "%u", w->queued);
		add_now(&t, w);
	}
	bh_table_print(&t, 0);
	return BH_EXIT_OK;
}

int bh_workers_wide_show(const Bulkhead__Reply *r)
{
	static const char *const heads[] = { "<service", "slot",   "pid",     "<state", "busy",
					     "polls",    "mean",   "p99",     "queued", "restarts",
					     "steals",   "thefts", "spilled", "lifo",   "yields",
					     "parks",    "wakes",  "in vain", "<runs",  "<stuck" };
	const Bulkhead__Workers *all = r->workers;
	struct bh_table t;

	bh_table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < all->n_workers; i++) {
		const Bulkhead__Worker *w = all->workers[i];

		add_who(&t, w);
		add_times(&t, w);
		bh_table_add(&t, "%u", w->queued);
		bh_table_add(&t, "%llu", (ull)w->restarts);
		bh_table_add(&t, "%llu", (ull)w->steals);
		bh_table_add(&t, "%llu", (ull)w->steal_ops);
		bh_table_add(&t, "%llu", (ull)w->overflows);
		bh_table_add(&t, "%llu", (ull)w->lifo_hits);
		bh_table_add(&t, "%llu", (ull)w->budget_yields);
		bh_table_add(&t, "%llu", (ull)w->parks);
		bh_table_add(&t, "%llu", (ull)w->unparks);
		bh_table_add(&t, "%llu", (ull)w->noop_wakes);
		add_now(&t, w);
	}
	bh_table_print(&t, 0);
	return BH_EXIT_OK;
}
