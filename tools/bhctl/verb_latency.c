/* SPDX-License-Identifier: MIT */
/* verb_latency.c: bhctl trace latency: how long woken workers wait for a CPU. */
#include <stdio.h>
#include <string.h>

#include "bhctl.h"
#include "table.h"
#include "value.h"

typedef unsigned long long ull;

enum {
	BAR = 40
};

void bh_latency_ask(struct bh_question *q, const struct bh_options *o)
{
	(void)o;
	bulkhead__trace_latency_request__init(&q->latency);
	q->request.verb_case = BULKHEAD__REQUEST__VERB_TRACE_LATENCY;
	q->request.trace_latency = &q->latency;
}

/* The upper end of the bucket that @share of all falls in; of the last bucket,
 * what was seen. */
static uint64_t percentile(const Bulkhead__WorkerLatency *w, double share)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < w->n_buckets; i++) {
		seen += w->buckets[i]->count;
		if ((double)seen >= share * (double)w->count)
			return w->buckets[i]->below_ns && w->buckets[i]->below_ns < w->max_ns ?
				       w->buckets[i]->below_ns :
				       w->max_ns;
	}
	return w->max_ns;
}

static void show_buckets(const Bulkhead__WorkerLatency *w)
{
	static const char bar[BAR + 1] = "########################################";
	static const char *const heads[] = { "from", "below", "count", "<" };
	uint64_t most = 1;
	struct bh_table t;
	char from[24], below[24];

	for (size_t i = 0; i < w->n_buckets; i++)
		if (w->buckets[i]->count > most)
			most = w->buckets[i]->count;
	bh_table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < w->n_buckets; i++) {
		const Bulkhead__LatencyBucket *b = w->buckets[i];

		bh_text_us(from, (double)b->from_ns / 1e3);
		bh_text_us(below, (double)b->below_ns / 1e3);
		bh_table_add(&t, "%s", from);
		bh_table_add(&t, "%s", b->below_ns ? below : "");
		bh_table_add(&t, "%llu", (ull)b->count);
		bh_table_add(&t, "%.*s", (int)((b->count * BAR + most - 1) / most), bar);
	}
	bh_table_print(&t, 2);
}

int bh_latency_show(const Bulkhead__Reply *r)
{
	const Bulkhead__TraceLatency *all = r->trace_latency;
	char mean[24], p50[24], p99[24], max[24];

	if (!all->n_workers)
		puts("no worker has been measured yet");
	for (size_t i = 0; i < all->n_workers; i++) {
		const Bulkhead__WorkerLatency *w = all->workers[i];

		printf("%sservice %s, worker %u (pid %d): ", i ? "\n" : "", w->service, w->slot,
		       w->pid);
		if (!w->count) {
			puts("not woken yet");
			continue;
		}
		bh_text_us(mean, (double)w->sum_ns / (double)w->count / 1e3);
		bh_text_us(p50, (double)percentile(w, 0.5) / 1e3);
		bh_text_us(p99, (double)percentile(w, 0.99) / 1e3);
		bh_text_us(max, (double)w->max_ns / 1e3);
		printf("%llu wake-ups; mean %s, half within %s, 99%% within %s, at most %s\n",
		       (ull)w->count, mean, p50, p99, max);
		show_buckets(w);
	}
	return BH_EXIT_OK;
}

int bh_latency_json(const Bulkhead__Reply *r, struct json_object *o)
{
	const Bulkhead__TraceLatency *all = r->trace_latency;
	struct json_object *list = bh_value_array(o, "workers");

	for (size_t i = 0; i < all->n_workers; i++) {
		const Bulkhead__WorkerLatency *w = all->workers[i];
		struct json_object *at = bh_value_item(list), *buckets;

		bh_value_text(at, "service", w->service);
		bh_value_uint(at, "slot", w->slot);
		bh_value_int(at, "pid", w->pid);
		bh_value_uint(at, "count", w->count);
		bh_value_uint(at, "sum_ns", w->sum_ns);
		bh_value_uint(at, "max_ns", w->max_ns);
		bh_value_uint(at, "p50_ns", percentile(w, 0.5));
		bh_value_uint(at, "p99_ns", percentile(w, 0.99));
		buckets = bh_value_array(at, "buckets");
		for (size_t b = 0; b < w->n_buckets; b++) {
			const Bulkhead__LatencyBucket *k = w->buckets[b];

			bh_value_bucket(bh_value_item(buckets), k->from_ns, k->below_ns, k->count);
		}
	}
	return BH_EXIT_OK;
}
