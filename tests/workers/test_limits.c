/* SPDX-License-Identifier: MIT */
/*
 * test_limits.c: as many tasks as the table holds, and one more. With BH_LIMITS=full:
 * two million poll tasks and fifty thousand fibers, alive at once in one service, in
 * less than 8 GiB.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crew.h"
#include "tests/check_run.h"
#include "workers/base/rt.h"

enum {
	WORKERS = 2,
	STACK = 16 << 10,
	MANY = 1000,
};
#define GIB (1ull << 30)

static struct tally {
	_Atomic uint32_t done, full;
	_Atomic uint64_t polls, fibers; /* alive */
	uint64_t want_polls, want_fibers;
	int64_t refused; /* with which error */
	_Atomic uint64_t wrong;
} * tally;

static struct crew crew;

static enum bh_poll waits(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	bh_add(&tally->polls, 1);
	return BH_PENDING;
}

static int64_t blocks(void *unused)
{
	char touched[2000]; /* a stack that is used, not just there */

	(void)unused;
	memset(touched, 1, sizeof(touched));
	bh_add(&tally->fibers, 1);
	(void)!bh_suspend(BH_FOREVER);
	return touched[0];
}

static void must(int err)
{
	bh_add(&tally->wrong, err != 0);
}

static int64_t waits_for_all(void *unused)
{
	(void)unused;
	while (!bh_ld_acq(&tally->full))
		bh_yield();
	return 7;
}

/* Spawns until it is refused: whom it was granted has run. */
static int64_t spawner(void *unused)
{
	struct bh_result res;
	bh_task *t = bh_alloc(MANY * sizeof(*t));
	int n = 0;

	(void)unused;
	while (n < MANY && !(tally->refused = bh_spawn(&t[n], waits_for_all, NULL, 0, NULL)))
		n++;
	tally->want_fibers = (uint64_t)n;
	bh_st_rel(&tally->full, 1);
	for (int i = 0; i < n; i++) {
		must(bh_join(t[i], &res, BH_FOREVER));
		must(res.end != BH_END_RETURNED || res.value != 7);
	}
	/* There is room again. */
	must(bh_spawn(&t[0], waits_for_all, NULL, 0, NULL));
	must(bh_join(t[0], &res, BH_FOREVER));
	must(res.value != 7);
	bh_st_rel(&tally->done, 1);
	return 0;
}

START_TEST(who_spawns_is_told_that_no_stack_is_left)
{
	tally = crew_shared(sizeof(*tally));
	crew_make_sized(&crew, WORKERS, 2 * MANY, 16 << 20, spawner);
	crew_wait(&crew, &tally->done, 60);
	crew_end(&crew);
	ck_assert_uint_eq(tally->wrong, 0);
	ck_assert_int_eq(tally->refused, -ENOMEM);
	/* Those of main and of it, too. */
	ck_assert_uint_ge(tally->want_fibers + 2, 256 + 64 - WORKERS * BH_POOL_CACHE / 2);
	ck_assert_uint_le(tally->want_fibers + 1, 256 + 64);
}
END_TEST

/* They are its children: they end when it does. */
static int64_t parent(void *unused)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	bh_task t;

	(void)unused;
	o.stack_bytes = STACK;
	for (uint64_t i = 0; i < tally->want_fibers; i++)
		must(bh_spawn(&t, blocks, NULL, 0, &o));
	for (uint64_t i = 0; i < tally->want_polls; i++)
		must(bh_spawn_poll(&t, waits, NULL, 0, NULL));
	while (bh_ld_acq(&tally->polls) < tally->want_polls ||
	       bh_ld_acq(&tally->fibers) < tally->want_fibers)
		bh_yield();
	/* The rest of the table, until it is full. */
	while (!(tally->refused = bh_spawn_poll(&t, waits, NULL, 0, NULL)))
		;
	bh_st_rel(&tally->full, 1);
	while (bh_ld_acq(&tally->full) == 1)
		bh_yield();
	return 0;
}

static int64_t limits_main(void *unused)
{
	struct bh_result res;
	bh_task t;

	(void)unused;
	must(bh_spawn(&t, parent, NULL, 0, NULL));
	must(bh_join(t, &res, BH_FOREVER));
	/* There is room again. */
	must(bh_spawn_poll(NULL, waits, NULL, 0, NULL));
	bh_st_rel(&tally->done, 1);
	return 0;
}

static uint64_t used_bytes(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static uint64_t live(void)
{
	uint64_t n = bh_ld_rlx(&bh_rt.v.a->booted);

	for (uint32_t i = 0; i < WORKERS; i++) {
		const struct bh_counters *c = &bh_rt.v.workers[i].count;
		n += bh_ld_acq(&c->spawned) - bh_ld_acq(&c->completed) - bh_ld_acq(&c->canceled);
	}
	return n;
}

/* All children have ended; the one that came after them waits. */
static void until_ended(unsigned seconds)
{
	int64_t end = bh_after(BH_S(seconds));

	while (live() != 1) {
		ck_assert_msg(bh_now() < end, "%llu tasks live on", (unsigned long long)live());
		ck_assert(crew_is_up(&crew, 0));
		usleep(1000);
	}
}

START_TEST(as_many_tasks_as_there_is_room_for)
{
	const char *scale = getenv("BH_LIMITS");
	bool full = scale && !strcmp(scale, "full");
	uint32_t tasks;

	tally = crew_shared(sizeof(*tally));
	tally->want_polls = full ? 2000000 : 20000;
	tally->want_fibers = full ? 50000 : 500;
	tasks = (uint32_t)(tally->want_polls + tally->want_fibers + 1000);
	crew_make_sized(&crew, WORKERS, tasks, full ? 2 * GIB : GIB / 4, limits_main);
	crew_wait(&crew, &tally->full, full ? 280 : 60);
	uint64_t used = used_bytes(crew.arena_fd);
	printf("%llu poll tasks and %llu fibers: %llu MiB of arena\n",
	       (unsigned long long)tally->want_polls, (unsigned long long)tally->want_fibers,
	       (unsigned long long)(used >> 20));
	ck_assert_uint_lt(used, 8 * GIB);
	ck_assert_int_eq(tally->refused, -BH_ENOSLOT);
	ck_assert_ptr_nonnull(strstr(bh_strerror(-BH_ENOSLOT), "full"));
	bh_st_rel(&tally->full, 2);
	crew_wait(&crew, &tally->done, full ? 280 : 60);
	until_ended(full ? 280 : 60);
	crew_end(&crew);
	ck_assert_uint_eq(tally->wrong, 0);
	ck_assert_uint_eq(crew.task_deaths, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("workers.limits");
	TCase *tc = tcase_create("core");

	tcase_add_test(tc, who_spawns_is_told_that_no_stack_is_left);
	tcase_add_test(tc, as_many_tasks_as_there_is_room_for);
	suite_add_tcase(s, tc);
	return bh_check_run(s);
}
