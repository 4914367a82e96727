/* SPDX-License-Identifier: MIT */
/*
 * flood.c: a service in which parents have children that do nothing but crash, one after
 * the other, for option `seconds`. Each counts the crashes that it is told of; main says
 * how many they were.
 */
#include <bulkhead/bulkhead.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	PARENTS = 6,
};

static int64_t child(void *arg)
{
	(void)arg;
	abort();
}

/* Returns its count, or an error. Its children have a type of their own. */
static int64_t parent(void *arg)
{
	int64_t end = bh_after(BH_S(atoi(bh_option("seconds")))), told = 0;
	struct bh_spawn_opts opts = { .size = sizeof(opts) };
	struct bh_result r;
	char name[16];
	bh_task t;

	snprintf(name, sizeof(name), "child %d", *(int *)arg);
	opts.name = name;
	while (bh_now() < end) {
		int err = bh_spawn(&t, child, NULL, 0, &opts);

		if (!err)
			err = bh_join(t, &r, bh_after(BH_S(30)));
		if (err || r.end != BH_END_CRASHED)
			return err ? err : -1;
		told++;
	}
	return told;
}

static int64_t flood_main(void *arg)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = "parent" };
	struct bh_result r;
	bh_task t[PARENTS];
	long long told = 0;

	(void)arg;
	for (int i = 0; i < PARENTS; i++)
		if (bh_spawn(&t[i], parent, &i, sizeof(i), &opts))
			return 1;
	for (int i = 0; i < PARENTS; i++) {
		if (bh_join(t[i], &r, BH_FOREVER) || r.end != BH_END_RETURNED || r.value <= 0) {
			printf("parent %d: end %d, value %lld\n", i, r.end, (long long)r.value);
			return 1;
		}
		told += r.value;
	}
	printf("told of %lld crashes\n", told);
	fflush(stdout);
	bh_sleep(BH_FOREVER);
	return 0;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(bulkhead_service),
	.name = "flood",
	.main = flood_main,
};
