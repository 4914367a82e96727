/* SPDX-License-Identifier: MIT */
/*
 * svg.c: a timeline as a picture that stands alone: no script, no other file.
 *
 * A slice narrower than a pixel whose pixel has one already is left out, so the file
 * is bounded for any number of polls; and only the arrows of the longest waits are
 * drawn. The picture says so in both cases.
 */
#include "tools/bhctl/trace/timeline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	WIDTH = 1500,
	LEFT = 170,   /* of the rows: their names */
	RIGHT = 20,   /* margin */
	TOP = 64,     /* title and axis */
	ROW = 34,     /* from row to row */
	BAR = 22,     /* a slice's height */
	ARROWS = 400, /* at most */
	TICKS = 10,
	LABEL = 60, /* a slice this wide has its name in it */
	MOST_ROWS = 256,
	NAMES = 16,                   /* in the legend */
	CPU_ROW = BH_EVENT_NO_WORKER, /* as a row's service: its slot is a CPU */
};

struct picture {
	const struct bh_timeline_data *t;
	FILE *f;
	int64_t from_ns, to_ns;
	struct {
		uint8_t service;
		uint16_t slot;
		double drawn[4]; /* x up to which there is a poll, a sleep, BH_SPAN_ON, _WAIT */
	} row[MOST_ROWS];
	unsigned rows;
	const char *name[NAMES];
	unsigned names;
	size_t slices, merged, arrows;
};

static double x_of(const struct picture *p, int64_t ns)
{
	double x = (double)(ns - p->from_ns) / (double)(p->to_ns - p->from_ns);

	x = x < 0 ? 0 : x > 1 ? 1 : x;
	return LEFT + x * (WIDTH - LEFT - RIGHT);
}

static double y_of(unsigned row)
{
	return TOP + (double)row * ROW;
}

static unsigned row_at(const struct picture *p, uint8_t service, unsigned slot)
{
	for (unsigned i = 0; i < p->rows; i++)
		if (p->row[i].service == service && p->row[i].slot == slot)
			return i;
	return MOST_ROWS;
}

static unsigned row_of(const struct picture *p, const struct bh_event *e)
{
	return row_at(p, e->service, e->slot);
}

/* CPUs first: 255 + 1 wraps. */
static int by_place(const void *a, const void *b)
{
	const struct bh_event *x = a, *y = b;
	uint8_t left = (uint8_t)(x->service + 1), right = (uint8_t)(y->service + 1);

	return left != right ? left - right : x->slot - y->slot;
}

/* Names come from configuration and code: characters that are markup in XML are
 * not let through. */
static void put_text(FILE *f, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			fputc(*s, f);
		}
	}
}

/* The same name has the same colour in every picture. */
static unsigned hue_of(const char *name)
{
	unsigned h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return (h ^ h >> 15) * 0x9e3779b1u >> 16 & 0x1ff; /* degrees; beyond 360 they wrap */
}

static void find_row(struct picture *p, struct bh_event seen[MOST_ROWS], uint8_t service,
		     unsigned slot)
{
	if (p->rows == MOST_ROWS || row_at(p, service, slot) < MOST_ROWS)
		return;
	seen[p->rows].service = p->row[p->rows].service = service;
	seen[p->rows].slot = p->row[p->rows].slot = (uint16_t)slot;
	p->rows++;
}

static void find_rows(struct picture *p)
{
	struct bh_event seen[MOST_ROWS];

	for (size_t i = 0; i < p->t->n_spans; i++)
		if (p->t->spans[i].kind == BH_SPAN_ON)
			find_row(p, seen, CPU_ROW, p->t->spans[i].cpu);
	for (size_t i = 0; i < p->t->r->ready; i++) {
		const struct bh_event *e = &p->t->r->events[i];

		if (e->kind != BH_EV_MORE && e->service != CPU_ROW && e->slot <= BH_ROW_KERNEL)
			find_row(p, seen, e->service, e->slot);
	}
	qsort(seen, p->rows, sizeof(seen[0]), by_place);
	for (unsigned i = 0; i < p->rows; i++) {
		p->row[i].service = seen[i].service;
		p->row[i].slot = seen[i].slot;
	}
}

