/* SPDX-License-Identifier: MIT */
/* test_time.c: time.h, with the kernel's wheel behind it. */
#include <errno.h>
#include <stdlib.h>

#include "runtime.h"

TEST(sleep_is_never_early)
{
	static const int64_t spans[] = { 0,        1, BH_US(1), BH_US(999), BH_MS(1), BH_MS(3) + 1,
					 BH_MS(70) };

	for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
		int64_t end = bh_after(spans[i]);

		CHECK(bh_sleep_until(end) == 0);
		CHECK(bh_now() >= end);
	}
}

/* -- bh_run_until ------------------------------------------------------------------ */

static int64_t sleep_an_hour(void *arg)
{
	*(int *)arg = bh_sleep(BH_S(3600));
	return 7;
}

TEST(timeout_cuts_what_waits)
{
	int err = 0;
	int64_t value = 0, end = bh_after(BH_MS(20));

	CHECK(bh_run_until(sleep_an_hour, &err, &value, end) == -BH_ETIMEDOUT);
	CHECK(bh_now() >= end);
	CHECK(err == -BH_ETIMEDOUT && value == 7);
	CHECK(bh_sleep(BH_MS(1)) == 0); /* the limit is over */
}

static int64_t sleep_a_little(void *arg)
{
	*(int *)arg = bh_sleep(BH_MS(1));
	return 8;
}

TEST(timeout_lets_through_what_is_in_time)
{
	int err = 1;
	int64_t value = 0;

	CHECK(bh_run_until(sleep_a_little, &err, &value, bh_after(BH_S(60))) == 0);
	CHECK(err == 0 && value == 8);
}

static int64_t inner_is_longer(void *arg)
{
	int *err = arg;

	CHECK(bh_run_until(sleep_an_hour, &err[1], NULL, bh_after(BH_S(60))) == 0);
	err[0] = bh_suspend(BH_FOREVER);
	return 0;
}

TEST(the_earlier_of_nested_timeouts_wins)
{
	int err[2] = { 0 };

	CHECK(bh_run_until(inner_is_longer, err, NULL, bh_after(BH_MS(10))) == -BH_ETIMEDOUT);
	CHECK(err[1] == -BH_ETIMEDOUT && err[0] == -BH_ETIMEDOUT);
}

static int64_t child_sleeps(void *arg)
{
	(void)arg;
	return bh_sleep(BH_S(3600));
}

static int64_t join_it(void *arg)
{
	return bh_join(*(bh_task *)arg, NULL, BH_FOREVER);
}

TEST(timeout_of_a_join_keeps_the_handle)
{
	struct bh_result res;
	int64_t value;
	bh_task t;

	CHECK(bh_spawn(&t, child_sleeps, NULL, 0, NULL) == 0);
	CHECK(bh_run_until(join_it, &t, &value, bh_after(BH_MS(10))) == -BH_ETIMEDOUT);
	CHECK(value == -BH_ETIMEDOUT);
	CHECK(bh_abort(t) == 0 && bh_join(t, &res, BH_FOREVER) == 0);
	CHECK(res.end == BH_END_CANCELED);
}

/* -- intervals ---------------------------------------------------------------------- */

/* Ticks after a delay of 25 ms, relative to the first tick, in ms. */
static void missed(enum bh_missed how, const int64_t want[3])
{
	struct bh_interval iv;
	int64_t start, tick, late = 0;

	CHECK(bh_clock_pause(0) == 0);
	start = bh_now();
	CHECK(bh_interval_init(&iv, start, BH_MS(10), how) == 0);
	CHECK(bh_interval_tick(&iv, &tick) == 0 && tick == start);
	CHECK(bh_clock_advance(BH_MS(25)) == 0);
	CHECK(bh_interval_tick(&iv, &tick) == 0 && tick == start + BH_MS(10));
	for (int i = 0; i < 3; i++) {
		late = iv.next - start;
		CHECK(late == BH_MS(want[i]));
		if (iv.next > bh_now())
			CHECK(bh_clock_advance(iv.next - bh_now()) == 0);
		CHECK(bh_interval_tick(&iv, &tick) == 0 && tick == start + late);
	}
	CHECK(bh_clock_resume() == 0);
}

TEST(interval_bursts)
{
	missed(BH_MISSED_BURST, (int64_t[]){ 20, 30, 40 });
}

TEST(interval_delays)
{
	missed(BH_MISSED_DELAY, (int64_t[]){ 35, 45, 55 });
}

TEST(interval_skips)
{
	missed(BH_MISSED_SKIP, (int64_t[]){ 30, 40, 50 });
}

TEST(interval_is_set_back)
{
	struct bh_interval iv;

	CHECK(bh_interval_init(&iv, bh_now(), 0, BH_MISSED_BURST) == -EINVAL);
	CHECK(bh_interval_init(&iv, bh_now(), BH_MS(50), BH_MISSED_BURST) == 0);
	CHECK(bh_interval_tick(&iv, NULL) == 0);
	int64_t at = bh_after(BH_MS(50));
	bh_interval_reset(&iv);
	CHECK(iv.next >= at);
}

struct ticker {
	struct bh_interval iv;
	int left;
};

static enum bh_poll ticker(struct bh_cx *cx, void *state)
{
	struct ticker *t = state;

	while (bh_poll_interval_tick(cx, &t->iv, NULL) == 0)
		if (--t->left == 0) {
			bh_poll_result(cx, bh_now());
			return BH_READY;
		}
	return BH_PENDING;
}

