/* SPDX-License-Identifier: MIT */
/*
 * test_crew.c: real worker processes hammer every structure of an arena at once,
 * undisturbed and while they are killed; every task is accounted for.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crew.h"
#include "tests/check_run.h"
#include "workers/base/rt.h"

enum {
	WORKERS = 4,
	TASKS = 4000,
	YIELDS = 250,
	SPAWNS = 200000,
	PAIRS = 100,
	KILLS = 125, /* with BH_WHOLE=1 four times as many */
	ROUNDS = 2000
};

static int kills(void)
{
	return getenv("BH_WHOLE") ? 4 * KILLS : KILLS;
}

static struct tally {
	_Atomic uint32_t done, stop; /* stop: enough, for those that go on until then */
	_Atomic uint64_t polls, ended, crashed, wrong;
	_Atomic uint32_t per_task[TASKS];
} * tally;

static struct crew crew;

static void setup(void)
{
	const char *seed = getenv("BH_SEED");
	unsigned s = seed ? (unsigned)strtoul(seed, NULL, 0) : (unsigned)getpid();

	printf("BH_SEED=%u\n", s);
	fflush(stdout);
	srandom(s);
	tally = crew_shared(sizeof(*tally));
}

/* -- yields: each task is polled exactly as often as it asks to be -- */

struct yielder {
	uint32_t id, left;
};

static enum bh_poll yielder(struct bh_cx *cx, void *state)
{
	struct yielder *y = state;

	bh_add(&tally->polls, 1);
	bh_add(&tally->per_task[y->id], 1);
	if (y->left-- == 0)
		return BH_READY;
	bh_poll_again(cx);
	return BH_PENDING;
}

static void join_all(bh_task *t, uint32_t n)
{
	struct bh_result res;

	for (uint32_t i = 0; i < n; i++) {
		if (!t[i])
			continue;
		if (bh_join(t[i], &res, BH_FOREVER))
			bh_add(&tally->wrong, 1);
		else
			bh_add(res.end == BH_END_RETURNED ? &tally->ended : &tally->crashed, 1);
	}
}

static int64_t yield_main(void *unused)
{
	bh_task *t = bh_calloc(TASKS, sizeof(*t));

	(void)unused;
again:
	for (uint32_t i = 0; t && i < TASKS; i++) {
		struct yielder y = { .id = i, .left = YIELDS - 1 };
		if (bh_spawn_poll(&t[i], yielder, &y, sizeof(y), NULL))
			bh_add(&tally->wrong, 1);
	}
	if (t)
		join_all(t, TASKS);
	if (!bh_ld_acq(&tally->stop))
		goto again;
	bh_st_rel(&tally->done, 1);
	return 0;
}

START_TEST(every_yield_is_polled_once)
{
	bh_st_rel(&tally->stop, 1);
	crew_make(&crew, WORKERS, 10000, yield_main);
	crew_wait(&crew, &tally->done, 60);
	crew_end(&crew);
	ck_assert_uint_eq(tally->polls, (uint64_t)TASKS * YIELDS);
	ck_assert_uint_eq(tally->ended, TASKS);
	ck_assert_uint_eq(tally->wrong, 0);
	for (uint32_t i = 0; i < TASKS; i++)
		ck_assert_uint_eq(tally->per_task[i], YIELDS);
}
END_TEST

/* The joiner itself may be on the CPU when its worker is killed: it starts again,
 * and its children end with it. Only what must hold for any history is checked:
 * it gets to the end, nothing is left behind, and the books balance (audit). */
START_TEST(yields_survive_kills)
{
	crew_make(&crew, WORKERS, 20000, yield_main);
	crew_storm(&crew, kills(), 3000, &tally->stop);
	crew_wait(&crew, &tally->done, 60);
	crew_end(&crew);
	ck_assert_uint_eq(tally->wrong, 0);
}
END_TEST

/* -- spawns: pools, blocks, replies -- */

static int64_t leaf(void *arg)
{
	uint32_t id = *(uint32_t *)arg;

	if (id % 3 == 0 && bh_reply(&id, sizeof(id)))
		return -1;
	if (id % 5 == 0)
		bh_yield();
	return id;
}

