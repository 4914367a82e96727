/* SPDX-License-Identifier: MIT */
/*
 * view.h: how `bhctl top` looks: a grid of characters with a style each, of any size.
 * It knows no terminal: top.c copies the grid to one, --once prints it.
 */
#ifndef BH_TOOLS_BHCTL_TOP_VIEW_H
#define BH_TOOLS_BHCTL_TOP_VIEW_H

#include "tools/bhctl/top/model.h"

enum bh_top_style {
	BH_STYLE_PLAIN,
	BH_STYLE_STRONG,
	BH_STYLE_HEAD,
	BH_STYLE_FOCUS, /* the head of the table that keys work on */
	BH_STYLE_BUSY,
	BH_STYLE_WAITS,
	BH_STYLE_PARKED,
	BH_STYLE_ALARM,
	BH_LOOKS,
};

struct bh_top_grid {
	int rows, columns;
	char *text; /* printable ASCII alone, even if task names are not */
	unsigned char *style;
};

/* The user's choices at the terminal. */
struct bh_top_ui {
	unsigned focus; /* table */
	bool alone;     /* it has the whole screen */
	bool paused, help;
	size_t at[BH_TOP_TABLES]; /* first row that is shown */
	size_t help_at;
	const char *notice; /* to be said at once; NULL: nothing */
};

/* False: no memory, and the grid is empty. */
bool bh_top_grid_resize(struct bh_top_grid *g, int rows, int columns);
void bh_top_grid_fini(struct bh_top_grid *g);

void bh_top_draw(struct bh_top_grid *g, const struct bh_top_model *t, struct bh_top_ui *ui);

/* Rows that all of it takes. */
int bh_top_rows(const struct bh_top_model *t);

/* A key: a character; up and down are k and j, pages b and f. False: quit. */
bool bh_top_key(struct bh_top_ui *ui, struct bh_top_model *t, int key);

#endif
