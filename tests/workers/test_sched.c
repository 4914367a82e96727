/* SPDX-License-Identifier: MIT */
/*
 * test_sched.c: the rules of the scheduler, each with a test that fails without it.
 */
#include <arpa/inet.h>
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crew.h"
#include "tests/check_run.h"
#include "workers/base/rt.h"

enum {
	WORKERS = 4,
	PINNED = 64,
	YIELDS = 2000,
};

static struct tally {
	_Atomic uint32_t done, stop, go;
	_Atomic uint64_t ran, wrong, strayed, returned, lost, crashed;
	_Atomic uint32_t seen[16];
} * tally;

static struct crew crew;

static void setup(void)
{
	tally = crew_shared(sizeof(*tally));
}

static void wrong_if(bool wrong)
{
	bh_add(&tally->wrong, wrong);
}

static void join_all(const bh_task *t, uint32_t n)
{
	struct bh_result res;

	for (uint32_t i = 0; i < n; i++) {
		if (!t[i] || bh_join(t[i], &res, BH_FOREVER))
			wrong_if(true);
		else if (res.end == BH_END_RETURNED)
			bh_add(&tally->returned, 1);
		else if (res.end == BH_END_LOST)
			bh_add(&tally->lost, 1);
		else
			bh_add(&tally->crashed, 1);
	}
}

/* -- pinned tasks -- */

/* What it has in malloc memory is there at every turn, or it is not at home. */
static int64_t homebody(void *unused)
{
	pid_t home = getpid(), *own = malloc(sizeof(*own));

	(void)unused;
	*own = home;
	for (int i = 0; i < YIELDS && !bh_yield(); i++)
		if (getpid() != home || *own != home) {
			bh_add(&tally->strayed, 1);
			break;
		}
	free(own);
	return 0;
}

static enum bh_poll stays_on(struct bh_cx *cx, void *state)
{
	uint32_t *s = state; /* worker, polls left */

	bh_add(&tally->strayed, bh_worker() != s[0]);
	if (!s[1]--)
		return BH_READY;
	bh_poll_again(cx);
	return BH_PENDING;
}

static int64_t pinned_main(void *unused)
{
	bh_task *t = bh_calloc(3 * PINNED, sizeof(*t));
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;

	(void)unused;
again:
	o.pinned = 1;
	for (uint32_t i = 0; i < PINNED; i++) {
		uint32_t s[2] = { i % bh_workers(), YIELDS };

		wrong_if(bh_spawn(&t[3 * i], homebody, NULL, 0, &o));
		wrong_if(bh_spawn_poll_on(s[0], &t[3 * i + 1], stays_on, s, sizeof(s), NULL));
		wrong_if(bh_spawn_on(s[0], &t[3 * i + 2], homebody, NULL, 0, NULL));
	}
	join_all(t, 3 * PINNED);
	if (!bh_ld_acq(&tally->stop))
		goto again;
	bh_st_rel(&tally->done, 1);
	return 0;
}

START_TEST(pinned_tasks_stay_at_home)
{
	bh_st_rel(&tally->stop, 1);
	crew_make(&crew, WORKERS, 2000, pinned_main);
	crew_wait(&crew, &tally->done, 60);
	crew_end(&crew);
	ck_assert_uint_eq(tally->strayed, 0);
	ck_assert_uint_eq(tally->wrong, 0);
	ck_assert_uint_eq(tally->returned, 3 * PINNED);
}
END_TEST

START_TEST(pinned_tasks_end_with_their_home)
{
	crew_make(&crew, WORKERS, 2000, pinned_main);
	crew_storm(&crew, 200, 3000, &tally->stop);
	crew_wait(&crew, &tally->done, 60);
	crew_end(&crew);
	ck_assert_uint_eq(tally->strayed, 0);
	ck_assert_uint_eq(tally->wrong, 0);
	ck_assert_uint_gt(tally->lost, 0);
}
END_TEST

/* A pinned task sleeps; another one crashes in its worker. */
static int64_t sleeper(void *unused)
{
	(void)unused;
	bh_add(&tally->ran, 1);
	bh_st_rel(&tally->go, 1);
	(void)!bh_suspend(BH_FOREVER);
	return 0;
}

static int64_t killer(void *unused)
{
	(void)unused;
	while (!bh_ld_acq(&tally->go))
		bh_yield();
	raise(SIGKILL);
	return 0;
}