static void put_head(struct picture *p)
{
	unsigned height = TOP + p->rows * ROW + 54;

	fprintf(p->f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" width=\"%d\" "
		"height=\"%u\" font-family=\"sans-serif\" font-size=\"12\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
		"<defs><marker id=\"tip\" viewBox=\"0 0 6 6\" refX=\"6\" refY=\"3\" "
		"markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L6 3L0 6z\" "
		"fill=\"#333\"/></marker></defs>\n",
		WIDTH, height, WIDTH, height);
	fprintf(p->f,
		"<text x=\"12\" y=\"22\" font-size=\"15\">%.3f s of a recording: polls by task "
		"type, sleeps, and who woke whom</text>\n",
		(double)(p->to_ns - p->from_ns) / 1e9);
}

static void put_axis(struct picture *p)
{
	double bottom = y_of(p->rows);

	for (int i = 0; i <= TICKS; i++) {
		int64_t at = (p->to_ns - p->from_ns) / TICKS * i;
		double x = x_of(p, p->from_ns + at);

		fprintf(p->f,
			"<path d=\"M%.1f %d V%.1f\" stroke=\"#ddd\"/><text x=\"%.1f\" y=\"%d\" "
			"text-anchor=\"middle\" fill=\"#555\">%.3f ms</text>\n",
			x, TOP - 10, bottom, x, TOP - 16, (double)at / 1e6);
	}
}

static void put_row_names(struct picture *p)
{
	char name[32];

	for (unsigned i = 0; i < p->rows; i++) {
		struct bh_event e = { .service = p->row[i].service };

		fprintf(p->f, "<text x=\"12\" y=\"%.1f\">", y_of(i) + BAR - 6);
		if (e.service == CPU_ROW) {
			fprintf(p->f, "CPU %u</text>\n", p->row[i].slot);
			continue;
		}
		bh_row_name(name, p->row[i].slot);
		put_text(p->f, bh_recorder_service(p->t->r, &e));
		fprintf(p->f, ": %s</text>\n", name);
	}
}

/* For the legend. */
static void remember(struct picture *p, const char *name)
{
	for (unsigned i = 0; i < p->names; i++)
		if (!strcmp(p->name[i], name))
			return;
	if (p->names < NAMES)
		p->name[p->names++] = name;
}

static void put_legend(struct picture *p)
{
	double x = 12, y = y_of(p->rows) + 6;

	for (unsigned i = 0; i < p->names; i++) {
		fprintf(p->f,
			"<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"12\" "
			"fill=\"hsl(%u 60%% 62%%)\"/><text x=\"%.1f\" y=\"%.1f\">",
			x, y, hue_of(p->name[i]), x + 16, y + 11);
		put_text(p->f, p->name[i]);
		fputs("</text>\n", p->f);
		x += 40 + 7.5 * (double)strlen(p->name[i]);
	}
}

