/* SPDX-License-Identifier: MIT */
/* table.h: the tables of `bhctl top`: rows of cells with a text and a key to sort by. */
#ifndef BH_TOOLS_BHCTL_TOP_TABLE_H
#define BH_TOOLS_BHCTL_TOP_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum {
	BH_TOP_COLUMNS = 12,
	BH_TOP_TEXT = 64,
};

struct bh_top_column {
	const char *head; /* at least one shorter than the width: the sort mark follows it */
	int width;
	int rank; /* where there is no room, the column of the highest rank goes first */
	enum {
		BH_TOP_NUMBER, /* sorted by key */
		BH_TOP_WORD,   /* sorted by text, written to the left */
		BH_TOP_BAR,    /* of what is in the row; sorted by key */
	} kind;
};

struct bh_top_row {
	struct {
		char text[BH_TOP_TEXT];
		double key;
	} cell[BH_TOP_COLUMNS];
	double busy, waits; /* parts of 1, for the bar */
	bool alarm;         /* not as it should be */
	size_t order;       /* as it came: decides between equals */
};

struct bh_top_table {
	const char *name;
	const struct bh_top_column *columns;
	size_t n_columns;
	struct bh_top_row *rows;
	size_t n, room;
	size_t sort; /* column */
	bool up;     /* smallest first */
};

/* A new, empty row; NULL: no memory, and the table ends here. */
struct bh_top_row *bh_top_row_add(struct bh_top_table *t);

__attribute__((format(printf, 4, 5))) void bh_top_cell(struct bh_top_row *r, size_t column,
						       double key, const char *fmt, ...);

/* Sorts by another column: numbers from large to small,
 * words from a to z. */
void bh_top_sort_by(struct bh_top_table *t, size_t column);

/* Sorts the rows that there are. */
void bh_top_sort(struct bh_top_table *t);

#endif