static int64_t widow(void *unused)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	struct bh_result res;
	bh_task t[3];

	(void)unused;
	wrong_if(bh_spawn_on(1, &t[0], sleeper, NULL, 0, NULL));
	o.on_crash = BH_CRASH_RESTART;
	o.restarts = 1;
	wrong_if(bh_spawn_on(1, &t[1], sleeper, NULL, 0, &o));
	while (bh_ld_acq(&tally->ran) < 2)
		bh_yield();
	wrong_if(bh_spawn_on(1, &t[2], killer, NULL, 0, NULL));
	wrong_if(bh_join(t[0], &res, BH_FOREVER) || res.end != BH_END_LOST);
	wrong_if(bh_join(t[2], &res, BH_FOREVER) || res.end != BH_END_CRASHED);
	while (bh_ld_acq(&tally->ran) < 3)
		bh_yield();
	wrong_if(bh_wake(t[1]));
	wrong_if(bh_join(t[1], &res, BH_FOREVER) || res.end != BH_END_RETURNED);
	bh_st_rel(&tally->done, 1);
	return 0;
}

/* Elsewhere than those that die. */
static int64_t widow_main(void *unused)
{
	(void)unused;
	wrong_if(bh_spawn_on(0, NULL, widow, NULL, 0, NULL));
	return 0;
}

START_TEST(a_waiting_pinned_task_is_lost_or_starts_again)
{
	crew_make(&crew, 2, 2000, widow_main);
	crew_wait(&crew, &tally->done, 60);
	crew_end(&crew);
	ck_assert_uint_eq(tally->wrong, 0);
	ck_assert_uint_eq(tally->ran, 3);
}
END_TEST

/* -- fewer workers, and more again -- */

static int64_t pinned_until_told(void *unused)
{
	pid_t home = getpid();

	(void)unused;
	bh_add(&tally->seen[bh_worker()], 1);
	while (!bh_ld_acq(&tally->go)) {
		wrong_if(bh_sleep(BH_MS(1)));
		wrong_if(getpid() != home);
	}
	return 0;
}

static int64_t busy(void *unused)
{
	(void)unused;
	while (!bh_ld_acq(&tally->stop))
		wrong_if(bh_yield());
	return 0;
}

static int64_t resize_main(void *unused)
{
	bh_task t[101];

	(void)unused;
	wrong_if(bh_spawn_on(3, &t[100], pinned_until_told, NULL, 0, NULL));
	for (int i = 0; i < 100; i++)
		wrong_if(bh_spawn(&t[i], busy, NULL, 0, NULL));
	join_all(t, 101);
	bh_st_rel(&tally->done, 1);
	return 0;
}

static void until_gone(uint32_t slot)
{
	int64_t end = bh_after(BH_S(60));

	while (crew_is_up(&crew, slot)) {
		ck_assert_msg(bh_now() < end, "worker %u does not go", slot);
		usleep(1000);
	}
}

START_TEST(surplus_workers_go_when_nothing_is_pinned_to_them)
{
	crew_make(&crew, WORKERS, 2000, resize_main);
	crew_wait(&crew, &tally->seen[3], 60);
	crew_resize(&crew, 1);
	until_gone(1);
	until_gone(2);
	ck_assert(crew_is_up(&crew, 3));
	bh_st_rel(&tally->go, 1);
	until_gone(3);
	ck_assert(crew_is_up(&crew, 0));
	crew_resize(&crew, 3);
	bh_st_rel(&tally->stop, 1);
	crew_wait(&crew, &tally->done, 60);
	crew_end(&crew);
	ck_assert_uint_eq(tally->wrong, 0);
	ck_assert_uint_eq(tally->returned, 101);
	ck_assert_uint_eq(crew.deaths, 3); /* those that crew_end() killed */
}
END_TEST

/* -- a local set: tasks that share private memory -- */

static int shared_privately; /* of one process: an ordinary global */

static int64_t adder(void *arg)
{
	pid_t home = getpid();
	int before;

	for (int i = 0; i < 100; i++) {
		before = shared_privately;
		if (bh_yield() || getpid() != home)
			return -1;
		wrong_if(shared_privately < before);
		shared_privately++;
	}
	bh_add(&tally->ran, 1);
	return *(int *)arg;
}

static enum bh_poll looks(struct bh_cx *cx, void *state)
{
	(void)state;
	if (shared_privately < 1000) {
		bh_poll_again(cx);
		return BH_PENDING;
	}
	bh_add(&tally->ran, 1);
	return BH_READY;
}

static int64_t crasher(void *unused)
{
	(void)unused;
	raise(SIGKILL);
	return 0;
}

