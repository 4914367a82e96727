/* SPDX-License-Identifier: MIT */
/* answer_latency.c: what traced measured. */
#include "answer.h"

static void fill_buckets(struct bh_answer *a, Bulkhead__WorkerLatency *to,
			 const struct bh_trace_hist *h)
{
	to->buckets = bh_scratch_list(&a->scratch, BH_TRACE_BUCKETS, sizeof(**to->buckets));
	for (unsigned b = 0; b < BH_TRACE_BUCKETS; b++) {
		uint64_t count = h->buckets[b];

		if (!count)
			continue;
		Bulkhead__LatencyBucket *t = to->buckets[to->n_buckets++];
		bulkhead__latency_bucket__init(t);
		t->from_ns = bh_trace_bucket_floor(b);
		t->below_ns = b + 1 < BH_TRACE_BUCKETS ? bh_trace_bucket_floor(b + 1) : 0;
		t->count = count;
	}
}

static void fill_worker(struct bh_answer *a, Bulkhead__WorkerLatency *to,
			const struct bh_trace_worker *w)
{
	const struct bh_board *b = a->system->board;

	bulkhead__worker_latency__init(to);
	if (w->service < bh_system_services(a->system))
		to->service = bh_scratch_text(&a->scratch, b->services[w->service].name,
					      sizeof(b->services[w->service].name));
	to->slot = w->slot;
	to->pid = w->pid;
	to->count = w->times.run_queue.count;
	to->sum_ns = w->times.run_queue.sum_ns;
	to->max_ns = w->times.run_queue.max_ns;
	fill_buckets(a, to, &w->times.run_queue);
}

/* False: nothing is measured, and that has been said. */
static bool measured(struct bh_answer *a)
{
	const struct bh_trace_page *page = a->system->trace;

	if (page && !page->part[BH_TRACE_SCHED].error)
		return true;
	const char *why = page ? bh_scratch_text(&a->scratch, page->part[BH_TRACE_SCHED].reason,
						 BH_TRACE_TEXT) :
			  a->system->plan && !a->system->plan->trace ?
				 "tracing is off; the configuration key `trace` turns it on" :
				 "the trace server is not ready";
	bh_answer_refuse(a, BULKHEAD__ERROR__CODE__UNAVAILABLE, "no wake-up latencies: %s", why);
	return false;
}

void bh_answer_latency(struct bh_answer *a)
{
	const struct bh_trace_page *page = a->system->trace;
	Bulkhead__TraceLatency *all = bh_scratch_take(&a->scratch, sizeof(*all));

	if (!measured(a))
		return;
	uint32_t n = page->n_workers, most = sizeof(page->workers) / sizeof(page->workers[0]);

	if (n > most)
		n = most;
	bulkhead__trace_latency__init(all);
	all->workers = bh_scratch_list(&a->scratch, n, sizeof(**all->workers));
	for (uint32_t i = 0; i < n; i++)
		if (page->workers[i].pid)
			fill_worker(a, all->workers[all->n_workers++], &page->workers[i]);
	a->reply.answer_case = BULKHEAD__REPLY__ANSWER_TRACE_LATENCY;
	a->reply.trace_latency = all;
}
