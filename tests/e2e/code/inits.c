/* SPDX-License-Identifier: MIT */
/*
 * inits.c: a service whose processes begin with worker_init(), for inits.sh:
 *
 *   seed: N          srand(N) by worker_init(): all draw the same
 *   missing: FILE    worker_init() fails with -ENOENT while that file is not there
 *   crash: FILE      it crashes while that file is there
 *   hang: FILE       it never returns while that file is there
 *   stay: 1          main waits for a stop
 *
 * main has each worker and a job say what they draw, "drew WHO RAND RANDOM48 INITS", where
 * INITS is how often worker_init() ran in that process; then one worker dies, and its
 * replacement draws.
 */
#include <bulkhead/bulkhead.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int inits;

static int worker_init(void)
{
	const char *crash = bh_option("crash"), *missing = bh_option("missing");
	const char *seed = bh_option("seed"), *hang = bh_option("hang");

	inits++;
	if (crash && !access(crash, F_OK))
		abort();
	while (hang && !access(hang, F_OK))
		pause();
	if (missing && access(missing, F_OK))
		return -errno;
	if (seed)
		srand((unsigned)atoi(seed));
	return 0;
}

static int64_t draw(void *who)
{
	printf("drew %s %d %ld %d\n", (const char *)who, rand(), lrand48(), inits);
	fflush(stdout);
	return 0;
}

static int64_t die(void *unused)
{
	(void)unused;
	abort();
}

static void on(uint32_t worker, bh_fiber_fn fn, const char *who)
{
	bh_task t;

	if (bh_spawn_on(worker, &t, fn, who, 16, NULL) || bh_join(t, NULL, bh_after(BH_S(20))))
		printf("%s was not reached\n", who);
}

static int64_t run(void *unused)
{
	char job[16] = "job", first[16] = "first", second[16] = "second", heir[16] = "heir";
	bh_task t;

	(void)unused;
	if (bh_option("stay"))
		return bh_token_wait(bh_stop_token(), BH_FOREVER) ? 0 : 1;
	on(0, draw, first);
	on(1, draw, second);
	if (bh_spawn_blocking(&t, draw, job, sizeof(job), NULL) ||
	    bh_join(t, NULL, bh_after(BH_S(20))))
		puts("no job");
	on(1, die, heir);
	on(1, draw, heir);
	return 0;
}

static int init(void)
{
	srand(7);
	srand48(7);
	return 0;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "inits",
	.init = init,
	.main = run,
	.worker_init = worker_init,
};