static int64_t spawn_main(void *unused)
{
	enum {
		BATCH = 50
	};
	struct bh_result res;
	bh_task t[BATCH];

	(void)unused;
again:
	for (uint32_t i = 0; i < SPAWNS; i += BATCH) {
		for (uint32_t k = 0; k < BATCH; k++) {
			uint32_t id = i + k;
			if (bh_spawn(&t[k], leaf, &id, sizeof(id), NULL)) {
				t[k] = 0;
				bh_add(&tally->wrong, 1);
			}
		}
		for (uint32_t k = 0; k < BATCH; k++) {
			uint32_t id = i + k;
			if (!t[k] || bh_join(t[k], &res, BH_FOREVER))
				continue;
			if (res.end == BH_END_CRASHED)
				bh_add(&tally->crashed, 1);
			else if (res.value != (int64_t)id ||
				 (id % 3 == 0 && (res.len != 4 || *(uint32_t *)res.data != id)))
				bh_add(&tally->wrong, 1);
			else
				bh_add(&tally->ended, 1);
			bh_free(res.data);
		}
	}
	if (!bh_ld_acq(&tally->stop))
		goto again;
	bh_st_rel(&tally->done, 1);
	return 0;
}

START_TEST(every_spawn_is_joined_with_its_own_result)
{
	bh_st_rel(&tally->stop, 1);
	crew_make(&crew, WORKERS, 2000, spawn_main);
	crew_wait(&crew, &tally->done, 60);
	crew_end(&crew);
	ck_assert_uint_eq(tally->ended, SPAWNS);
	ck_assert_uint_eq(tally->wrong, 0);
}
END_TEST

START_TEST(spawns_survive_kills)
{
	crew_make(&crew, WORKERS, 2000, spawn_main);
	crew_storm(&crew, kills(), 3000, &tally->stop);
	crew_wait(&crew, &tally->done, 60);
	crew_end(&crew);
	ck_assert_uint_eq(tally->wrong, 0);
}
END_TEST

/* -- wakes: two tasks that wake each other -- */

struct pinger {
	_Atomic uint64_t *ball; /* shared: whose turn */
	bh_task *peer;
	uint32_t me, rounds;
};

static enum bh_poll pinger(struct bh_cx *cx, void *state)
{
	struct pinger *p = *(struct pinger **)state;

	(void)cx;
	while (bh_ld_acq(p->ball) % 2 == p->me) {
		uint64_t turn = bh_add(p->ball, 1) + 1;
		bh_wake(*p->peer);
		if (turn >= 2ull * p->rounds - 1)
			return BH_READY;
	}
	return bh_ld_acq(p->ball) >= 2ull * p->rounds - 1 ? BH_READY : BH_PENDING;
}

static int64_t ping_main(void *unused)
{
	bh_task *t = bh_calloc(2 * PAIRS, sizeof(*t));
	struct pinger *p = bh_calloc(2 * PAIRS, sizeof(*p));
	_Atomic uint64_t *ball = bh_calloc(PAIRS, sizeof(*ball));

	(void)unused;
	for (uint32_t i = 0; t && p && ball && i < 2 * PAIRS; i++) {
		struct pinger *arg = &p[i];

		*arg = (struct pinger){ &ball[i / 2], &t[i ^ 1], i % 2, ROUNDS };
		if (bh_spawn_poll(&t[i], pinger, &arg, sizeof(arg), NULL))
			bh_add(&tally->wrong, 1);
	}
	for (uint32_t i = 0; t && i < 2 * PAIRS; i++)
		bh_wake(t[i]); /* those that looked for a peer not yet spawned */
	if (t)
		join_all(t, 2 * PAIRS);
	bh_st_rel(&tally->done, 1);
	return 0;
}

START_TEST(no_wake_up_is_lost)
{
	crew_make(&crew, WORKERS, 2000, ping_main);
	crew_wait(&crew, &tally->done, 60);
	crew_end(&crew);
	ck_assert_uint_eq(tally->ended, 2 * PAIRS);
	ck_assert_uint_eq(tally->wrong, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("workers.crew");
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, every_yield_is_polled_once);
	tcase_add_test(tc, every_spawn_is_joined_with_its_own_result);
	tcase_add_test(tc, no_wake_up_is_lost);
	tcase_add_test(tc, yields_survive_kills);
	tcase_add_test(tc, spawns_survive_kills);
	suite_add_tcase(s, tc);
	return bh_check_run(s);
}
