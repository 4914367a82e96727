/* SPDX-License-Identifier: MIT */
/* latency_show.c: latencies for people, and as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/base/buckets.h"
#include "tools/bhctl/show/table.h"
#include "tools/bhctl/show/value.h"
#include "tools/bhctl/trace/latency.h"
#include "tools/bhctl/trace/timeline.h"

enum {
	BARRED = BH_OFF_CPU, /* times that have bars */
	BAR = 14,
	FIRST = 6, /* octaves: all times below 512 ns are one */
	OCTAVES = (BH_HIST_BUCKETS - 1) / 4 + 1,
};

const char *const bh_time_names[BH_TIMES] = {
	[BH_QUEUE_WAIT] = "queue wait",
	[BH_CPU_WAIT] = "CPU wait",
	[BH_POLL_TIME] = "poll",
	[BH_OFF_CPU + BH_EVO_PREEMPTED] = "off: preempted",
	[BH_OFF_CPU + BH_EVO_FUTEX] = "off: futex",
	[BH_OFF_CPU + BH_EVO_IO] = "off: I/O",
	[BH_OFF_CPU + BH_EVO_FAULT] = "off: page fault",
	[BH_OFF_CPU + BH_EVO_SLEPT] = "off: other",
};

/* [floor(b), floor(b + 1)) is what bucket b holds. */
static uint64_t floor_of(unsigned b)
{
	return bh_bucket_floor(b, BH_HIST_FIRST);
}

/* The @i-th of bh_shares: exact, or the upper end of the bucket that it falls in. */
static uint64_t percentile(const struct bh_hist *h, int i)
{
	uint64_t seen = 0;

	if (h->exact_ns[BH_SHARES - 1] || i == BH_SHARES - 1)
		return i == BH_SHARES - 1 ? h->max_ns : h->exact_ns[i];
	for (unsigned b = 0; b < BH_HIST_BUCKETS; b++) {
		seen += h->buckets[b];
		if ((double)seen >= bh_shares[i] * (double)h->count)
			return floor_of(b + 1) < h->max_ns ? floor_of(b + 1) : h->max_ns;
	}
	return h->max_ns;
}

/* -- for people --------------------------------------------------------------------- */

static void add_us(struct bh_table *t, double ns)
{
	char text[24];

	bh_text_us(text, ns / 1e3);
	bh_table_add(t, "%s", text);
}

static void show_times(const struct bh_latency_group *g)
{
	static const char *const heads[] = { "<",   "count", "mean",  "p50",
					     "p90", "p99",   "p99.9", "max" };
	struct bh_table t;

	bh_table_init(&t, heads, sizeof(heads) / sizeof(*heads));
	for (int w = 0; w < BH_TIMES; w++) {
		const struct bh_hist *h = &g->time[w];

		if (!h->count)
			continue;
		bh_table_add(&t, "%s", bh_time_names[w]);
		bh_table_add(&t, "%" PRIu64, h->count);
		add_us(&t, h->sum_ns / (double)h->count);
		for (int i = 0; i < BH_SHARES; i++)
			add_us(&t, (double)percentile(h, i));
	}
	bh_table_print(&t, 2);
}

static uint64_t in_octave(const struct bh_hist *h, unsigned octave)
{
	uint64_t n = octave > FIRST ? 0 : h->buckets[0];
	unsigned from = octave > FIRST ? 1 + (octave - 1) * 4 : 1;

	for (unsigned b = from; b <= octave * 4 && b < BH_HIST_BUCKETS; b++)
		n += h->buckets[b];
	return n;
}

/* One column of the bars. */
struct bars {
	const char *name;
	uint64_t n[OCTAVES], most;
};

static int find_bars(const struct bh_latency_group *g, struct bars out[BARRED], unsigned *from,
		     unsigned *to)
{
	int n = 0;

	*from = OCTAVES;
	*to = 0;
	for (int w = 0; w < BARRED; w++) {
		struct bars *b = &out[n];

		if (!g->time[w].count)
			continue;
		*b = (struct bars){ .name = bh_time_names[w] };
		for (unsigned o = FIRST; o < OCTAVES; o++) {
			b->n[o] = in_octave(&g->time[w], o);
			b->most = b->n[o] > b->most ? b->n[o] : b->most;
			if (b->n[o] && o < *from)
				*from = o;
			if (b->n[o] && o > *to)
				*to = o;
		}
		n++;
	}
	return n;
}

/* The column of an octave. */
static size_t put_bar(char *line, size_t n, size_t room, const struct bars *b, unsigned octave)
{
	static const char full[BAR + 1] = "##############";
	uint64_t c = b->n[octave];
	int width = c ? (int)((c * BAR + b->most - 1) / b->most) : 0;
	char count[24] = "";

	if (c)
		snprintf(count, sizeof(count), "%" PRIu64, c);
	return (size_t)snprintf(line + n, room - n, "  %-*.*s%6s ", BAR, width, full, count);
}

static void put_line(char *line, size_t n)
{
	while (n && line[n - 1] == ' ')
		n--;
	printf("%.*s\n", (int)n, line);
}

