/* SPDX-License-Identifier: MIT */
/*
 * timeline.c: bhctl trace timeline: records, pairs wake-ups with polls, writes files: a stretch
 * of events at a time, while it records. Events are lost if writing takes longer than a ring
 * lasts, so a stretch is short, and the file is text put together by hand.
 */
#include "tools/bhctl/trace/timeline.h"

#include "tools/bhctl/trace/latency.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bhctl/bhctl.h"

enum {
	SECONDS = 5,
	MAX_MIB = 256,
	EVENT_BYTES = 400,       /* of the file; more than most take */
	STRETCH = 1 << 16,       /* events */
	STRETCH_DRAWN = 1 << 18, /* of which there is a picture */
	OPEN = 1 << 16,          /* wake-ups that wait for their poll */
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
	const struct bh_event *event;
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
	const struct bh_event *x = ((const struct bh_arrow *)a)->from;
	const struct bh_event *y = ((const struct bh_arrow *)b)->from;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int newest_first(const void *a, const void *b)
{
	const struct bh_event *x = a, *y = b;

	return x->time_ns > y->time_ns ? -1 : x->time_ns < y->time_ns;
}

static bool makes_runnable(const struct bh_event *e)
{
	return e->kind == BH_EV_SPAWN || e->kind == BH_EV_WAKE || e->kind == BH_EV_TIMER ||
	       e->kind == BH_EV_IO;
}

static size_t add_steps(const struct bh_event *events, size_t n, struct step *out)
{
	size_t steps = 0;

	for (size_t i = 0; i < n; i++) {
		const struct bh_event *e = &events[i];
		bool poll = e->kind == BH_EV_POLL || e->kind == BH_EV_JOB;

		if (poll || makes_runnable(e))
			out[steps++] =
				(struct step){ e->task, bh_event_start(e), e, e->service, poll };
	}
	return steps;
}

static bool same_task(const struct step *a, const struct step *b)
{
	return a->task == b->task && a->service == b->service;
}

/* A wake-up leads to the task's next poll. Of two wake-ups in a row the first one's
 * poll was lost; the last may have its poll in the next stretch. */
bool bh_timeline_arrows(struct bh_timeline_data *t)
{
	size_t most = t->r->ready + t->n_open + 1, n;
	struct step *s = malloc(most * sizeof(*s));

	t->arrows = malloc(most * sizeof(*t->arrows));
	t->still = malloc(most * sizeof(*t->still));
	if (!s || !t->arrows || !t->still) {
		free(s);
		return false;
	}
	n = add_steps(t->open, t->n_open, s);
	n += add_steps(t->r->events, t->r->ready, s + n);
	qsort(s, n, sizeof(*s), by_task);
	for (size_t i = 0; i < n; i++) {
		bool last = i + 1 == n || !same_task(&s[i], &s[i + 1]);

		if (s[i].poll)
			continue;
		if (last)
			t->still[t->n_still++] = *s[i].event;
		else if (s[i + 1].poll)
			t->arrows[t->n_arrows++] = (struct bh_arrow){ s[i].event, s[i + 1].event };
	}
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

static void add_span(struct bh_timeline_data *t, const struct bh_event *e, enum bh_span_kind kind,
		     uint64_t to_ns, uint64_t ns)
{
	if (ns && ns <= to_ns)
		t->spans[t->n_spans++] = (struct bh_span){ .from_ns = to_ns - ns,
							   .to_ns = to_ns,
							   .event = e,
							   .kind = kind,
							   .cpu = e->cpu };
}

/* By worker: since when it has been on a CPU, and how long it is known to be there: to the
 * end, unless it is known by samples alone. */
struct stay {
	uint64_t from_ns, to_ns;
	struct bh_event event;
};
static struct stay stays[BH_RECORDER_SERVICES][BH_SLOTS];

/* A stay is told when it is over. One that is not is seen by its beginning, or, if that
 * was before the recording, by its samples. */
static void note_stay(const struct bh_event *e)
{
	struct stay *s = &stays[e->service][e->slot];

	if (e->kind == BH_EV_OFF_CPU || e->kind == BH_EV_DIED)
		s->from_ns = 0;
	else if (e->kind == BH_EV_ON_CPU)
		*s = (struct stay){ e->time_ns, UINT64_MAX, *e };
	else if (e->kind == BH_EV_SAMPLE && !s->from_ns)
		*s = (struct stay){ e->time_ns, e->time_ns, *e };
	else if (e->kind == BH_EV_SAMPLE && s->to_ns < e->time_ns)
		s->to_ns = e->time_ns;
}

static void add_stays(struct bh_timeline_data *t)
{
	for (size_t i = 0; i < BH_RECORDER_SERVICES; i++)
		for (size_t k = 0; k < BH_SLOTS; k++) {
			const struct stay *s = &stays[i][k];
			uint64_t to = s->to_ns == UINT64_MAX ? (uint64_t)t->r->now_ns : s->to_ns;

			if (s->from_ns && to > s->from_ns)
				add_span(t, &s->event, BH_SPAN_ON, to, to - s->from_ns);
		}
}

bool bh_timeline_spans(struct bh_timeline_data *t)
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
		note_stay(e);
		if (e->kind == BH_EV_OFF_CPU)
			add_span(t, e, BH_SPAN_ON, e->time_ns, e->a);
		if (waited)
			add_span(t, e, BH_SPAN_WAIT, e->time_ns, e->a);
		if (waited && e->b != UINT64_MAX)
			add_span(t, e, BH_SPAN_AWAY, e->time_ns - e->a, e->b);
	}
	if (t->last)
		add_stays(t);
	qsort(t->spans, t->n_spans, sizeof(*t->spans), by_start);
	return true;
}