static int64_t set_owner(void *unused)
{
	struct bh_local_set set;

	(void)unused;
	wrong_if(bh_local_set_init(&set));
	for (int i = 0; i < 10; i++)
		wrong_if(bh_local_set_spawn(&set, adder, &i, sizeof(i), NULL));
	wrong_if(bh_local_set_spawn_poll(&set, looks, NULL, 0, NULL));
	wrong_if(bh_local_set_run(&set, BH_FOREVER) || set.failed || set.n);
	return 0;
}

static int64_t lost_set_owner(void *unused)
{
	struct bh_local_set set;

	(void)unused;
	wrong_if(bh_local_set_init(&set));
	set.worker ^= 1; /* not the owner's own */
	set.epoch = 1;
	for (int i = 0; i < 10; i++)
		wrong_if(bh_local_set_spawn(&set, sleeper, &i, sizeof(i), NULL));
	wrong_if(bh_local_set_spawn(&set, crasher, NULL, 0, NULL));
	wrong_if(bh_local_set_run(&set, BH_FOREVER) || set.failed != 11 || set.n);
	bh_st_rel(&tally->done, 1);
	return 0;
}

static int64_t set_main(void *unused)
{
	struct bh_result res;
	bh_task t;

	(void)unused;
	wrong_if(bh_spawn(&t, set_owner, NULL, 0, NULL));
	wrong_if(bh_join(t, &res, BH_FOREVER) || res.end != BH_END_RETURNED);
	wrong_if(bh_ld_acq(&tally->ran) != 11);
	wrong_if(bh_spawn_on(0, NULL, lost_set_owner, NULL, 0, NULL));
	return 0;
}

START_TEST(a_local_set_shares_one_process)
{
	crew_make(&crew, 2, 2000, set_main);
	crew_wait(&crew, &tally->done, 60);
	crew_end(&crew);
	ck_assert_uint_eq(tally->wrong, 0);
}
END_TEST

/* -- a poll task starts again from its initial state -- */

struct big {
	char text[1000];
};

static enum bh_poll phoenix(struct bh_cx *cx, void *state)
{
	struct big *b = state;

	(void)cx;
	wrong_if(strcmp(b->text, "as it was") != 0);
	strcpy(b->text, "spoilt");
	if (bh_add(&tally->ran, 1) < 2)
		raise(SIGKILL);
	return BH_READY;
}

static enum bh_poll small_phoenix(struct bh_cx *cx, void *state)
{
	wrong_if(*(int *)state != 7);
	*(int *)state = 8;
	(void)cx;
	if (bh_add(&tally->ran, 1) < 4)
		raise(SIGKILL);
	return BH_READY;
}

static int64_t restart_main(void *unused)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	struct big b = { "as it was" };
	struct bh_result res;
	int seven = 7;
	bh_task t;

	(void)unused;
	o.on_crash = BH_CRASH_RESTART;
	o.restarts = 5;
	wrong_if(bh_spawn_poll(&t, phoenix, &b, sizeof(b), &o));
	wrong_if(bh_join(t, &res, BH_FOREVER) || res.end != BH_END_RETURNED);
	wrong_if(bh_spawn_poll(&t, small_phoenix, &seven, sizeof(seven), &o));
	wrong_if(bh_join(t, &res, BH_FOREVER) || res.end != BH_END_RETURNED);
	bh_st_rel(&tally->done, 1);
	return 0;
}

START_TEST(a_poll_task_restarts_from_its_initial_state)
{
	crew_make(&crew, 2, 2000, restart_main);
	crew_wait(&crew, &tally->done, 60);
	crew_end(&crew);
	ck_assert_uint_eq(tally->wrong, 0);
	ck_assert_uint_eq(tally->ran, 5);
}
END_TEST

/* -- the budget: one worker, and a fiber whose socket is always ready -- */

static int64_t reader(void *unused)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bh_io listener, io;

	(void)unused;
	wrong_if(bh_listen(&listener, "127.0.0.1:0"));
	to.sin_port = htons((uint16_t)bh_local_port(listener));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	wrong_if(connect(fd, (void *)&to, sizeof(to)) || write(fd, "x", 1) != 1);
	wrong_if(bh_accept(listener, &io, BH_FOREVER));
	while (!bh_ld_acq(&tally->stop))
		wrong_if(bh_readable(io, BH_FOREVER));
	return 0;
}

/* Exempt for a while, it is not interrupted. */
static int64_t exempt(void *unused)
{
	(void)unused;
	bh_unconstrained(1);
	bh_st_rel(&tally->go, 1);
	for (int i = 0; i < 10000; i++)
		wrong_if(bh_sleep_until(0) || bh_add(&tally->ran, 0) != 0);
	bh_unconstrained(0);
	while (!bh_ld_acq(&tally->ran))
		wrong_if(bh_sleep_until(0));
	bh_st_rel(&tally->stop, 1);
	return 0;
}

