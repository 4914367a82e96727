/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/top/view.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bhctl/show/table.h"

enum {
	HEADER = 2,
	FOOTER = 1,
};

bool bh_top_grid_resize(struct bh_top_grid *g, int rows, int columns)
{
	size_t n = (size_t)rows * (size_t)columns;

	bh_top_grid_fini(g);
	g->text = malloc(n);
	g->style = malloc(n);
	if (g->text && g->style) {
		g->rows = rows;
		g->columns = columns;
		return true;
	}
	bh_top_grid_fini(g);
	return false;
}

void bh_top_grid_fini(struct bh_top_grid *g)
{
	free(g->text);
	free(g->style);
	*g = (struct bh_top_grid){ 0 };
}

/* Writes at most @width characters, as far as there is a grid. The only place that does:
 * nothing but printable ASCII gets to a terminal. */
static void put_text(struct bh_top_grid *g, int row, int column, int width, enum bh_top_style style,
		     const char *text)
{
	for (int i = 0; i < width && text[i]; i++) {
		size_t at = (size_t)row * (size_t)g->columns + (size_t)(column + i);

		if (row < 0 || row >= g->rows || column + i < 0 || column + i >= g->columns)
			continue;
		g->text[at] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
		g->style[at] = (unsigned char)style;
	}
}

__attribute__((format(printf, 5, 6))) static void put(struct bh_top_grid *g, int row, int column,
						      enum bh_top_style style, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_text(g, row, column, g->columns - column, style, text);
}

static void put_line(struct bh_top_grid *g, int row, enum bh_top_style style)
{
	for (int c = 0; c < g->columns; c++)
		put_text(g, row, c, 1, style, " ");
}

static void put_bar(struct bh_top_grid *g, int row, int column, int width,
		    const struct bh_top_row *r)
{
	int n = width - 2, busy = (int)(r->busy * n + 0.5);
	int waits = (int)((r->busy + r->waits) * n + 0.5) - busy;

	put_text(g, row, column, 1, BH_STYLE_PLAIN, "[");
	for (int i = 0; i < n; i++)
		put_text(g, row, column + 1 + i, 1,
			 i < busy         ? BH_STYLE_BUSY :
			 i < busy + waits ? BH_STYLE_WAITS :
					    BH_STYLE_PARKED,
			 i < busy         ? "#" :
			 i < busy + waits ? "+" :
					    ".");
	put_text(g, row, column + width - 1, 1, BH_STYLE_PLAIN, "]");
}

/* Which columns there is room for, as bits. */
static unsigned visible(const struct bh_top_table *t, int room)
{
	unsigned shown = 0;
	int width = -1;

	for (size_t c = 0; c < t->n_columns; c++) {
		shown |= 1u << c;
		width += 1 + t->columns[c].width;
	}
	while (width > room) {
		size_t worst = 0;

		for (size_t c = 0; c < t->n_columns; c++)
			if (shown & 1u << c && t->columns[c].rank &&
			    (!(shown & 1u << worst) || t->columns[c].rank > t->columns[worst].rank))
				worst = c;
		if (!t->columns[worst].rank)
			break;
		shown &= ~(1u << worst);
		width -= 1 + t->columns[worst].width;
	}
	return shown;
}

static void put_head(struct bh_top_grid *g, int row, const struct bh_top_table *t, unsigned shown,
		     bool focus)
{
	enum bh_top_style style = focus ? BH_STYLE_FOCUS : BH_STYLE_HEAD;
	int at = 0;

	put_line(g, row, style);
	for (size_t c = 0; c < t->n_columns; c++) {
		const struct bh_top_column *k = &t->columns[c];
		char head[BH_TOP_TEXT];
		int pad;

		if (!(shown & 1u << c))
			continue;
		snprintf(head, sizeof(head), "%s%s", k->head,
			 c != t->sort ? "" :
			 t->up        ? "^" :
					"v");
		pad = k->kind == BH_TOP_NUMBER ? k->width - (int)strlen(head) : 0;
		put_text(g, row, at + pad, k->width, style, head);
		at += k->width + 1;
	}
}

static void put_row(struct bh_top_grid *g, int row, const struct bh_top_table *t, unsigned shown,
		    const struct bh_top_row *r)
{
	enum bh_top_style style = r->alarm ? BH_STYLE_ALARM : BH_STYLE_PLAIN;
	int at = 0;

	for (size_t c = 0; c < t->n_columns; c++) {
		const struct bh_top_column *k = &t->columns[c];
		const char *text = r->cell[c].text;
		int length = (int)strlen(text), pad = 0, width = k->width;

		if (!(shown & 1u << c))
			continue;
		if (c + 1 == t->n_columns && k->kind == BH_TOP_WORD)
			width = g->columns - at;
		if (k->kind == BH_TOP_NUMBER && length < width)
			pad = width - length;
		if (k->kind == BH_TOP_BAR)
			put_bar(g, row, at, width, r);
		else
			put_text(g, row, at + pad, width - pad, style, text);
		at += k->width + 1;
	}
}

