/* SPDX-License-Identifier: MIT */
/*
 * hogs.c: bhctl trace hogs: which task types have the CPUs: by the samples of the
 * Linux kernel's view, and by the polls that the workers recorded.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/show/table.h"
#include "tools/bhctl/show/value.h"
#include "tools/bhctl/trace/latency.h"
#include "tools/bhctl/trace/recorder.h"

enum {
	NO_TYPE = BH_RECORDER_TYPES, /* a worker that runs no task, or it is not known which */
	SECONDS = 5,
};

struct hog {
	uint8_t service;
	uint32_t type;
	uint64_t samples, polls, poll_ns, longest_ns, longest_task;
};

static struct hog hogs[BH_RECORDER_SERVICES][BH_RECORDER_TYPES + 1];
static uint64_t samples;

static int count(struct bh_recorder *r)
{
	for (size_t i = 0; i < r->ready; i++) {
		const struct bh_event *e = &r->events[i];

		if (e->service >= BH_RECORDER_SERVICES)
			continue;
		struct hog *h = &hogs[e->service][e->type < NO_TYPE ? e->type : NO_TYPE];
		if (e->kind == BH_EV_SAMPLE) {
			h->samples++;
			samples++;
		} else if (e->kind == BH_EV_POLL || e->kind == BH_EV_JOB) {
			h->polls++;
			h->poll_ns += e->a;
			if (e->a > h->longest_ns) {
				h->longest_ns = e->a;
				h->longest_task = e->task;
			}
		}
	}
	bh_recorder_drop(r, r->ready);
	return 0;
}

static int by_cost(const void *a, const void *b)
{
	const struct hog *x = *(struct hog *const *)a, *y = *(struct hog *const *)b;

	if (x->samples != y->samples)
		return x->samples > y->samples ? -1 : 1;
	return x->poll_ns > y->poll_ns ? -1 : x->poll_ns < y->poll_ns;
}

static const char *name_of(const struct bh_recorder *r, const struct hog *h)
{
	const struct bh_event e = { .service = h->service, .type = h->type };

	return h->type == NO_TYPE ? "(the worker itself)" : bh_recorder_type(r, &e);
}

static void show(const struct bh_recorder *r, struct hog *const *list, size_t n)
{
	static const char *const heads[] = { "<service", "<task type", "samples", "of CPU",
					     "polls",    "in polls",   "longest", "<by task" };
	struct bh_table t;
	char all[24], longest[24];

	bh_table_init(&t, heads, sizeof(heads) / sizeof(*heads));
	for (size_t i = 0; i < n; i++) {
		const struct hog *h = list[i];
		const struct bh_event e = { .service = h->service };

		bh_text_us(all, (double)h->poll_ns / 1e3);
		bh_text_us(longest, (double)h->longest_ns / 1e3);
		bh_table_add(&t, "%s", bh_recorder_service(r, &e));
		bh_table_add(&t, "%s", name_of(r, h));
		bh_table_add(&t, "%" PRIu64, h->samples);
		bh_table_add(&t, "%.1f %%",
			     samples ? 100.0 * (double)h->samples / (double)samples : 0);
		bh_table_add(&t, "%" PRIu64, h->polls);
		bh_table_add(&t, "%s", all);
		bh_table_add(&t, "%s", h->polls ? longest : "-");
		bh_table_add(&t, h->longest_task ? "%#" PRIx64 : "-", h->longest_task);
	}
	bh_table_print(&t, 0);
}

static void show_json(const struct bh_recorder *r, struct hog *const *list, size_t n)
{
	struct json_object *o = json_object_new_object(), *hogs_ = bh_value_array(o, "hogs");

	for (size_t i = 0; i < n; i++) {
		const struct hog *h = list[i];
		const struct bh_event e = { .service = h->service };
		struct json_object *at = bh_value_item(hogs_);

		bh_value_text(at, "service", bh_recorder_service(r, &e));
		bh_value_text(at, "type", h->type == NO_TYPE ? "" : name_of(r, h));
		bh_value_uint(at, "samples", h->samples);
		bh_value_uint(at, "polls", h->polls);
		bh_value_uint(at, "poll_ns", h->poll_ns);
		bh_value_uint(at, "longest_ns", h->longest_ns);
		bh_value_hex(at, "longest_task", h->longest_task);
	}
	bh_value_uint(o, "samples", samples);
	bh_value_uint(o, "lost", r->lost);
	bh_value_print(o, false);
}

int bh_hogs(const char *url, const struct bh_options *o)
{
	static struct hog *list[BH_RECORDER_SERVICES * (BH_RECORDER_TYPES + 1)];
	struct bh_recorder r;
	size_t n = 0;
	int code = bh_recorder_begin(&r, url, true);

	if (!code)
		code = bh_recorder_run(&r, o->seconds ? o->seconds : SECONDS, count, true);
	for (uint32_t s = 0; s < BH_RECORDER_SERVICES; s++) {
		for (uint32_t t = 0; t <= NO_TYPE; t++) {
			struct hog *h = &hogs[s][t];

			h->service = (uint8_t)s;
			h->type = t;
			if (h->samples || h->polls)
				list[n++] = h;
		}
	}
	qsort(list, n, sizeof(*list), by_cost);
	if (!code)
		(o->json ? show_json : show)(&r, list, n);
	if (!code && !samples)
		code = bh_linux_view(url,
				     "only polls were counted; there are no samples of the CPU");
	bh_recorder_fini(&r);
	return code;
}