static void show_bars(const struct bh_latency_group *g)
{
	struct bars bars[BARRED];
	unsigned from, to;
	char text[24], line[256];
	int n = find_bars(g, bars, &from, &to);
	size_t at = (size_t)snprintf(line, sizeof(line), "  %12s", "");

	if (!n)
		return;
	putchar('\n');
	for (int i = 0; i < n; i++)
		at += (size_t)snprintf(line + at, sizeof(line) - at, "  %-*s", BAR + 7,
				       bars[i].name);
	put_line(line, at);
	for (unsigned o = from; o <= to; o++) {
		bh_text_us(text, (double)floor_of(1 + o * 4) / 1e3);
		at = (size_t)snprintf(line, sizeof(line), "  < %10s", text);
		for (int i = 0; i < n; i++)
			at += put_bar(line, at, sizeof(line), &bars[i], o);
		put_line(line, at);
	}
}

static void show_group(const struct bh_latency *l, const struct bh_latency_group *g)
{
	char row[32];

	printf("service %s", g->service);
	bh_row_name(row, g->slot);
	if (l->by == BH_BY_WORKER)
		printf(", %s", row);
	else if (l->by == BH_BY_TASK)
		printf(", %s", g->type[0] ? g->type : "no task (its workers themselves)");
	puts(":");
	show_times(g);
	show_bars(g);
	putchar('\n');
}

static int by_name(const void *a, const void *b)
{
	const struct bh_latency_group *x = a, *y = b;
	int d = strcmp(x->service, y->service);

	if (!d)
		d = strcmp(x->type, y->type);
	return d ? d : x->slot < y->slot ? -1 : x->slot > y->slot;
}

void bh_latency_show(struct bh_latency *l)
{
	qsort(l->groups, l->n, sizeof(*l->groups), by_name);
	for (size_t i = 0; i < l->n; i++)
		show_group(l, &l->groups[i]);
	if (!l->n)
		puts(l->seconds ? "no task was polled meanwhile" : "nothing has been counted yet");
	if (!l->seconds)
		printf("not here: queue wait%s; they are not counted always: --seconds N records "
		       "them\n",
		       l->by == BH_BY_TASK ? ", and polls" : "");
	if (l->missing[0])
		printf("not here: CPU wait, and time off the CPU: %s\n", l->missing);
	if (l->lost)
		printf("%" PRIu64 " events were lost, and are not in here\n", l->lost);
}

/* -- JSON ------------------------------------------------------------------------------ */

static void add_hist(struct json_object *o, const char *key, const struct bh_hist *h)
{
	static const char *const keys[BH_SHARES] = { "p50_ns", "p90_ns", "p99_ns", "p999_ns",
						     "max_ns" };

	if (!h->count)
		return;
	struct json_object *at = bh_value_object(o, key), *list;

	bh_value_uint(at, "count", h->count);
	bh_value_uint(at, "mean_ns", (uint64_t)(h->sum_ns / (double)h->count));
	for (int i = 0; i < BH_SHARES; i++)
		bh_value_uint(at, keys[i], percentile(h, i));
	list = bh_value_array(at, "buckets");
	for (unsigned b = 0; b < BH_HIST_BUCKETS; b++)
		if (h->buckets[b])
			bh_value_bucket(bh_value_item(list), floor_of(b),
					b + 1 < BH_HIST_BUCKETS ? floor_of(b + 1) : 0,
					h->buckets[b]);
}

static void add_group(struct json_object *at, enum bh_by by, const struct bh_latency_group *g)
{
	struct json_object *off;

	bh_value_text(at, "service", g->service);
	if (by == BH_BY_WORKER)
		bh_value_uint(at, "slot", g->slot);
	if (by == BH_BY_TASK)
		bh_value_text(at, "type", g->type);
	add_hist(at, "queue_wait", &g->time[BH_QUEUE_WAIT]);
	add_hist(at, "cpu_wait", &g->time[BH_CPU_WAIT]);
	add_hist(at, "poll", &g->time[BH_POLL_TIME]);
	off = bh_value_object(at, "off_cpu");
	for (int i = 0; i <= BH_EVO_SLEPT; i++)
		add_hist(off, bh_event_off_name((unsigned)i), &g->time[BH_OFF_CPU + i]);
}

void bh_latency_json(struct bh_latency *l)
{
	static const char *const by[] = {
		[BH_BY_TASK] = "task", [BH_BY_WORKER] = "worker", [BH_BY_SERVICE] = "service"
	};
	struct json_object *o = json_object_new_object(), *list;

	qsort(l->groups, l->n, sizeof(*l->groups), by_name);
	bh_value_text(o, "by", by[l->by]);
	if (l->seconds)
		bh_value_uint(o, "seconds", l->seconds);
	bh_value_uint(o, "lost", l->lost);
	if (l->missing[0])
		bh_value_text(o, "missing", l->missing);
	list = bh_value_array(o, "groups");
	for (size_t i = 0; i < l->n; i++)
		add_group(bh_value_item(list), l->by, &l->groups[i]);
	bh_value_print(o, false);
}