void bh_span_name(char out[32], const struct bh_span *s)
{
	uint32_t off = s->event->other_pid;

	if (s->kind == BH_SPAN_ON)
		snprintf(out, 32, "on CPU %u", s->cpu);
	else if (s->kind == BH_SPAN_WAIT)
		snprintf(out, 32, "waits for a CPU");
	else
		snprintf(out, 32, "%s",
			 off <= BH_EVO_SLEPT ? bh_time_names[BH_OFF_CPU + off] : "off: unknown");
}

/* -- stretches ---------------------------------------------------------------------- */

/* There may be any number of wake-ups that never lead to a poll: the oldest are dropped. */
void bh_timeline_next(struct bh_timeline_data *t)
{
	if (t->n_still > OPEN) {
		qsort(t->still, t->n_still, sizeof(*t->still), newest_first);
		t->n_still = OPEN;
	}
	free(t->open);
	free(t->arrows);
	free(t->spans);
	*t = (struct bh_timeline_data){ .r = t->r,
					.open = t->still,
					.n_open = t->n_still,
					.arrows_before = t->arrows_before + t->n_arrows,
					.events = t->events + t->r->ready,
					.last = t->last };
}

void bh_timeline_fini(struct bh_timeline_data *t)
{
	free(t->open);
	free(t->still);
	free(t->arrows);
	free(t->spans);
}

/* -- the verb ------------------------------------------------------------------------- */

static const struct bh_options *options;
static struct bh_timeline_data timeline;
static FILE *file;
static uint64_t most_bytes;
static bool pictured, full;
static double pictured_s;

static int cannot_write(const char *path)
{
	fprintf(stderr, "bhctl: cannot write %s: %s\n", path, strerror(errno));
	return BH_EXIT_SYSTEM;
}

static int draw(void)
{
	FILE *f = fopen(options->svg, "w");
	bool ok = f && bh_timeline_svg(&timeline, f);
	int err = errno;

	pictured = true;
	pictured_s = bh_recorder_seconds(timeline.r);
	if (f && fclose(f)) {
		ok = false;
		err = errno;
	}
	errno = err;
	return ok ? 0 : cannot_write(options->svg);
}

/* Keeps the last stretch from going far beyond the limit of the file. */
static size_t stretch(void)
{
	size_t n = file && most_bytes / EVENT_BYTES < STRETCH ? most_bytes / EVENT_BYTES : STRETCH;

	return options->svg && !pictured ? STRETCH_DRAWN : n;
}

static int write_stretch(struct bh_recorder *r)
{
	uint64_t before = r->written;
	bool ok = !file || bh_timeline_json(&timeline, file);
	off_t at = file ? ftello(file) : 0;

	if (!ok) {
		errno = ENOMEM;
		return cannot_write(options->output);
	}
	if (file && (fflush(file) || at < 0))
		return cannot_write(options->output);
	r->written = (uint64_t)at;
	full = file && r->written + (r->written - before) > most_bytes;
	return 0;
}

static int take_stretch(struct bh_recorder *r)
{
	int code = 0;

	if (!bh_timeline_arrows(&timeline) || !bh_timeline_spans(&timeline)) {
		fprintf(stderr, "bhctl: no memory for %zu events\n", r->ready);
		return BH_EXIT_SYSTEM;
	}
	if (options->svg && !pictured)
		code = draw();
	if (!code)
		code = write_stretch(r);
	return code ? code : full || !file ? BH_RECORDER_ENOUGH : 0;
}

static int each(struct bh_recorder *r)
{
	int code = 0;

	while (!code && !timeline.last && (r->over || r->ready >= stretch())) {
		size_t all = r->ready, n = all < stretch() ? all : stretch();

		timeline.last = r->over && n == all;
		r->ready = n;
		code = take_stretch(r);
		bh_timeline_next(&timeline);
		bh_recorder_drop(r, n);
		r->ready = all - n;
	}
	return code;
}

/* Ends the file properly after any end of the recording, so that it can be opened. */
static int finish_file(const struct bh_recorder *r, int code)
{
	if (!file)
		return code;
	bh_timeline_json_end(&timeline, file);
	bool bad = ferror(file) != 0;
	if ((fclose(file) || bad) && !code)
		code = cannot_write(options->output);
	if (full && !code)
		fprintf(stderr, "bhctl: stopped at %llu MiB, after %.1f s: --max-size for more\n",
			(unsigned long long)r->written >> 20, bh_recorder_seconds(r));
	return code;
}

static int open_file(void)
{
	static char buffer[256 * 1024];

	if (!options->output)
		return 0;
	file = fopen(options->output, "w");
	if (!file)
		return cannot_write(options->output);
	setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	bh_timeline_json_begin(file);
	return 0;
}

int bh_timeline(const char *url, const struct bh_options *o)
{
	struct bh_recorder r;
	int code = bh_recorder_begin(&r, url, true);

	options = o;
	timeline.r = &r;
	most_bytes = (uint64_t)(o->max_mib ? o->max_mib : MAX_MIB) << 20;
	if (!code)
		code = open_file();
	if (!code) {
		code = bh_recorder_run(&r, o->seconds ? o->seconds : SECONDS, each, true);
		code = finish_file(&r, code);
	}
	if (!code && pictured && pictured_s < bh_recorder_seconds(&r))
		fprintf(stderr, "bhctl: the picture shows the first %.1f s: it is full\n",
			pictured_s);
	if (!code)
		fprintf(stderr,
			"bhctl: %zu events, %zu wake-ups followed to their poll, %llu lost%s\n",
			timeline.events, timeline.arrows_before, (unsigned long long)r.lost,
			o->output ?
				"; open the file in https://ui.perfetto.dev or chrome://tracing" :
				"");
	bh_timeline_fini(&timeline);
	bh_recorder_fini(&r);
	return code;
}
