/* SPDX-License-Identifier: MIT */
/*
 * waits.c: bhctl trace latency: how long tasks waited from a wake-up to the poll that
 * it led to, how long their workers waited for a CPU, how long the polls took, and
 * why workers were off their CPUs. From every event of a recording, so percentiles
 * are exact. Events are dropped as they are read; the times kept of them are bounded (MOST),
 * and the recording ends when they are full.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bhctl/trace/latency.h"
#include "tools/bhctl/trace/timeline.h"

enum {
	SECONDS = 5,
	SLOTS = BH_ROW_KERNEL + 1,
	STRETCH = 1 << 16, /* events */
	MOST = 3 << 20,    /* times: 48 MiB */
};

struct sample {
	uint64_t ns;
	uint32_t who; /* slot or type, as they are grouped by */
	uint8_t service, what;
};

struct samples {
	struct sample *s;
	size_t n, room;
	enum bh_by by;
};

static struct samples samples;
static struct bh_timeline_data timeline;

static int by_group(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->service != y->service)
		return x->service - y->service;
	if (x->who != y->who)
		return x->who < y->who ? -1 : 1;
	if (x->what != y->what)
		return x->what - y->what;
	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

static void add(struct samples *s, const struct bh_event *e, uint32_t type, unsigned what,
		uint64_t ns)
{
	uint32_t who = s->by == BH_BY_SERVICE ? 0 : s->by == BH_BY_WORKER ? e->slot : type;

	s->s[s->n++] = (struct sample){ ns, who, e->service, (uint8_t)what };
}

/*
 * The task type of each time that a worker got a CPU (by event): the type of the task that it
 * was preempted or blocked in. A worker without a task was woken for the task that it polls
 * next: the wait counts for that task, unless the worker goes to sleep again before. Events
 * are in the order of their ends, and polls of one worker do not overlap.
 */
static void find_types(const struct bh_recorder *r, uint32_t *type)
{
	static size_t open[BH_RECORDER_SERVICES][SLOTS]; /* 1 + event that waits for its poll */

	memset(open, 0, sizeof(open));
	for (size_t i = 0; i < r->ready; i++) {
		const struct bh_event *e = &r->events[i];

		type[i] = e->type;
		if (e->service >= BH_RECORDER_SERVICES || e->slot >= SLOTS)
			continue;
		size_t *waits = &open[e->service][e->slot];
		if (e->kind == BH_EV_ON_CPU && e->type == BH_EVENT_NO_TYPE)
			*waits = i + 1;
		if ((e->kind != BH_EV_POLL && e->kind != BH_EV_JOB) || !*waits)
			continue;
		type[*waits - 1] = e->type;
		*waits = 0;
	}
}

static void collect_event(struct samples *s, const struct bh_event *e, uint32_t type)
{
	if (e->kind == BH_EV_POLL || e->kind == BH_EV_JOB)
		add(s, e, e->type, BH_POLL_TIME, e->a);
	if (e->kind != BH_EV_ON_CPU)
		return;
	if (e->a != UINT64_MAX)
		add(s, e, type, BH_CPU_WAIT, e->a);
	if (e->other_pid == BH_EVO_PREEMPTED && e->a != UINT64_MAX)
		add(s, e, e->type, BH_OFF_CPU + BH_EVO_PREEMPTED, e->a);
	else if (e->other_pid <= BH_EVO_SLEPT && e->b != UINT64_MAX)
		add(s, e, e->type, BH_OFF_CPU + e->other_pid, e->b);
}

/* Room for @n more. */
static bool allow(struct samples *s, size_t n)
{
	size_t room = s->room ? s->room : STRETCH;

	while (room < s->n + n)
		room *= 2;
	struct sample *more = room > s->room ? realloc(s->s, room * sizeof(*more)) : s->s;
	if (!more)
		return false;
	s->s = more;
	s->room = room;
	return true;
}

