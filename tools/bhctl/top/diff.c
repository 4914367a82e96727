/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/top/diff.h"

#include <string.h>

#include "ipc/system/event.h"

uint64_t bh_top_since(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

const Bulkhead__Service *bh_top_service(const Bulkhead__Status *all, const char *name)
{
	for (size_t i = 0; all && i < all->n_services; i++)
		if (!strcmp(all->services[i]->name, name))
			return all->services[i];
	return NULL;
}

/* The buckets that are not empty, with their counts, in ascending order. */
struct buckets {
	Bulkhead__LatencyBucket *const *at;
	size_t n;
};

static uint64_t count_from(const struct buckets *b, uint64_t from_ns)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->at[i]->from_ns == from_ns)
			return b->at[i]->count;
	return 0;
}

/* The upper end of the bucket of the 99th percentile of the counts since @before. */
static uint64_t percentile(const struct buckets *now, const struct buckets *before)
{
	uint64_t all = 0, seen = 0;

	for (size_t i = 0; i < now->n; i++)
		all += bh_top_since(now->at[i]->count, count_from(before, now->at[i]->from_ns));
	for (size_t i = 0; i < now->n; i++) {
		const Bulkhead__LatencyBucket *b = now->at[i];

		seen += bh_top_since(b->count, count_from(before, b->from_ns));
		if (all && (double)seen >= 0.99 * (double)all)
			return b->below_ns ? b->below_ns : b->from_ns;
	}
	return 0;
}

void bh_top_work_between(struct bh_top_work *out, const Bulkhead__Worker *now,
			 const Bulkhead__Worker *before)
{
	static const Bulkhead__Worker none;
	const Bulkhead__Worker *b = before && before->since_ns <= now->since_ns ? before : &none;
	uint64_t ns = now->since_ns - b->since_ns;
	struct buckets polls = { 0 }, polls_before = { 0 };

	memset(out, 0, sizeof(*out));
	if (!ns)
		return;
	out->seconds = (double)ns / 1e9;
	out->busy = (double)bh_top_since(now->busy_ns, b->busy_ns) / (double)ns;
	if (out->busy > 1)
		out->busy = 1;
	out->polls = bh_top_since(now->polls, b->polls);
	if (now->poll_times)
		polls = (struct buckets){ now->poll_times->buckets, now->poll_times->n_buckets };
	if (b->poll_times)
		polls_before = (struct buckets){ b->poll_times->buckets, b->poll_times->n_buckets };
	out->poll_ns = percentile(&polls, &polls_before);
}

static const Bulkhead__WorkerLatency *find_worker(const Bulkhead__Reply *r, const char *service,
						  uint32_t slot)
{
	for (size_t i = 0; i < r->trace_latency->n_workers; i++) {
		const Bulkhead__WorkerLatency *w = r->trace_latency->workers[i];

		if (w->slot == slot && !strcmp(w->service, service))
			return w;
	}
	return NULL;
}

static const Bulkhead__TypeLatency *find_type(const Bulkhead__Reply *r, const char *service,
					      const char *type)
{
	for (size_t i = 0; i < r->trace_latency->n_types; i++) {
		const Bulkhead__TypeLatency *y = r->trace_latency->types[i];

		if (!strcmp(y->type, type) && !strcmp(y->service, service))
			return y;
	}
	return NULL;
}

static uint64_t preempted_ns(const Bulkhead__WorkerLatency *w)
{
	for (size_t i = 0; i < w->n_off_cpu; i++)
		if (!strcmp(w->off_cpu[i]->reason, bh_event_off_name(BH_EVO_PREEMPTED)) &&
		    w->off_cpu[i]->times)
			return w->off_cpu[i]->times->sum_ns;
	return 0;
}

void bh_top_worker_waits(struct bh_top_waits *out, const struct bh_top_pair *latency,
			 const char *service, uint32_t slot)
{
	static const Bulkhead__WorkerLatency none;
	const Bulkhead__WorkerLatency *w, *b;

	*out = (struct bh_top_waits){ .waits = -1 };
	if (!latency->before || !latency->now || latency->seconds <= 0)
		return;
	w = find_worker(latency->now, service, slot);
	b = find_worker(latency->before, service, slot);
	if (!w)
		return;
	if (!b || b->count > w->count)
		b = &none;
	out->waits = (double)bh_top_since(w->sum_ns, b->sum_ns) / 1e9 / latency->seconds;
	out->preempted =
		(double)bh_top_since(preempted_ns(w), preempted_ns(b)) / 1e9 / latency->seconds;
	out->p99_ns = percentile(&(struct buckets){ w->buckets, w->n_buckets },
				 &(struct buckets){ b->buckets, b->n_buckets });
}

void bh_top_type_waits(struct bh_top_waits *out, const struct bh_top_pair *latency,
		       const char *service, const char *type)
{
	static const Bulkhead__LatencyHistogram none;
	const Bulkhead__TypeLatency *y, *b;
	const Bulkhead__LatencyHistogram *h;

	*out = (struct bh_top_waits){ .waits = -1 };
	if (!latency->before || !latency->now || latency->seconds <= 0)
		return;
	y = find_type(latency->now, service, type);
	b = find_type(latency->before, service, type);
	if (!y || !y->run_queue)
		return;
	h = b && b->run_queue && b->run_queue->count <= y->run_queue->count ? b->run_queue : &none;
	out->waits = (double)bh_top_since(y->run_queue->sum_ns, h->sum_ns) / 1e9 / latency->seconds;
	out->p99_ns =
		percentile(&(struct buckets){ y->run_queue->buckets, y->run_queue->n_buckets },
			   &(struct buckets){ h->buckets, h->n_buckets });
}
