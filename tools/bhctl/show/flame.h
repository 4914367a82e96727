/* SPDX-License-Identifier: MIT */
/* flame.h: a flame graph that stands alone: no script, no other file. */
#ifndef BH_TOOLS_BHCTL_SHOW_FLAME_H
#define BH_TOOLS_BHCTL_SHOW_FLAME_H

#include <stddef.h>
#include <stdio.h>

struct bh_flame_stack {
	char *text; /* outermost first, ';' between them */
	size_t count;
};

/* @stacks are sorted by their frames, so that stacks with the same outer frames are side
 * by side. Width is the count, depth goes up. */
void bh_flame_svg(FILE *f, const struct bh_flame_stack *stacks, size_t n);

#endif
