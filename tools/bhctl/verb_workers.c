/* SPDX-License-Identifier: MIT */
/* verb_workers.c: bhctl workers: what each does, and how it gets its work. */
#include <stdio.h>

#include "bhctl.h"
#include "table.h"
#include "value.h"
#include "worker.h"

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

/* The upper end of the bucket that @share of all polls fall in; of the last, its lower
 * end. 0: there were none. */
static uint64_t percentile(const Bulkhead__PollTimes *p, double share)
{
	uint64_t seen = 0, at = 0;

	for (size_t i = 0; i < p->n_buckets; i++) {
		const Bulkhead__LatencyBucket *b = p->buckets[i];

		at = b->below_ns ? b->below_ns : b->from_ns;
		seen += b->count;
		if ((double)seen >= share * (double)p->count)
			break;
	}
	return at;
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
	add_ns(t, p, p && p->count ? p->sum_ns / p->count : 0);
	add_ns(t, p, p ? percentile(p, 0.99) : 0);
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

static void put_poll_times(struct json_object *o, const Bulkhead__PollTimes *p)
{
	struct json_object *list;

	bh_value_uint(o, "count", p ? p->count : 0);
	bh_value_uint(o, "sum_ns", p ? p->sum_ns : 0);
	bh_value_uint(o, "mean_ns", p && p->count ? p->sum_ns / p->count : 0);
	bh_value_uint(o, "p50_ns", p ? percentile(p, 0.5) : 0);
	bh_value_uint(o, "p99_ns", p ? percentile(p, 0.99) : 0);
	list = bh_value_array(o, "buckets");
	for (size_t i = 0; p && i < p->n_buckets; i++)
		bh_value_bucket(bh_value_item(list), p->buckets[i]->from_ns,
				p->buckets[i]->below_ns, p->buckets[i]->count);
}

void bh_worker_json(struct json_object *o, const Bulkhead__Worker *w)
{
	bh_value_uint(o, "slot", w->slot);
	bh_value_int(o, "pid", w->pid);
	bh_value_text(o, "state", w->state);
	bh_value_uint(o, "epoch", w->epoch);
	bh_value_uint(o, "restarts", w->restarts);
	bh_value_uint(o, "crashes", w->crashes);
	bh_value_uint(o, "polls", w->polls);
	bh_value_uint(o, "steals", w->steals);
	bh_value_uint(o, "parks", w->parks);
	bh_value_uint(o, "unparks", w->unparks);
	bh_value_uint(o, "queued", w->queued);
	bh_value_uint(o, "overflows", w->overflows);
	bh_value_uint(o, "lifo_hits", w->lifo_hits);
	bh_value_uint(o, "spawned", w->spawned);
	bh_value_uint(o, "completed", w->completed);
	bh_value_uint(o, "cancelled", w->cancelled);
	if (w->task)
		bh_value_hex(o, "task", w->task);
	else
		json_object_object_add(o, "task", NULL);
	bh_value_text(o, "task_name", w->task_name);
	bh_value_uint(o, "stalled_ms", w->stalled_ms);
	bh_value_text(o, "doing", w->doing);
	bh_value_uint(o, "hogs", w->hogs);
	bh_value_uint(o, "steal_ops", w->steal_ops);
	bh_value_uint(o, "noop_wakes", w->noop_wakes);
	bh_value_uint(o, "budget_yields", w->budget_yields);
	bh_value_uint(o, "busy_ns", w->busy_ns);
	bh_value_uint(o, "since_ns", w->since_ns);
	put_poll_times(bh_value_object(o, "poll_times"), w->poll_times);
}

int bh_workers_json(const Bulkhead__Reply *r, struct json_object *o)
{
	struct json_object *list = bh_value_array(o, "workers");

	for (size_t i = 0; i < r->workers->n_workers; i++) {
		struct json_object *w = bh_value_item(list);

		bh_value_text(w, "service", r->workers->workers[i]->service);
		bh_worker_json(w, r->workers->workers[i]);
	}
	return BH_EXIT_OK;
}
