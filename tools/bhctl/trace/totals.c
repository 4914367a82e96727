/* SPDX-License-Identifier: MIT */
/*
 * totals.c: bhctl trace latency --total: the counts since the start, without any
 * recording: traced counts the scheduler's part, the workers count their polls.
 */
#include <stdio.h>
#include <string.h>

#include "tools/bhctl/ask.h"
#include "tools/bhctl/trace/latency.h"

static void add_buckets(struct bh_hist *h, Bulkhead__LatencyBucket *const *b, size_t n,
			uint64_t sum_ns, uint64_t max_ns)
{
	uint64_t max = h->max_ns > max_ns ? h->max_ns : max_ns;

	for (size_t i = 0; i < n; i++)
		bh_hist_add(h, b[i]->from_ns, b[i]->below_ns, b[i]->count);
	if (max_ns) /* known better than by the buckets' ends */
		h->max_ns = max;
	h->sum_ns += (double)sum_ns;
}

/* Preempted, a worker waits for its CPU as if it had been woken. */
static void add_off(struct bh_latency *l, const char *service, unsigned slot, const char *type,
		    const Bulkhead__OffCpu *o)
{
	const Bulkhead__LatencyHistogram *t = o->times;

	for (unsigned i = 0; t && i <= BH_EVO_SLEPT; i++) {
		if (strcmp(o->reason, bh_event_off_name(i)) != 0)
			continue;
		add_buckets(bh_latency_of(l, service, slot, type, BH_OFF_CPU + i), t->buckets,
			    t->n_buckets, t->sum_ns, t->max_ns);
		if (i == BH_EVO_PREEMPTED)
			add_buckets(bh_latency_of(l, service, slot, type, BH_CPU_WAIT), t->buckets,
				    t->n_buckets, t->sum_ns, t->max_ns);
	}
}

static void add_kernel(struct bh_latency *l, const Bulkhead__TraceLatency *t)
{
	for (size_t i = 0; l->by != BH_BY_TASK && i < t->n_workers; i++) {
		const Bulkhead__WorkerLatency *w = t->workers[i];

		if (w->count)
			add_buckets(bh_latency_of(l, w->service, w->slot, NULL, BH_CPU_WAIT),
				    w->buckets, w->n_buckets, w->sum_ns, w->max_ns);
		for (size_t k = 0; k < w->n_off_cpu; k++)
			add_off(l, w->service, w->slot, NULL, w->off_cpu[k]);
	}
	for (size_t i = 0; l->by == BH_BY_TASK && i < t->n_types; i++) {
		const Bulkhead__TypeLatency *y = t->types[i];
		const Bulkhead__LatencyHistogram *h = y->run_queue;

		if (h && h->count)
			add_buckets(bh_latency_of(l, y->service, 0, y->type, BH_CPU_WAIT),
				    h->buckets, h->n_buckets, h->sum_ns, h->max_ns);
		for (size_t k = 0; k < y->n_off_cpu; k++)
			add_off(l, y->service, 0, y->type, y->off_cpu[k]);
	}
}

static int add_polls(struct bh_latency *l, const char *url)
{
	Bulkhead__Request q = BULKHEAD__REQUEST__INIT;
	Bulkhead__WorkersRequest all;
	Bulkhead__Reply *r;

	bulkhead__workers_request__init(&all);
	q.verb_case = BULKHEAD__REQUEST__VERB_WORKERS;
	q.workers = &all;
	int code = bh_ask(url, &q, &r);
	if (code)
		return code;
	for (size_t i = 0;
	     r->answer_case == BULKHEAD__REPLY__ANSWER_WORKERS && i < r->workers->n_workers; i++) {
		const Bulkhead__Worker *w = r->workers->workers[i];
		const Bulkhead__PollTimes *p = w->poll_times;

		if (p && p->count)
			add_buckets(bh_latency_of(l, w->service, w->slot, NULL, BH_POLL_TIME),
				    p->buckets, p->n_buckets, p->sum_ns, 0);
	}
	bulkhead__reply__free_unpacked(r, NULL);
	return 0;
}

int bh_latency_total(const char *url, const struct bh_options *o)
{
	struct bh_latency l = { .by = o->by };
	Bulkhead__Reply *kernel;
	int code = bh_latency_kernel(&l, url, &kernel);

	if (!code && kernel)
		add_kernel(&l, kernel->trace_latency);
	if (!code && kernel)
		bulkhead__reply__free_unpacked(kernel, NULL);
	if (!code && l.by != BH_BY_TASK)
		code = add_polls(&l, url);
	if (!code)
		(o->json ? bh_latency_json : bh_latency_show)(&l);
	bh_latency_fini(&l);
	return code;
}
