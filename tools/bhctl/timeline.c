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
	if (!code && !bh_timeline_arrows(&t)) {
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
	bh_recorder_fini(&r);
	return code;
}