/* @height: with the head. */
static void put_table(struct bh_top_grid *g, int row, int height, const struct bh_top_table *t,
		      size_t *first, bool focus)
{
	unsigned shown = visible(t, g->columns);
	size_t room = height > 1 ? (size_t)height - 1 : 0;
	char range[48] = "";

	if (*first + room > t->n)
		*first = t->n > room ? t->n - room : 0;
	put_head(g, row, t, shown, focus);
	for (size_t i = 0; i < room && *first + i < t->n; i++)
		put_row(g, row + 1 + (int)i, t, shown, &t->rows[*first + i]);
	if (!t->n && room)
		put(g, row + 1, 0, BH_STYLE_PARKED, "no %s", t->name);
	if (t->n > room && room)
		snprintf(range, sizeof(range), " %zu-%zu of %zu", *first + 1, *first + room, t->n);
	put(g, row, g->columns - (int)strlen(range), focus ? BH_STYLE_FOCUS : BH_STYLE_HEAD, "%s",
	    range);
}

/* Shares @room rows: two for each table, the first tables first if there are too few;
 * then one more in turns for each table with more to show. */
static void share(int heights[BH_TOP_TABLES], int room, const struct bh_top_model *t,
		  const struct bh_top_ui *ui)
{
	static const unsigned first[] = { BH_TOP_WORKERS, BH_TOP_TYPES, BH_TOP_CRASHES,
					  BH_TOP_SERVICES };
	bool more = true;

	memset(heights, 0, BH_TOP_TABLES * sizeof(*heights));
	if (ui->alone) {
		heights[ui->focus] = room;
		return;
	}
	for (int i = -1; i < BH_TOP_TABLES && room >= 2; i++) {
		int *h = &heights[i < 0 ? ui->focus : first[i]];

		room -= *h ? 0 : 2;
		*h = 2;
	}
	while (room && more) {
		more = false;
		for (int i = 0; i < BH_TOP_TABLES && room; i++) {
			if (!heights[i] || (size_t)heights[i] > t->table[i].n)
				continue;
			heights[i]++;
			room--;
			more = true;
		}
	}
}

static void put_header(struct bh_top_grid *g, const struct bh_top_model *t,
		       const struct bh_top_ui *ui)
{
	const struct bh_top_table *focus = &t->table[ui->focus];
	const Bulkhead__Status *s = t->status.now ? t->status.now->status : NULL;
	char age[32], sort[80];
	double load[3];

	if (s) {
		bh_text_age(age, s->uptime_ms > 0 ? (uint64_t)s->uptime_ms / 1000 : 0);
		put(g, 0, 0, BH_STYLE_STRONG, "bulkhead %s %s, up %s, kernel restarts %u",
		    s->version, s->state, age, s->kernel ? s->kernel->restarts : 0);
	} else {
		put(g, 0, 0, BH_STYLE_STRONG, "bulkhead");
	}
	if (getloadavg(load, 3) == 3) {
		char text[64];

		snprintf(text, sizeof(text), " load %.2f %.2f %.2f", load[0], load[1], load[2]);
		put(g, 0, g->columns - (int)strlen(text), BH_STYLE_PLAIN, "%s", text);
	}
	snprintf(sort, sizeof(sort), " %s by %s %s", focus->name,
		 focus->sort == 1 && ui->focus == BH_TOP_WORKERS ? "busy+wait" :
								   focus->columns[focus->sort].head,
		 focus->up ? "^" : "v");
	if (ui->notice)
		put(g, 1, 0, BH_STYLE_ALARM, "%s", ui->notice);
	else if (ui->paused)
		put(g, 1, 0, BH_STYLE_ALARM, "paused: space goes on");
	if (!ui->notice)
		put(g, 1, g->columns - (int)strlen(sort), BH_STYLE_PLAIN, "%s", sort);
}

