/* SPDX-License-Identifier: MIT */
#include "tools/bulkhead/limits.h"

#include <stdio.h>

#include "ipc/arena/arena.h"

struct bound {
	const char *limit;
	uint64_t connections;
};

static struct bound lowest(const struct bound *b, uint32_t n)
{
	struct bound least = b[0];

	for (uint32_t i = 1; i < n; i++)
		if (b[i].connections < least.connections)
			least = b[i];
	return least;
}

/* Beside the connections there are main and its listener. */
void bh_limits_print(const struct bh_plan_service *s)
{
	struct bh_layout l;

	bh_layout_from_plan(&l, s);
	uint64_t stack = bh_class_bytes(BH_STACK_CLASS);
	uint64_t work = ((uint64_t)l.work_units << BH_UNIT_LOG2) / stack;
	uint64_t stacks = ((uint64_t)l.units << BH_UNIT_LOG2) / stack - work;
	const struct bound bounds[] = {
		{ "limits.io", l.ios - 1 - 1 },
		{ "limits.tasks", l.tasks - 1 - 1 },
		{ "limits.memory", stacks - 1 },
	};
	struct bound fibers = lowest(bounds, 3), polls = lowest(bounds, 2);

	printf("%s: at most %llu connections with a fiber each: %s binds first (%llu stacks of 64 "
	       "KiB, and %llu for work, if all memory is stacks); with a poll task each %llu: %s\n",
	       s->name, (unsigned long long)fibers.connections, fibers.limit,
	       (unsigned long long)stacks, (unsigned long long)work,
	       (unsigned long long)polls.connections, polls.limit);
}