TEST(interval_of_a_poll_task)
{
	struct ticker t = { .left = 5 };
	struct bh_result res;
	int64_t start = bh_now();
	bh_task task;

	CHECK(bh_interval_init(&t.iv, start, BH_MS(3), BH_MISSED_BURST) == 0);
	CHECK(bh_spawn_poll(&task, ticker, &t, sizeof(t), NULL) == 0);
	CHECK(bh_join(task, &res, BH_FOREVER) == 0);
	CHECK(res.value >= start + 4 * BH_MS(3));
}

/* -- moving a deadline ------------------------------------------------------------------ */

struct mover {
	int step;
	int64_t begin;
};

/* Later, then earlier, then not at all (woken by hand). */
static enum bh_poll mover(struct bh_cx *cx, void *state)
{
	struct mover *m = state;

	switch (m->step++) {
	case 0:
		m->begin = bh_now();
		bh_poll_at(cx, m->begin + BH_MS(5));
		bh_poll_at(cx, m->begin + BH_MS(40));
		return BH_PENDING;
	case 1:
		CHECK(bh_now() >= m->begin + BH_MS(40));
		bh_poll_at(cx, bh_after(BH_S(3600)));
		bh_poll_at(cx, bh_after(BH_MS(5)));
		return BH_PENDING;
	case 2:
		bh_poll_at(cx, bh_after(BH_MS(5)));
		bh_poll_at(cx, BH_FOREVER);
		return BH_PENDING;
	default:
		return BH_READY;
	}
}

TEST(deadline_moves_and_is_canceled)
{
	struct mover m = { 0 };
	bh_task t;

	CHECK(bh_spawn_poll(&t, mover, &m, sizeof(m), NULL) == 0);
	CHECK(bh_join(t, NULL, bh_after(BH_MS(200))) == -BH_ETIMEDOUT); /* canceled: not polled */
	CHECK(bh_wake(t) == 0);
	CHECK(bh_join(t, NULL, BH_FOREVER) == 0);
}

/* -- the clock for tests ------------------------------------------------------------------ */

static int64_t sleep_days(void *arg)
{
	return bh_sleep(*(int64_t *)arg * BH_S(86400)) ? -1 : bh_now();
}

TEST(automatic_clock_jumps_in_order)
{
	int64_t start, last = 0, days[3] = { 400, 1, 30 };
	static const int order[3] = { 1, 2, 0 };
	struct bh_result res;
	bh_task t[3];

	CHECK(bh_clock_pause(1) == 0);
	start = bh_now();
	for (int i = 0; i < 3; i++)
		CHECK(bh_spawn(&t[i], sleep_days, &days[i], sizeof(days[i]), NULL) == 0);
	for (int i = 0; i < 3; i++) {
		CHECK(bh_join(t[order[i]], &res, BH_FOREVER) == 0);
		CHECK(res.value >= start + days[order[i]] * BH_S(86400) && res.value > last);
		last = res.value;
	}
	CHECK(bh_clock_resume() == 0);
	/* It goes on from where it stood, at the usual pace, for old and new deadlines. */
	CHECK(bh_now() >= start + 400 * BH_S(86400));
	CHECK(bh_sleep(BH_MS(5)) == 0);
}

TEST(clock_that_stands_wakes_nobody)
{
	int64_t hour = BH_S(3600), now;
	bh_task t;

	CHECK(bh_clock_pause(0) == 0);
	now = bh_now();
	CHECK(bh_spawn(&t, child_sleeps, NULL, 0, NULL) == 0);
	for (int i = 0; i < 200; i++)
		CHECK(bh_yield() == 0);
	CHECK(bh_now() == now);
	CHECK(bh_join(t, NULL, BH_NOWAIT) == -BH_ETIMEDOUT);
	CHECK(bh_clock_advance(-1) == -EINVAL);
	CHECK(bh_clock_advance(INT64_MAX) == -EINVAL);
	CHECK(bh_clock_advance(hour + BH_MS(1)) == 0);
	CHECK(bh_now() == now + hour + BH_MS(1));
	CHECK(bh_join(t, NULL, BH_FOREVER) == 0);
	CHECK(bh_clock_resume() == 0);
	CHECK(bh_clock_resume() == -EINVAL);
	CHECK(bh_clock_advance(1) == -EINVAL);
}

/* -- many ---------------------------------------------------------------------------------- */

enum {
	MANY = 999990 /* of a million task slots, the default */
};

static enum bh_poll sleeper(struct bh_cx *cx, void *state)
{
	int64_t *at = state;

	if (bh_now() >= *at)
		return BH_READY;
	bh_poll_at(cx, *at);
	return BH_PENDING;
}

TEST(many_timers_at_once)
{
	bh_task *t = bh_calloc(MANY, sizeof(*t));
	int64_t start = bh_now();

	CHECK(t);
	for (int i = 0; i < MANY; i++) {
		int64_t at = start + BH_S(8) + BH_MS(i % 2000);

		CHECK(bh_spawn_poll(&t[i], sleeper, &at, sizeof(at), NULL) == 0);
	}
	for (int i = 0; i < MANY; i++)
		CHECK(bh_join(t[i], NULL, bh_after(BH_S(60))) == 0);
	bh_free(t);
}

RUNTIME_MAIN("time")