static const char *const help[] = {
	"  Tab        the next table         Enter   this table alone, or all",
	"  < > s      sort by another column 1..9    sort by this column",
	"  r          the other way round    Up Down PgUp PgDn  scroll",
	"  Space, p   pause                  h, ?    this page",
	"  q          quit",
	"",
	"Bar: # polls or looks for tasks; + could run, and Linux gives it no CPU;",
	"     . sleeps. BUSY and WAIT are the same as numbers, of the last second.",
	"POLL99: 99 % of its polls took no longer. CPU99: 99 % of its wake-ups had a CPU.",
	"RUNS: the task it was seen in; how long, when it has not yielded for long.",
	"SHARE: workers that tasks of this type had, 100 % is one worker: seen by",
	"     looking twenty times a second, over five seconds.",
	"QUEUED: tasks that wait for a worker. JOBS: blocking processes at work.",
	"BACK: how long until its successor was at work. CRASHES: of tasks; of a",
	"     worker: of its process. Rates are of the last second, at first since",
	"     the start.",
};

static void put_help(struct bh_top_grid *g, const struct bh_top_model *t, struct bh_top_ui *ui)
{
	size_t n = sizeof(help) / sizeof(help[0]), room = g->rows > 2 ? (size_t)g->rows - 2 : 0;

	n += t->no_waits[0] != 0;
	if (ui->help_at + room > n)
		ui->help_at = n > room ? n - room : 0;
	put_line(g, 0, BH_STYLE_FOCUS);
	put(g, 0, 0, BH_STYLE_FOCUS, "bhctl top: keys and columns");
	for (size_t i = ui->help_at; i < n && i - ui->help_at < room; i++)
		put(g, 1 + (int)(i - ui->help_at), 0, BH_STYLE_PLAIN, "%s%s",
		    i < sizeof(help) / sizeof(help[0]) ? help[i] : "WAIT ?: ",
		    i < sizeof(help) / sizeof(help[0]) ? "" : t->no_waits);
	put(g, g->rows - 1, 0, BH_STYLE_HEAD, "Up Down scroll; any other key goes back");
}

void bh_top_draw(struct bh_top_grid *g, const struct bh_top_model *t, struct bh_top_ui *ui)
{
	int heights[BH_TOP_TABLES], row = HEADER;

	if (!g->text)
		return;
	memset(g->text, ' ', (size_t)g->rows * (size_t)g->columns);
	memset(g->style, BH_STYLE_PLAIN, (size_t)g->rows * (size_t)g->columns);
	if (ui->help) {
		put_help(g, t, ui);
		return;
	}
	put_header(g, t, ui);
	share(heights, g->rows > HEADER + FOOTER ? g->rows - HEADER - FOOTER : 0, t, ui);
	for (unsigned i = 0; i < BH_TOP_TABLES; i++) {
		if (heights[i])
			put_table(g, row, heights[i], &t->table[i], &ui->at[i], i == ui->focus);
		row += heights[i];
	}
	put_line(g, g->rows - 1, BH_STYLE_HEAD);
	put(g, g->rows - 1, 0, BH_STYLE_HEAD,
	    "q quit  h help  Tab table  < > sort  r reverse  Space pause  Enter alone");
}

int bh_top_rows(const struct bh_top_model *t)
{
	int rows = HEADER + FOOTER;

	for (int i = 0; i < BH_TOP_TABLES; i++)
		rows += 1 + (t->table[i].n ? (int)t->table[i].n : 1);
	return rows;
}

static void scroll(size_t *at, int key)
{
	size_t by = key == 'b' || key == 'f' ? 10 : 1;

	if (key == 'j' || key == 'f')
		*at += by; /* drawing puts it right */
	else
		*at -= *at < by ? *at : by;
}

bool bh_top_key(struct bh_top_ui *ui, struct bh_top_model *t, int key)
{
	struct bh_top_table *focus = &t->table[ui->focus];
	bool scrolls = key == 'j' || key == 'k' || key == 'b' || key == 'f';

	if (ui->help && !scrolls) {
		ui->help = false;
		return true;
	}
	if (scrolls)
		scroll(ui->help ? &ui->help_at : &ui->at[ui->focus], key);
	else if (key == 'q' || key == 'Q')
		return false;
	else if (key == '?' || key == 'h')
		ui->help = true;
	else if (key == ' ' || key == 'p')
		ui->paused = !ui->paused;
	else if (key == '\t')
		ui->focus = (ui->focus + 1) % BH_TOP_TABLES;
	else if (key == '\n' || key == '\r')
		ui->alone = !ui->alone;
	else if (key == '>' || key == 's')
		bh_top_sort_by(focus, (focus->sort + 1) % focus->n_columns);
	else if (key == '<')
		bh_top_sort_by(focus, (focus->sort + focus->n_columns - 1) % focus->n_columns);
	else if (key >= '1' && key <= '9' && (size_t)(key - '1') < focus->n_columns)
		bh_top_sort_by(focus, (size_t)(key - '1'));
	else if (key == 'r' || key == 'R')
		focus->up = !focus->up;
	bh_top_sort(focus);
	return true;
}