static int64_t other(void *unused)
{
	(void)unused;
	bh_add(&tally->ran, 1);
	return 0;
}

static int64_t greedy_main(void *unused)
{
	bh_task t[3];

	(void)unused;
	wrong_if(bh_spawn(&t[0], exempt, NULL, 0, NULL));
	wrong_if(bh_spawn(&t[1], other, NULL, 0, NULL));
	wrong_if(bh_spawn(&t[2], reader, NULL, 0, NULL));
	join_all(t, 3);
	bh_st_rel(&tally->done, 1);
	return 0;
}

START_TEST(a_socket_that_is_always_ready_starves_nobody)
{
	crew_make(&crew, 1, 2000, greedy_main);
	crew_wait(&crew, &tally->done, 60);
	ck_assert_uint_gt(bh_rt.v.workers[0].count.budget_yields, 0);
	crew_end(&crew);
	ck_assert_uint_eq(tally->wrong, 0);
	ck_assert_uint_eq(tally->returned, 3);
}
END_TEST

/* -- the budget: many children that have ended, joined in one go -- */

enum {
	ENDED = 200 /* more than the budget */
};

static enum bh_poll ends(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	bh_add(&tally->go, 1);
	return BH_READY;
}

static int64_t joiner(void *unused)
{
	struct bh_result res;
	bh_task t[ENDED];

	(void)unused;
	for (int i = 0; i < ENDED; i++)
		wrong_if(bh_spawn_poll(&t[i], ends, NULL, 0, NULL));
	while (bh_ld_acq(&tally->go) < ENDED)
		wrong_if(bh_yield());
	wrong_if(bh_spawn(NULL, other, NULL, 0, NULL));
	for (int i = 0; i < ENDED; i++)
		wrong_if(bh_join(t[i], &res, BH_FOREVER) || res.end != BH_END_RETURNED);
	wrong_if(bh_ld_acq(&tally->ran) != 1);
	return 0;
}

struct poll_joiner {
	bh_task t[ENDED];
	int spawned, joined;
};

static enum bh_poll poll_joiner(struct bh_cx *cx, void *state)
{
	struct poll_joiner *j = state;
	struct bh_result res;
	int err = 0;

	while (j->spawned < ENDED)
		wrong_if(bh_spawn_poll(&j->t[j->spawned++], ends, NULL, 0, NULL));
	if (bh_ld_acq(&tally->go) < 2 * ENDED) {
		bh_poll_again(cx);
		return BH_PENDING;
	}
	if (!j->joined)
		wrong_if(bh_spawn(NULL, other, NULL, 0, NULL));
	while (j->joined < ENDED && !(err = bh_poll_join(cx, j->t[j->joined], &res)))
		j->joined++;
	if (err) {
		wrong_if(err != -EAGAIN);
		return BH_PENDING;
	}
	wrong_if(bh_ld_acq(&tally->ran) != 2);
	return BH_READY;
}

static int64_t joins_main(void *unused)
{
	struct poll_joiner *state = bh_alloc(sizeof(*state));
	bh_task t;

	(void)unused;
	wrong_if(bh_spawn(&t, joiner, NULL, 0, NULL));
	join_all(&t, 1);
	memset(state, 0, sizeof(*state));
	wrong_if(bh_spawn_poll(&t, poll_joiner, state, sizeof(*state), NULL));
	join_all(&t, 1);
	bh_st_rel(&tally->done, 1);
	return 0;
}

START_TEST(joins_of_what_has_ended_starve_nobody)
{
	crew_make(&crew, 1, 2000, joins_main);
	crew_wait(&crew, &tally->done, 60);
	crew_end(&crew);
	ck_assert_uint_eq(tally->wrong, 0);
	ck_assert_uint_eq(tally->returned, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("workers.sched");
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, pinned_tasks_stay_at_home);
	tcase_add_test(tc, pinned_tasks_end_with_their_home);
	tcase_add_test(tc, a_waiting_pinned_task_is_lost_or_starts_again);
	tcase_add_test(tc, surplus_workers_go_when_nothing_is_pinned_to_them);
	tcase_add_test(tc, a_local_set_shares_one_process);
	tcase_add_test(tc, a_poll_task_restarts_from_its_initial_state);
	tcase_add_test(tc, a_socket_that_is_always_ready_starves_nobody);
	tcase_add_test(tc, joins_of_what_has_ended_starve_nobody);
	suite_add_tcase(s, tc);
	return bh_check_run(s);
}