static void put_slice(struct picture *p, const struct bh_event *e, unsigned row)
{
	double from = x_of(p, (int64_t)bh_event_start(e)), to = x_of(p, (int64_t)e->time_ns);
	bool park = e->kind == BH_EV_PARK;
	const char *name = park ? "asleep" : bh_recorder_type(p->t->r, e);

	double *drawn = &p->row[row].drawn[park];

	if (to < *drawn + 1 && !(e->kind == BH_EV_POLL && e->b == BH_EVP_CRASHED)) {
		p->merged++;
		return;
	}
	from = from < *drawn ? *drawn : from;
	fprintf(p->f, "<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\" ", from,
		y_of(row) + (park ? BAR / 2 - 2 : 0), to - from > 1 ? to - from : 1,
		park ? 4 : BAR);
	if (park)
		fputs("fill=\"#ccc\">", p->f);
	else
		fprintf(p->f, "fill=\"hsl(%u 60%% 62%%)\">", hue_of(name));
	fputs("<title>", p->f);
	put_text(p->f, name);
	fprintf(p->f, ", %.1f us</title></rect>\n", (double)e->a / 1e3);
	if (!park && to - from >= LABEL) {
		fprintf(p->f, "<text x=\"%.1f\" y=\"%.1f\">", from + 4, y_of(row) + BAR - 6);
		put_text(p->f, name);
		fputs("</text>\n", p->f);
	}
	*drawn = to > from + 1 ? to : from + 1;
	if (!park)
		remember(p, name);
	p->slices++;
}

static void put_mark(struct picture *p, const struct bh_event *e, unsigned row)
{
	const char *colour = e->kind == BH_EV_CRASH   ? "#c00" :
			     e->kind == BH_EV_RESTART ? "#080" :
							"#06c";
	double x = x_of(p, (int64_t)e->time_ns);

	fprintf(p->f,
		"<path d=\"M%.1f %.1fv%d\" stroke=\"%s\" stroke-width=\"%d\"><title>%s</title>"
		"</path>\n",
		x, y_of(row) - 4, BAR + 8, colour, e->kind == BH_EV_STEAL ? 1 : 3,
		bh_event_name(e->kind));
	if (e->kind == BH_EV_CRASH)
		fprintf(p->f, "<text x=\"%.1f\" y=\"%.1f\" fill=\"%s\">crash</text>\n", x + 4,
			y_of(row) + BAR + 9, colour);
}

static void put_events(struct picture *p)
{
	for (size_t i = 0; i < p->t->r->ready; i++) {
		const struct bh_event *e = &p->t->r->events[i];
		unsigned row = row_of(p, e);

		if (row == MOST_ROWS)
			continue;
		if (e->kind == BH_EV_POLL || e->kind == BH_EV_JOB || e->kind == BH_EV_PARK)
			put_slice(p, e, row);
		else if (e->kind == BH_EV_STEAL || e->kind == BH_EV_CRASH ||
			 e->kind == BH_EV_RESTART)
			put_mark(p, e, row);
	}
}

/* -- the Linux kernel's view -------------------------------------------------------- */

/* In a row, from y on, @height high. */
static void put_bar(struct picture *p, const struct bh_span *s, unsigned row, double y, int height,
		    const char *colour, const char *name)
{
	double from = x_of(p, (int64_t)s->from_ns), to = x_of(p, (int64_t)s->to_ns);
	double *drawn = &p->row[row].drawn[2 + (s->kind == BH_SPAN_WAIT)];

	if (to < *drawn + 1) {
		p->merged++;
		return;
	}
	from = from < *drawn ? *drawn : from;
	fprintf(p->f,
		"<rect class=\"linux\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\" "
		"fill=\"%s\"><title>",
		from, y, to - from > 1 ? to - from : 1, height, colour);
	put_text(p->f, name);
	fprintf(p->f, ", %.1f us</title></rect>\n", (double)(s->to_ns - s->from_ns) / 1e3);
	*drawn = to > from + 1 ? to : from + 1;
	p->slices++;
}

/* The worker on each CPU; and under each worker's polls, whether the worker has a CPU. */
static void put_spans(struct picture *p)
{
	char name[160], row_name[32], colour[32];

	for (size_t i = 0; i < p->t->n_spans; i++) {
		const struct bh_span *s = &p->t->spans[i];
		const struct bh_event *e = s->event;
		unsigned row = row_of(p, e), cpu = row_at(p, CPU_ROW, s->cpu);

		bh_span_name(name, s);
		if (s->kind != BH_SPAN_AWAY && row < MOST_ROWS)
			put_bar(p, s, row, y_of(row) + BAR + 1, 4,
				s->kind == BH_SPAN_ON ? "#3a3" : "#d22", name);
		if (s->kind != BH_SPAN_ON || cpu == MOST_ROWS)
			continue;
		bh_row_name(row_name, e->slot);
		snprintf(name, sizeof(name), "%.48s: %s", bh_recorder_service(p->t->r, e),
			 row_name);
		snprintf(colour, sizeof(colour), "hsl(%u 45%% 75%%)", hue_of(name));
		put_bar(p, s, cpu, y_of(cpu), BAR, colour, name);
	}
}

