/* SPDX-License-Identifier: MIT */
/* memory.c: mem.h: memory of the task, valid in every worker. */
#include "tour.h"

#include <string.h>

void tour_memory(void)
{
	char *text = bh_alloc(6);
	int *zeros = bh_calloc(4, sizeof(*zeros));

	if (!text || !zeros)
		return;
	memcpy(text, "hello", 6);
	MUST(bh_sleep(BH_MS(1))); /* perhaps in another process from here on */
	char *more = bh_realloc(text, 12);
	if (!more)
		return;
	memcpy(more + 5, " again", 7);
	say("%s, %d zeros", more, zeros[0] + zeros[3] == 0 ? 4 : 0);
	bh_free(more);
	/* zeros goes away with the task. */
}
