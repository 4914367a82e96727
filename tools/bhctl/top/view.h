/* SPDX-License-Identifier: MIT */
/*
 * view.h: how `bhctl top` looks: a grid of characters with a look each, of any size.
 * It knows no terminal: top.c copies the grid to one, --once prints it.
 */
#ifndef BH_TOOLS_BHCTL_TOP_VIEW_H
#define BH_TOOLS_BHCTL_TOP_VIEW_H

#include "tools/bhctl/top/model.h"

enum bh_top_look {
	BH_LOOK_PLAIN,
	BH_LOOK_STRONG,
	BH_LOOK_HEAD,
	BH_LOOK_FOCUS, /* the head of the table that keys work on */
	BH_LOOK_BUSY,
	BH_LOOK_WAITS,
	BH_LOOK_PARKED,
	BH_LOOK_ALARM,
	BH_LOOKS,
};

struct bh_top_grid {
	int rows, columns;
	char *text; /* printable ASCII alone, whatever a service calls its tasks */
	unsigned char *look;
};

/* What the person at the terminal chose. */
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

void bh_top_draw(struct bh_top_grid *g, const struct bh_top *t, struct bh_top_ui *ui);

/* Rows that all of it takes. */
int bh_top_rows(const struct bh_top *t);

/* A key: a character; up and down are k and j, pages b and f. False: quit. */
bool bh_top_key(struct bh_top_ui *ui, struct bh_top *t, int key);

#endif
