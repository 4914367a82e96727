/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/top/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bh_top_row *bh_top_row_add(struct bh_top_table *t)
{
	struct bh_top_row *r;

	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 16;

		r = realloc(t->rows, room * sizeof(*r));
		if (!r)
			return NULL;
		t->rows = r;
		t->room = room;
	}
	r = &t->rows[t->n];
	memset(r, 0, sizeof(*r));
	r->order = t->n++;
	return r;
}

void bh_top_cell(struct bh_top_row *r, size_t column, double key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->cell[column].text, BH_TOP_TEXT, fmt, ap);
	va_end(ap);
	r->cell[column].key = key;
}

void bh_top_sort_by(struct bh_top_table *t, size_t column)
{
	t->sort = column;
	t->up = t->columns[column].kind == BH_TOP_WORD;
	bh_top_sort(t);
}

static int compare(const void *a, const void *b, void *table)
{
	const struct bh_top_row *x = a, *y = b;
	const struct bh_top_table *t = table;
	double p = x->cell[t->sort].key, q = y->cell[t->sort].key;
	int order = t->columns[t->sort].kind == BH_TOP_WORD ?
			    strcmp(x->cell[t->sort].text, y->cell[t->sort].text) :
			    (p > q) - (p < q);

	if (order)
		return t->up ? order : -order;
	return x->order < y->order ? -1 : x->order > y->order;
}

void bh_top_sort(struct bh_top_table *t)
{
	if (t->n)
		qsort_r(t->rows, t->n, sizeof(*t->rows), compare, t);
}
