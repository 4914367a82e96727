/* SPDX-License-Identifier: MIT */
/*
 * waits.c: bhctl trace latency --seconds: by task type, how long tasks waited from a
 * wake-up to the poll that it led to, how long their workers waited for a CPU, and how
 * long the polls took. From every event of a recording, so percentiles are exact.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bhctl.h"
#include "table.h"
#include "timeline.h"
#include "value.h"

enum what {
	QUEUE_WAIT,
	CPU_WAIT, /* known where BPF works */
	POLL
};

static const char *const names[] = { "queue wait", "CPU wait", "poll" };

struct sample {
	uint64_t ns;
	size_t event; /* one of its type */
	uint32_t type;
	uint8_t service, what;
};

/* All samples of one type and kind. */
struct group {
	const struct sample *s;
	size_t n;
	double mean_ns;
};

static int by_group(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->service != y->service)
		return x->service - y->service;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	if (x->what != y->what)
		return x->what - y->what;
	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

static void add(struct sample *s, size_t *n, const struct bh_timeline *t, size_t event,
		enum what what, uint64_t ns)
{
	const struct bh_event *e = &t->r->events[event];

	s[(*n)++] = (struct sample){ ns, event, e->type, e->service, (uint8_t)what };
}

/* Sorted; NULL: no memory. */
static struct sample *collect(const struct bh_timeline *t, size_t *n)
{
	struct sample *s = malloc((t->r->ready + t->n_arrows + 1) * sizeof(*s));

	*n = 0;
	if (!s)
		return NULL;
	for (size_t i = 0; i < t->r->ready; i++) {
		const struct bh_event *e = &t->r->events[i];

		if (e->kind == BH_EV_POLL || e->kind == BH_EV_JOB)
			add(s, n, t, i, POLL, e->a);
		else if (e->kind == BH_EV_ON_CPU && e->a != UINT64_MAX &&
			 e->type != BH_EVENT_NO_TYPE)
			add(s, n, t, i, CPU_WAIT, e->a);
	}
	for (size_t i = 0; i < t->n_arrows; i++) {
		const struct bh_arrow *a = &t->arrows[i];

		add(s, n, t, a->to, QUEUE_WAIT,
		    bh_event_start(&t->r->events[a->to]) - t->r->events[a->from].time_ns);
	}
	qsort(s, *n, sizeof(*s), by_group);
	return s;
}

/* The group that begins at @s, of at most @n samples. */
static struct group group_at(const struct sample *s, size_t n)
{
	struct group g = { .s = s };
	double sum = 0;

	while (g.n < n && s[g.n].service == s->service && s[g.n].type == s->type &&
	       s[g.n].what == s->what)
		sum += (double)s[g.n++].ns;
	g.mean_ns = sum / (double)g.n;
	return g;
}

/* The smallest value that @share of all do not exceed. */
static uint64_t percentile(const struct group *g, double share)
{
	size_t i = (size_t)(share * (double)g->n);

	return g->s[i < g->n ? i : g->n - 1].ns;
}

static void show_us(struct bh_table *t, double ns)
{
	char text[24];

	bh_text_us(text, ns / 1e3);
	bh_table_add(t, "%s", text);
}

static const double shares[] = { 0.5, 0.9, 0.99, 0.999, 1 };

static void show(const struct bh_recorder *r, const struct sample *s, size_t n)
{
	static const char *const heads[] = { "<service", "<type", "<what", "count", "mean",
					     "p50",      "p90",   "p99",   "p99.9", "max" };
	struct bh_table t;

	bh_table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < n;) {
		struct group g = group_at(s + i, n - i);
		const struct bh_event *e = &r->events[g.s->event];

		bh_table_add(&t, "%s", bh_recorder_service(r, e));
		bh_table_add(&t, "%s", bh_recorder_type(r, e));
		bh_table_add(&t, "%s", names[g.s->what]);
		bh_table_add(&t, "%zu", g.n);
		show_us(&t, g.mean_ns);
		for (size_t j = 0; j < sizeof(shares) / sizeof(shares[0]); j++)
			show_us(&t, (double)percentile(&g, shares[j]));
		i += g.n;
	}
	bh_table_print(&t, 0);
	if (r->lost)
		printf("%" PRIu64 " events were lost, and are not in here\n", r->lost);
}

static void print_json(const struct bh_recorder *r, const struct sample *s, size_t n)
{
	static const char *const keys[] = { "p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns" };
	struct json_object *o = json_object_new_object(), *list;

	bh_value_uint(o, "lost", r->lost);
	list = bh_value_array(o, "types");
	for (size_t i = 0; i < n;) {
		struct group g = group_at(s + i, n - i);
		const struct bh_event *e = &r->events[g.s->event];
		struct json_object *at = bh_value_item(list);

		bh_value_text(at, "service", bh_recorder_service(r, e));
		bh_value_text(at, "type", bh_recorder_type(r, e));
		bh_value_text(at, "what", names[g.s->what]);
		bh_value_uint(at, "count", g.n);
		bh_value_uint(at, "mean_ns", (uint64_t)g.mean_ns);
		for (size_t j = 0; j < sizeof(shares) / sizeof(shares[0]); j++)
			bh_value_uint(at, keys[j], percentile(&g, shares[j]));
		i += g.n;
	}
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED));
	json_object_put(o);
}

int bh_waits(const char *url, const struct bh_options *o)
{
	struct bh_recorder r;
	struct bh_timeline t = { .r = &r };
	struct sample *s = NULL;
	int code = bh_recorder_begin(&r, url, true);
	size_t n;

	if (!code)
		code = bh_recorder_run(&r, o->seconds, NULL);
	if (!code && (!bh_timeline_arrows(&t) || !(s = collect(&t, &n)))) {
		fprintf(stderr, "bhctl: no memory for %zu events; record for less time\n", r.n);
		code = BH_EXIT_SYSTEM;
	}
	if (!code)
		(o->json ? print_json : show)(&r, s, n);
	free(s);
	free(t.arrows);
	bh_recorder_fini(&r);
	return code;
}
