/* SPDX-License-Identifier: MIT */
/* report.c: samples into one line of JSON. */
#include "tools/bench/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(const struct page *p, double part)
{
	if (!p->samples)
		return 0;
	return p->sample[(size_t)((double)(p->samples - 1) * part + 0.5)];
}

void report(const struct workload *w, const char *kind, struct page *p, const struct family *before,
	    const struct family *after)
{
	const char *impl = getenv("PEER_IMPL");
	double median;

	qsort(p->sample, p->samples, sizeof(double), by_value);
	median = percentile(p, 0.5);
	printf("{\"bench\":\"%s\",\"impl\":\"", w->name);
	if (impl)
		printf("%s", impl);
	else
		printf("bulkhead-%s-%s", bh_version(), kind);
	printf("\",\"kind\":\"%s\"", kind);
	if (!w->server)
		printf(",\"n\":%lu,\"ns_per_op\":%.2f,\"ops_per_s\":%.0f,\"iters\":%lu,"
		       "\"min_ns\":%.2f,\"max_ns\":%.2f",
		       w->latency ? p->samples : p->ops, median, median > 0 ? 1e9 / median : 0,
		       p->samples, percentile(p, 0), percentile(p, 1));
	if (w->latency)
		printf(",\"p50_ns\":%.2f,\"p99_ns\":%.2f,\"p999_ns\":%.2f", median,
		       percentile(p, 0.99), percentile(p, 0.999));
	if (!strcmp(w->name, "wake_cross_worker"))
		printf(",\"gap_us\":%lu,\"not_stolen\":%lu", p->gap_us, p->not_stolen);
	if (!strcmp(w->name, "sleep_lateness"))
		printf(",\"setup_overran\":%lu", p->not_stolen);
	if (!strcmp(w->name, "timer_insert_cancel"))
		printf(",\"insert_ns\":%.2f,\"cancel_ns\":%.2f", p->insert_ns, p->cancel_ns);
	if (!strcmp(w->name, "timer_churn"))
		printf(",\"earlier_ns\":%.2f", p->earlier_ns);
	if (w->memory)
		printf(",\"bytes_per_task\":%.2f", (after->bytes - before->bytes) / (double)p->ops);
	printf(",\"cpu_s\":%.4f,\"processes\":%d}\n", after->cpu_s - before->cpu_s,
	       after->processes);
}
