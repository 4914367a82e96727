/* SPDX-License-Identifier: MIT */
/* strict.c: a service whose tasks write to globals, for strict.sh. The lines with a name in
 * a comment are looked for there. */
#include <bulkhead/bulkhead.h>

#include <stdio.h>
#include <string.h>

static int counter, unchanged;
static BH_PRIVATE int own;
static char text[100000];
int by_init, by_worker_init;

static int init(void)
{
	by_init = 1;
	return 0;
}

static int worker_init(void)
{
	by_worker_init = 1;
	return 0;
}

static int64_t count(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++)
		counter++; /* counts */
	own += unchanged;
	own++;
	return counter;
}

static int64_t copy(void *from)
{
	memset(text, *(char *)from, sizeof(text)); /* fills */
	return text[99999];
}

static int64_t wild(void *unused)
{
	volatile int *volatile nowhere = (volatile int *)8;

	*nowhere = 1;
	return unused != NULL;
}

static int64_t call(bh_fiber_fn fn, const char *name)
{
	struct bh_spawn_opts o = { .size = sizeof(o), .name = name };
	struct bh_result r;
	bh_task t;

	/* All in one worker: what they write is seen by the next, with and without. */
	if (bh_spawn_on(0, &t, fn, "x", 2, &o) || bh_join(t, &r, BH_FOREVER))
		return -1;
	return r.end == BH_END_CRASHED ? -r.crash.signal : r.value;
}

static int64_t run(void *unused)
{
	(void)unused;
	printf("values %d %d\n", (int)call(count, "strict.count"),
	       (int)call(count, "strict.count"));
	printf("filled %d\n", (int)call(copy, "strict.copy"));
	printf("crashed %d\n", (int)call(wild, "strict.wild"));
	printf("again %d\n", (int)call(count, "strict.count"));
	return 0;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "strict",
	.init = init,
	.main = run,
	.worker_init = worker_init,
};