/* -- arrows ----------------------------------------------------------------------- */

struct wait {
	uint64_t ns;
	size_t arrow;
};

static int by_wait(const void *a, const void *b)
{
	const struct wait *x = a, *y = b;

	return x->ns != y->ns ? (x->ns < y->ns ? 1 : -1) : x->arrow < y->arrow ? -1 : 1;
}

static void put_arrow(struct picture *p, const struct bh_arrow *a)
{
	const struct bh_event *from = a->from, *to = a->to;
	unsigned a_row = row_of(p, from), b_row = row_of(p, to);
	double x = x_of(p, (int64_t)from->time_ns), to_x = x_of(p, (int64_t)bh_event_start(to));

	if (a_row == MOST_ROWS || b_row == MOST_ROWS)
		return;
	/* From the edge that faces the other row; within one, a bow above it. */
	double y = y_of(a_row) + (b_row > a_row ? BAR : 0);
	double to_y = y_of(b_row) + (b_row < a_row ? BAR : 0);
	double bow = a_row == b_row ? -12 : 0;

	fprintf(p->f,
		"<path class=\"wake\" d=\"M%.2f %.1fC%.2f %.1f %.2f %.1f %.2f %.1f\" fill=\"none\" "
		"stroke=\"#333\" opacity=\"%s\" marker-end=\"url(#tip)\"><title>",
		x, y, x, y + bow, to_x, to_y + bow, to_x, to_y, from->other ? ".8" : ".15");
	put_text(p->f, bh_recorder_type(p->t->r, to));
	fprintf(p->f, " waited %.1f us</title></path>\n",
		(double)(bh_event_start(to) - from->time_ns) / 1e3);
	p->arrows++;
}

static bool put_arrows(struct picture *p)
{
	size_t n = p->t->n_arrows;
	struct wait *w = malloc((n + 1) * sizeof(*w));

	if (!w)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct bh_arrow *a = &p->t->arrows[i];

		w[i] = (struct wait){ bh_event_start(a->to) - a->from->time_ns, i };
	}
	qsort(w, n, sizeof(*w), by_wait);
	for (size_t i = 0; i < n && i < ARROWS; i++)
		put_arrow(p, &p->t->arrows[w[i].arrow]);
	free(w);
	return true;
}

bool bh_timeline_svg(const struct bh_timeline_data *t, FILE *f)
{
	struct picture p = { .t = t, .f = f, .from_ns = t->r->began_ns, .to_ns = t->r->now_ns };

	if (p.to_ns <= p.from_ns)
		p.to_ns = p.from_ns + 1;
	find_rows(&p);
	put_head(&p);
	put_axis(&p);
	put_row_names(&p);
	put_events(&p);
	put_spans(&p);
	put_legend(&p);
	bool ok = put_arrows(&p);
	fprintf(f,
		"<text x=\"12\" y=\"%.1f\" fill=\"#555\">%zu slices drawn, %zu narrower than a "
		"pixel left out; %zu of %zu wake-ups drawn, those that waited longest; %" PRIu64
		" events lost%s</text>\n</svg>\n",
		y_of(p.rows) + 38, p.slices, p.merged, p.arrows, t->n_arrows, t->r->lost,
		t->n_spans ?
			". Under the polls: green: the worker is on a CPU; red: it waits for one" :
			"");
	return ok && !ferror(f);
}
