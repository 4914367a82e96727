/* SPDX-License-Identifier: MIT */
/*
 * wakers.c: bhctl trace wakers: pairs of waker and woken with their counts: tasks by their
 * type (from the workers), and workers (from the Linux kernel's scheduler).
 *
 * An event names the waker by its handle alone; the waker's type is known if any other event
 * of the same stretch of the recording was about it. The counts of a stretch are merged
 * into the total, so memory grows only with the number of different pairs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/show/table.h"
#include "tools/bhctl/show/value.h"
#include "tools/bhctl/trace/recorder.h"

enum {
	SECONDS = 5,
	NAME = 64,
	STRETCH = 1 << 16, /* events */
};

struct known {
	uint64_t task;
	uint8_t service;
	uint32_t type;
};

struct pair {
	char from[NAME], to[NAME];
	uint64_t n;
};

static struct known *known;
static size_t n_known;
static struct pair *pairs;
static size_t n_pairs;

static int by_task(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	return x->task < y->task ? -1 : x->task > y->task;
}

static void learn(const struct bh_recorder *r)
{
	known = calloc(r->ready + 1, sizeof(*known));
	if (!known)
		abort();
	n_known = 0;
	for (size_t i = 0; i < r->ready; i++) {
		const struct bh_event *e = &r->events[i];

		if (e->kind != BH_EV_MORE && e->type != BH_EVENT_NO_TYPE && e->task)
			known[n_known++] = (struct known){ e->task, e->service, e->type };
	}
	qsort(known, n_known, sizeof(*known), by_task);
}

static void task_name(const struct bh_recorder *r, const struct bh_event *e, char name[NAME])
{
	const struct known key = { .task = e->other, .service = e->service };
	const struct known *k = bsearch(&key, known, n_known, sizeof(*known), by_task);
	struct bh_event as = *e;

	as.type = k ? k->type : BH_EVENT_NO_TYPE;
	snprintf(name, NAME, "%s",
		 !e->other ? "(no task)" :
		 k         ? bh_recorder_type(r, &as) :
			     "(unknown task)");
}

static void worker_name(const struct bh_recorder *r, const struct bh_event *e, char name[NAME])
{
	const struct bh_event as = { .service = (uint8_t)(e->a >> 16) };

	if (e->a != UINT64_MAX)
		snprintf(name, NAME, "worker %.40s/%u", bh_recorder_service(r, &as),
			 (uint16_t)e->a);
	else if (e->b)
		snprintf(name, NAME, "an interrupt");
	else
		snprintf(name, NAME, "process %u", e->other_pid);
}

static int by_names(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int c = strcmp(x->from, y->from);

	return c ? c : strcmp(x->to, y->to);
}

static int by_count(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return x->n > y->n ? -1 : x->n < y->n ? 1 : by_names(a, b);
}

/* Merges the @n pairs so that each pair of names is there once, with its count. */
static void merge(size_t n)
{
	n_pairs = 0;
	qsort(pairs, n, sizeof(*pairs), by_names);
	for (size_t i = 0; i < n; i++) {
		if (n_pairs && !by_names(&pairs[n_pairs - 1], &pairs[i]))
			pairs[n_pairs - 1].n += pairs[i].n;
		else
			pairs[n_pairs++] = pairs[i];
	}
}

static void count(const struct bh_recorder *r)
{
	size_t n = n_pairs;

	pairs = realloc(pairs, (n + r->ready + 1) * sizeof(*pairs));
	if (!pairs)
		abort();
	for (size_t i = 0; i < r->ready; i++) {
		const struct bh_event *e = &r->events[i];
		struct pair *p = &pairs[n];

		if (e->kind == BH_EV_WAKE) {
			task_name(r, e, p->from);
			snprintf(p->to, NAME, "%s", bh_recorder_type(r, e));
		} else if (e->kind == BH_EV_WOKEN) {
			worker_name(r, e, p->from);
			snprintf(p->to, NAME, "worker %.40s/%u", bh_recorder_service(r, e),
				 e->slot);
		} else {
			continue;
		}
		p->n = 1;
		n++;
	}
	merge(n);
}

static int each(struct bh_recorder *r)
{
	if (!r->over && r->ready < STRETCH)
		return 0;
	learn(r);
	count(r);
	free(known);
	bh_recorder_drop(r, r->ready);
	return 0;
}

static void show(const struct bh_options *o, const struct bh_recorder *r)
{
	static const char *const heads[] = { "<waker", "<woken", "times" };
	struct json_object *json = json_object_new_object(), *list = bh_value_array(json, "wakers");
	struct bh_table t;

	bh_table_init(&t, heads, sizeof(heads) / sizeof(*heads));
	for (size_t i = 0; i < n_pairs; i++) {
		struct json_object *at = bh_value_item(list);

		bh_value_text(at, "waker", pairs[i].from);
		bh_value_text(at, "woken", pairs[i].to);
		bh_value_uint(at, "times", pairs[i].n);
		bh_table_add(&t, "%s", pairs[i].from);
		bh_table_add(&t, "%s", pairs[i].to);
		bh_table_add(&t, "%" PRIu64, pairs[i].n);
	}
	bh_value_uint(json, "lost", r->lost);
	if (o->json) {
		bh_value_print(json, false);
		return;
	}
	json_object_put(json);
	bh_table_print(&t, 0);
	if (r->lost)
		printf("%" PRIu64 " events were lost: there were more wake-ups\n", r->lost);
}

int bh_wakers(const char *url, const struct bh_options *o)
{
	struct bh_recorder r;
	int code = bh_recorder_begin(&r, url, true);

	if (!code)
		code = bh_recorder_run(&r, o->seconds ? o->seconds : SECONDS, each, true);
	if (!code) {
		qsort(pairs, n_pairs, sizeof(*pairs), by_count);
		show(o, &r);
	}
	free(pairs);
	bh_recorder_fini(&r);
	return code;
}
