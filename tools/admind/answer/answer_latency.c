/* SPDX-License-Identifier: MIT */
/* answer_latency.c: the counts of traced since its start. */
#include "ipc/system/event.h"
#include "tools/admind/answer/answer.h"

static size_t fill_buckets(struct bh_answer *a, Bulkhead__LatencyBucket ***buckets,
			   const struct bh_trace_hist *h)
{
	Bulkhead__LatencyBucket **to = bh_scratch_take(&a->scratch, BH_TRACE_BUCKETS * sizeof(*to));
	size_t n = 0;

	for (unsigned b = 0; b < BH_TRACE_BUCKETS; b++) {
		uint64_t count = h->buckets[b];

		if (!count)
			continue;
		Bulkhead__LatencyBucket *t = bh_scratch_take(&a->scratch, sizeof(*t));
		bulkhead__latency_bucket__init(t);
		t->from_ns = bh_trace_bucket_floor(b);
		t->below_ns = b + 1 < BH_TRACE_BUCKETS ? bh_trace_bucket_floor(b + 1) : 0;
		t->count = count;
		to[n++] = t;
	}
	*buckets = to;
	return n;
}

static Bulkhead__LatencyHistogram *histogram(struct bh_answer *a, const struct bh_trace_hist *h)
{
	Bulkhead__LatencyHistogram *to = bh_scratch_take(&a->scratch, sizeof(*to));

	bulkhead__latency_histogram__init(to);
	to->count = h->count;
	to->sum_ns = h->sum_ns;
	to->max_ns = h->max_ns;
	to->n_buckets = fill_buckets(a, &to->buckets, h);
	return to;
}

static size_t fill_off(struct bh_answer *a, Bulkhead__OffCpu ***list,
		       const struct bh_trace_times *times)
{
	Bulkhead__OffCpu **to = bh_scratch_take(&a->scratch, BH_TRACE_REASONS * sizeof(*to));
	size_t n = 0;

	for (unsigned i = 0; i < BH_TRACE_REASONS; i++) {
		if (!times->off[i].count)
			continue;
		Bulkhead__OffCpu *o = bh_scratch_take(&a->scratch, sizeof(*o));
		bulkhead__off_cpu__init(o);
		o->reason = (char *)(uintptr_t)bh_event_off_name(i);
		o->times = histogram(a, &times->off[i]);
		to[n++] = o;
	}
	*list = to;
	return n;
}

/* "": the page names a service that the board does not know. */
static char *service_name(struct bh_answer *a, uint32_t service)
{
	const struct bh_board *b = a->system->board;

	if (service >= bh_system_services(a->system))
		return (char *)(uintptr_t) "";
	return bh_scratch_text(&a->scratch, b->services[service].name,
			       sizeof(b->services[service].name));
}

static void fill_worker(struct bh_answer *a, Bulkhead__WorkerLatency *to,
			const struct bh_trace_worker *w)
{
	bulkhead__worker_latency__init(to);
	to->service = service_name(a, w->service);
	to->slot = w->slot;
	to->pid = w->pid;
	to->count = w->times.run_queue.count;
	to->sum_ns = w->times.run_queue.sum_ns;
	to->max_ns = w->times.run_queue.max_ns;
	to->n_buckets = fill_buckets(a, &to->buckets, &w->times.run_queue);
	to->n_off_cpu = fill_off(a, &to->off_cpu, &w->times);
}

static void fill_type(struct bh_answer *a, Bulkhead__TypeLatency *to, const struct bh_trace_type *t)
{
	const struct bh_view *v = t->service < bh_system_services(a->system) ?
					  bh_system_arena(a->system, t->service) :
					  NULL;

	bulkhead__type_latency__init(to);
	to->service = service_name(a, t->service);
	if (v && t->type < BH_TYPES)
		to->type = bh_scratch_text(&a->scratch, v->types[t->type].name,
					   sizeof(v->types[t->type].name));
	to->run_queue = histogram(a, &t->times.run_queue);
	to->n_off_cpu = fill_off(a, &to->off_cpu, &t->times);
}

/* False: nothing is measured, and that has been said. */
static bool measured(struct bh_answer *a)
{
	const struct bh_trace_page *page = a->system->trace;

	if (page && !page->part[BH_TRACE_SCHED].error)
		return true;
	bool off = a->system->plan && !a->system->plan->trace;
	const char *why = page ? bh_scratch_text(&a->scratch, page->part[BH_TRACE_SCHED].reason,
						 BH_TRACE_TEXT) :
			  off  ? "tracing is off; the configuration key `trace` turns it on" :
				 "the trace server is not ready";
	bh_answer_refuse(a,
			 page || off ? BULKHEAD__ERROR__CODE__UNAVAILABLE :
				       BULKHEAD__ERROR__CODE__NOT_YET,
			 "the Linux kernel's view is missing: %s", why);
	return false;
}

void bh_answer_latency(struct bh_answer *a)
{
	const struct bh_trace_page *page = a->system->trace;
	Bulkhead__TraceLatency *all = bh_scratch_take(&a->scratch, sizeof(*all));

	if (!measured(a))
		return;
	uint32_t n = __atomic_load_n(&page->n_workers, __ATOMIC_ACQUIRE);
	uint32_t types = __atomic_load_n(&page->n_types, __ATOMIC_ACQUIRE);

	n = n < BH_TRACE_WORKERS ? n : BH_TRACE_WORKERS;
	types = types < BH_TRACE_TYPES ? types : BH_TRACE_TYPES;
	bulkhead__trace_latency__init(all);
	all->workers = bh_scratch_list(&a->scratch, n, sizeof(**all->workers));
	for (uint32_t i = 0; i < n; i++)
		if (page->workers[i].pid)
			fill_worker(a, all->workers[all->n_workers++], &page->workers[i]);
	all->types = bh_scratch_list(&a->scratch, types, sizeof(**all->types));
	for (uint32_t i = 0; i < types; i++)
		fill_type(a, all->types[all->n_types++], &page->types[i]);
	a->reply.answer_case = BULKHEAD__REPLY__ANSWER_TRACE_LATENCY;
	a->reply.trace_latency = all;
}
