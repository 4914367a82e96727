/* SPDX-License-Identifier: MIT */
/* timeline.c: bhctl trace timeline: records, finds who woke whom, writes files. */
#include "timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bhctl.h"

enum {
	SECONDS = 5
};

void bh_row_name(char out[32], unsigned slot)
{
	if (slot == BH_ROW_KERNEL)
		snprintf(out, 32, "kernel");
	else if (slot >= BH_MAX_WORKERS)
		snprintf(out, 32, "blocking %u", slot - BH_MAX_WORKERS);
	else
		snprintf(out, 32, "worker %u", slot);
}

/* -- arrows --------------------------------------------------------------------- */

/* A task became runnable, or began to be polled. */
struct step {
	uint64_t task, at_ns;
	size_t event;
	uint8_t service;
	bool poll;
};

static int by_task(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	if (x->task != y->task)
		return x->task < y->task ? -1 : 1;
	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	return x->poll - y->poll;
}

static int by_from(const void *a, const void *b)
{
	const struct bh_arrow *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

static bool makes_runnable(const struct bh_event *e)
{
	return e->kind == BH_EV_SPAWN || e->kind == BH_EV_WAKE || e->kind == BH_EV_TIMER ||
	       e->kind == BH_EV_IO;
}

static size_t steps_of(const struct bh_recorder *r, struct step *out)
{
	size_t n = 0;

	for (size_t i = 0; i < r->ready; i++) {
		const struct bh_event *e = &r->events[i];
		bool poll = e->kind == BH_EV_POLL || e->kind == BH_EV_JOB;

		if (poll || makes_runnable(e))
			out[n++] = (struct step){ e->task, bh_event_start(e), i, e->service, poll };
	}
	return n;
}

/* A wake-up leads to the task's next poll. Of two wake-ups in a row the first one's
 * poll was lost. */
bool bh_timeline_arrows(struct bh_timeline *t)
{
	struct step *s = malloc((t->r->ready + 1) * sizeof(*s));
	size_t n;

	t->arrows = malloc((t->r->ready + 1) * sizeof(*t->arrows));
	if (!s || !t->arrows) {
		free(s);
		return false;
	}
	n = steps_of(t->r, s);
	qsort(s, n, sizeof(*s), by_task);
	for (size_t i = 1; i < n; i++)
		if (!s[i - 1].poll && s[i].poll && s[i - 1].task == s[i].task &&
		    s[i - 1].service == s[i].service)
			t->arrows[t->n_arrows++] = (struct bh_arrow){ s[i - 1].event, s[i].event };
	qsort(t->arrows, t->n_arrows, sizeof(*t->arrows), by_from);
	free(s);
	return true;
}

/* -- spans ---------------------------------------------------------------------- */

static int by_start(const void *a, const void *b)
{
	const struct bh_span *x = a, *y = b;

	return x->from_ns != y->from_ns ? (x->from_ns < y->from_ns ? -1 : 1) :
					  (int)x->kind - (int)y->kind;
}

static void add_span(struct bh_timeline *t, size_t event, enum bh_span_kind kind, uint64_t to_ns,
		     uint64_t ns)
{
	if (ns && ns <= to_ns)
		t->spans[t->n_spans++] = (struct bh_span){ .from_ns = to_ns - ns,
							   .to_ns = to_ns,
							   .event = event,
							   .kind = kind,
							   .cpu = t->r->events[event].cpu };
}

/* By worker: since when it has been on a CPU, and how long it is known to be there. */
struct stay {
	uint64_t from_ns, to_ns;
	size_t event;
};
static struct stay stays[BH_RECORDER_SERVICES][BH_SLOTS];

/* A stay is told when it is over. One that is not is seen by its beginning, or, if that
 * was before the recording, by its samples. */
static void note_stay(const struct bh_timeline *t, size_t event)
{
	const struct bh_event *e = &t->r->events[event];
	struct stay *s = &stays[e->service][e->slot];

	if (e->kind == BH_EV_OFF_CPU)
		*s = (struct stay){ 0 };
	else if (e->kind == BH_EV_ON_CPU)
		*s = (struct stay){ e->time_ns, (uint64_t)t->r->now_ns, event };
	else if (e->kind == BH_EV_SAMPLE && !s->from_ns)
		*s = (struct stay){ e->time_ns, e->time_ns, event };
	else if (e->kind == BH_EV_SAMPLE && s->to_ns < e->time_ns)
		s->to_ns = e->time_ns;
	else if (e->kind == BH_EV_DIED)
		*s = (struct stay){ 0 };
}

static void add_stays(struct bh_timeline *t)
{
	for (size_t i = 0; i < BH_RECORDER_SERVICES; i++)
		for (size_t k = 0; k < BH_SLOTS; k++) {
			const struct stay *s = &stays[i][k];

			if (s->from_ns && s->to_ns > s->from_ns)
				add_span(t, s->event, BH_SPAN_ON, s->to_ns, s->to_ns - s->from_ns);
		}
}

bool bh_timeline_spans(struct bh_timeline *t)
{
	size_t most = 2 * t->r->ready + (size_t)BH_RECORDER_SERVICES * BH_SLOTS + 1;

	t->spans = malloc(most * sizeof(*t->spans));
	if (!t->spans)
		return false;
	for (size_t i = 0; i < t->r->ready; i++) {
		const struct bh_event *e = &t->r->events[i];
		bool waited = e->kind == BH_EV_ON_CPU && e->a < e->time_ns;

		if (e->service >= BH_RECORDER_SERVICES || e->slot >= BH_SLOTS)
			continue;
		note_stay(t, i);
		if (e->kind == BH_EV_OFF_CPU)
			add_span(t, i, BH_SPAN_ON, e->time_ns, e->a);
		if (waited)
			add_span(t, i, BH_SPAN_WAIT, e->time_ns, e->a);
		if (waited && e->b != UINT64_MAX)
			add_span(t, i, BH_SPAN_AWAY, e->time_ns - e->a, e->b);
	}
	add_stays(t);
	qsort(t->spans, t->n_spans, sizeof(*t->spans), by_start);
	return true;
}

void bh_span_name(char out[32], const struct bh_timeline *t, const struct bh_span *s)
{
	static const char *const why[] = { "preempted", "futex", "I/O", "page fault", "other" };
	uint32_t off = t->r->events[s->event].other_pid;

	if (s->kind == BH_SPAN_ON)
		snprintf(out, 32, "on CPU %u", s->cpu);
	else if (s->kind == BH_SPAN_WAIT)
		snprintf(out, 32, "waits for a CPU");
	else
		snprintf(out, 32, "off: %s",
			 off < sizeof(why) / sizeof(*why) ? why[off] : "unknown");
}

/* -- files ------------------------------------------------------------------------ */

static int write_file(const struct bh_timeline *t, const char *path,
		      bool (*write)(const struct bh_timeline *, FILE *))
{
	FILE *f = fopen(path, "w");
	bool ok = f && write(t, f);
	int err = errno;

	if (f && fclose(f)) {
		ok = false;
		err = errno;
	}
	if (ok)
		return BH_EXIT_OK;
	fprintf(stderr, "bhctl: cannot write %s: %s\n", path, strerror(err));
	return BH_EXIT_SYSTEM;
}

static int write_files(const struct bh_timeline *t, const struct bh_options *o)
{
	int code = 0;

	if (o->output)
		code = write_file(t, o->output, bh_timeline_json);
	if (!code && o->svg)
		code = write_file(t, o->svg, bh_timeline_svg);
	return code;
}

int bh_timeline(const char *url, const struct bh_options *o)
{
	struct bh_recorder r;
	struct bh_timeline t = { .r = &r };
	int code = bh_recorder_begin(&r, url, true);

	if (!code)
		code = bh_recorder_run(&r, o->seconds ? o->seconds : SECONDS, NULL);
	if (!code && (!bh_timeline_arrows(&t) || !bh_timeline_spans(&t))) {
		fprintf(stderr, "bhctl: no memory for %zu events; record for less time\n", r.n);
		code = BH_EXIT_SYSTEM;
	}
	if (!code)
		code = write_files(&t, o);
	if (!code)
		fprintf(stderr,
			"bhctl: %zu events, %zu wake-ups followed to their poll, %llu lost%s\n",
			r.n, t.n_arrows, (unsigned long long)r.lost,
			o->output ?
				"; open the file in https://ui.perfetto.dev or chrome://tracing" :
				"");
	free(t.arrows);
	free(t.spans);
	bh_recorder_fini(&r);
	return code;
}