/* Collects the times of a stretch. False: no memory. */
static bool collect(const struct bh_timeline_data *t, struct samples *s)
{
	const struct bh_recorder *r = t->r;
	uint32_t *type = malloc((r->ready + 1) * sizeof(*type));

	if (!type || !allow(s, 2 * r->ready + t->n_arrows)) {
		free(type);
		return false;
	}
	find_types(r, type);
	for (size_t i = 0; i < r->ready; i++)
		collect_event(s, &r->events[i], type[i]);
	for (size_t i = 0; i < t->n_arrows; i++) {
		const struct bh_event *to = t->arrows[i].to;

		add(s, to, to->type, BH_QUEUE_WAIT,
		    bh_event_start(to) - t->arrows[i].from->time_ns);
	}
	free(type);
	return true;
}

static int each(struct bh_recorder *r)
{
	if (!r->over && r->ready < STRETCH)
		return 0;
	if (!bh_timeline_arrows(&timeline) || !collect(&timeline, &samples)) {
		fprintf(stderr, "bhctl: no memory for %zu times; record for less time\n",
			samples.n);
		return BH_EXIT_SYSTEM;
	}
	bh_timeline_next(&timeline);
	bh_recorder_drop(r, r->ready);
	if (r->over || samples.n < MOST)
		return 0;
	fprintf(stderr, "bhctl: stopped after %.1f s: no more than %zu times are kept\n",
		bh_recorder_seconds(r), samples.n);
	return BH_RECORDER_ENOUGH;
}

/* One group's samples of one time, [s, s + n), sorted. */
static void add_group(struct bh_latency *l, const struct bh_recorder *r, const struct sample *s,
		      size_t n)
{
	const struct bh_event e = { .service = s->service, .type = s->who };
	const char *type = s->who == BH_EVENT_NO_TYPE ? "" : bh_recorder_type(r, &e);
	struct bh_hist *h =
		bh_latency_of(l, bh_recorder_service(r, &e), s->who, type, (enum bh_time)s->what);

	for (size_t i = 0; i < n; i++) {
		bh_hist_add(h, s[i].ns, s[i].ns + 1, 1);
		h->sum_ns += (double)s[i].ns;
	}
	/* The smallest value that so many do not exceed. */
	for (int i = 0; i < BH_SHARES; i++) {
		size_t at = (size_t)(bh_shares[i] * (double)n);
		h->exact_ns[i] = s[at < n ? at : n - 1].ns;
	}
	h->max_ns = s[n - 1].ns;
}

static void group(struct bh_latency *l, const struct bh_recorder *r, const struct samples *s)
{
	for (size_t i = 0, n; i < s->n; i += n) {
		const struct sample *at = &s->s[i];

		for (n = 1; i + n < s->n && at[n].service == at->service && at[n].who == at->who &&
			    at[n].what == at->what;
		     n++)
			;
		add_group(l, r, at, n);
	}
}

int bh_waits(const char *url, const struct bh_options *o)
{
	struct bh_latency l = { .by = o->by, .seconds = o->seconds ? o->seconds : SECONDS };
	struct bh_recorder r;
	Bulkhead__Reply *kernel = NULL;
	int code = bh_recorder_begin(&r, url, true);

	samples.by = o->by;
	timeline.r = &r;
	if (!code)
		code = bh_recorder_run(&r, l.seconds, each, true);
	if (!code)
		code = bh_latency_kernel(&l, url, &kernel);
	if (kernel)
		bulkhead__reply__free_unpacked(kernel, NULL);
	if (!code) {
		if (bh_recorder_seconds(&r) < l.seconds)
			l.seconds = (uint32_t)bh_recorder_seconds(&r) + 1;
		l.lost = r.lost;
		qsort(samples.s, samples.n, sizeof(*samples.s), by_group);
		group(&l, &r, &samples);
		(o->json ? bh_latency_json : bh_latency_show)(&l);
	}
	bh_latency_fini(&l);
	free(samples.s);
	bh_timeline_fini(&timeline);
	bh_recorder_fini(&r);
	return code;
}
