/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/trace/latency.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ipc/base/buckets.h"
#include "tools/bhctl/ask.h"

enum {
	PATIENCE = 50, /* times PAUSE_MS */
	PAUSE_MS = 100,
};

const double bh_shares[BH_SHARES] = { 0.5, 0.9, 0.99, 0.999, 1 };

struct bh_hist *bh_latency_of(struct bh_latency *l, const char *service, unsigned slot,
			      const char *type, enum bh_time what)
{
	struct bh_latency_group key = { .slot = l->by == BH_BY_WORKER ? slot : 0 };

	snprintf(key.service, sizeof(key.service), "%s", service);
	if (l->by == BH_BY_TASK && type)
		snprintf(key.type, sizeof(key.type), "%s", type);
	for (size_t i = 0; i < l->n; i++) {
		struct bh_latency_group *g = &l->groups[i];

		if (g->slot == key.slot && !strcmp(g->service, key.service) &&
		    !strcmp(g->type, key.type))
			return &g->time[what];
	}
	l->groups = realloc(l->groups, (l->n + 1) * sizeof(*l->groups));
	if (!l->groups) {
		fprintf(stderr, "bhctl: out of memory\n");
		exit(BH_EXIT_SYSTEM);
	}
	l->groups[l->n] = key;
	return &l->groups[l->n++].time[what];
}

void bh_hist_add(struct bh_hist *h, uint64_t from_ns, uint64_t below_ns, uint64_t count)
{
	h->count += count;
	h->buckets[bh_bucket(from_ns, BH_HIST_FIRST, BH_HIST_BUCKETS)] += count;
	if (below_ns > h->max_ns + 1)
		h->max_ns = below_ns - 1;
}

int bh_latency_kernel(struct bh_latency *l, const char *url, Bulkhead__Reply **reply)
{
	Bulkhead__Request q = BULKHEAD__REQUEST__INIT;
	Bulkhead__TraceLatencyRequest t = BULKHEAD__TRACE_LATENCY_REQUEST__INIT;

	q.verb_case = BULKHEAD__REQUEST__VERB_TRACE_LATENCY;
	q.trace_latency = &t;
	int code = bh_ask(url, &q, reply);
	if (code)
		return code;
	if ((*reply)->error) {
		snprintf(l->missing, sizeof(l->missing), "%s", (*reply)->error->text);
		l->not_yet = (*reply)->error->code == BULKHEAD__ERROR__CODE__NOT_YET;
	}
	if ((*reply)->answer_case == BULKHEAD__REPLY__ANSWER_TRACE_LATENCY)
		return 0;
	bulkhead__reply__free_unpacked(*reply, NULL);
	*reply = NULL;
	return 0;
}

int bh_linux_view(const char *url, const char *what)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000l };
	struct bh_latency l = { 0 };
	int code = 0;

	for (int i = 0; i == 0 || (i < PATIENCE && !code && l.not_yet); i++) {
		Bulkhead__Reply *reply = NULL;

		if (i)
			nanosleep(&pause, NULL);
		l = (struct bh_latency){ 0 };
		code = bh_latency_kernel(&l, url, &reply);
		if (reply)
			bulkhead__reply__free_unpacked(reply, NULL);
	}
	if (code || !l.missing[0])
		return code;
	fprintf(stderr, "bhctl: %s: %s\n", what, l.missing);
	return BH_EXIT_NO;
}

void bh_latency_fini(struct bh_latency *l)
{
	free(l->groups);
}
