/* SPDX-License-Identifier: MIT */
/* test_stats.c: the meter of a worker, and the numbers that a service may ask for. */
#include <check.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/base/monotonic.h"
#include "tests/check_run.h"
#include "tests/sweep/sweep.h"
#include "workers/base/rt.h"
#include "workers/executor/slot.h"
#include "workers/queue/meter.h"
#include "workers/queue/trace.h"

static struct world w;

static void setup(void)
{
	world_make(&w, NULL);
	world_become(&w, VICTIM);
	memset(&bh_rt.meter, 0, sizeof(bh_rt.meter));
}

static void teardown(void)
{
	world_free(&w);
}

static struct bh_meter *meter(void)
{
	return &bh_rt.me->meter;
}

START_TEST(each_length_has_its_bucket)
{
	ck_assert_uint_eq(bh_meter_bucket(0), 0);
	ck_assert_uint_eq(bh_meter_bucket(UINT64_MAX), BH_STATS_BUCKETS - 1);
	for (unsigned b = 0; b < BH_STATS_BUCKETS; b++) {
		uint64_t from = bh_stats_bucket_floor(b);

		ck_assert_uint_eq(bh_meter_bucket(from), b);
		if (b + 1 < BH_STATS_BUCKETS) {
			ck_assert_uint_gt(bh_stats_bucket_floor(b + 1), from);
			ck_assert_uint_eq(bh_meter_bucket(bh_stats_bucket_floor(b + 1) - 1), b);
		}
	}
	ck_assert_uint_eq(bh_stats_bucket_floor(BH_STATS_BUCKETS - 1), 3ull << 34);
}
END_TEST

START_TEST(busy_counts_what_is_not_asleep)
{
	struct bh_meter m = { 0 };

	ck_assert_uint_eq(bh_meter_busy(&m, 1000), 0);
	bh_meter_begin(&m, 1000);
	ck_assert_uint_eq(bh_meter_busy(&m, 1700), 700);
	bh_meter_begin(&m, 1800); /* it is already */
	ck_assert_uint_eq(bh_meter_busy(&m, 2000), 1000);
	bh_meter_end(&m, 2000);
	bh_meter_end(&m, 9000); /* as the kernel's after the worker's own */
	ck_assert_uint_eq(bh_meter_busy(&m, 5000), 1000);
	bh_meter_begin(&m, 6000);
	bh_meter_end(&m, 6500);
	ck_assert_uint_eq(bh_meter_busy(&m, 7000), 1500);
}
END_TEST

/* Whatever stands there, nothing overflows: UBSan is the judge. */
START_TEST(busy_may_be_garbage)
{
	static const int64_t words[] = { INT64_MIN, INT64_MIN + 1, -1, INT64_MAX };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct bh_meter m = { .busy = words[i] };

		(void)bh_meter_busy(&m, INT64_MAX);
		bh_meter_begin(&m, 5);
		bh_meter_end(&m, INT64_MAX);
		bh_meter_begin(&m, INT64_MAX);
	}
}
END_TEST

static uint64_t timed(void)
{
	uint64_t n = 0;

	for (unsigned b = 0; b < BH_STATS_BUCKETS; b++)
		n += bh_ld_rlx(&meter()->buckets[b]);
	return n;
}

/* Those that are timed stand for all but the ones since the last of them. */
START_TEST(short_polls_are_counted_by_samples)
{
	uint32_t polls = 100000, clocked = 0;

	bh_meter_start();
	for (uint32_t i = 0; i < polls; i++) {
		int64_t since = bh_meter_poll();

		clocked += since != 0;
		bh_meter_polled(since);
	}
	ck_assert_uint_gt(clocked, 0);
	ck_assert_uint_lt(clocked, polls);
	ck_assert_uint_eq(timed(), polls - (bh_rt.meter.stride - bh_rt.meter.until));
}
END_TEST

static uint64_t recorded(uint64_t *pos)
{
	struct bh_event e[64];
	uint64_t n = 0, lost = 0;
	uint32_t got;

	while ((got = bh_evring_read(&w.v.events[VICTIM], pos, e, 64, &lost)))
		for (uint32_t i = 0; i < got; i++)
			n += e[i].kind == BH_EV_POLL;
	ck_assert_uint_eq(lost, 0);
	return n;
}

/* @n polls; how many of them were recorded? */
static uint64_t poll_recorded(uint32_t n, uint64_t *pos)
{
	for (uint32_t i = 0; i < n; i++)
		bh_meter_polled(bh_meter_poll());
	return recorded(pos);
}

/* Begun and ended anywhere between two samples; and where the ring allows no more. */
START_TEST(a_recording_has_each_poll_and_changes_no_sample)
{
	struct bh_evring *ring = &w.v.events[VICTIM];
	struct bh_tcb t = { .type = 3 };
	uint64_t polls = 0, pos = 0;

	bh_rt.task = &t;
	bh_meter_start();
	for (uint32_t i = 1; i < 300; i++) {
		ck_assert_uint_eq(poll_recorded(i, &pos), 0);
		bh_st_rlx(&w.v.a->recording, i);
		bh_evring_allow(ring, i);
		bh_meter_refresh();
		uint64_t room = bh_ld_rlx(&ring->limit) - bh_ld_rlx(&ring->tail);
		uint64_t skipped = bh_ld_rlx(&ring->skipped);
		ck_assert_uint_ge(room, i);
		ck_assert_uint_eq(poll_recorded((uint32_t)room, &pos), room);
		ck_assert_uint_eq(poll_recorded(7, &pos), 0);
		ck_assert_uint_eq(bh_ld_rlx(&ring->skipped), skipped + 7);
		bh_st_rlx(&w.v.a->recording, 0);
		bh_meter_refresh();
		polls += i + room + 7;
		const struct bh_meter_run *r = &bh_rt.meter;
		ck_assert_uint_eq(timed(), polls - r->stride + r->left - (r->step - r->until));
	}
	bh_rt.task = NULL;
}
END_TEST

/* That may be the one it dies of. */
START_TEST(a_worker_is_recorded_from_its_first_poll_on)
{
	struct bh_tcb t = { .type = 3 };
	uint64_t pos = 0;

	bh_st_rlx(&w.v.a->recording, 1);
	bh_evring_allow(&w.v.events[VICTIM], 10);
	bh_st_rlx(&w.v.workers[VICTIM].word, bh_slot_word(BH_SLOT_STARTING, 5, 0));
	ck_assert_int_eq(bh_slot_take(VICTIM, 5), 0);
	bh_rt.task = &t;
	ck_assert_uint_eq(poll_recorded(1, &pos), 1);
	bh_rt.task = NULL;
}
END_TEST

START_TEST(long_polls_are_timed_each)
{
	bh_meter_start();
	for (int i = 0; i < 20; i++) {
		ck_assert_int_ne(bh_meter_poll(), 0);
		bh_meter_polled(bh_monotonic_ns() - 1000000); /* it began a millisecond ago */
	}
	ck_assert_uint_eq(timed(), 20);
	ck_assert_uint_ge(bh_ld_rlx(&meter()->poll_ns), 20 * 900000);
	for (unsigned b = 0; b < bh_meter_bucket(900000); b++)
		ck_assert_uint_eq(bh_ld_rlx(&meter()->buckets[b]), 0);
}
END_TEST

START_TEST(old_sizes_are_served)
{
	struct bh_worker_stats s, old;
	struct bh_stats all = { .size = offsetof(struct bh_stats, queued) };

	bh_count(&bh_rt.me->count.polls, 7);
	bh_count(&bh_rt.me->count.noop_wakes, 3);
	memset(&s, 0x55, sizeof(s));
	s.size = offsetof(struct bh_worker_stats, steal_ops);
	old = s;
	ck_assert_int_eq(bh_worker_stats_get(VICTIM, &s), 0);
	ck_assert_uint_eq(s.polls, 7);
	ck_assert_mem_eq(&s.steal_ops, &old.steal_ops, sizeof(s) - s.size);
	s.size = sizeof(s);
	ck_assert_int_eq(bh_worker_stats_get(VICTIM, &s), 0);
	ck_assert_uint_eq(s.noop_wakes, 3);
	all.queued = 99;
	ck_assert_int_eq(bh_stats_get(&all), 0);
	ck_assert_uint_eq(all.polls, 7);
	ck_assert_uint_eq(all.queued, 99);
}
END_TEST

START_TEST(other_sizes_are_refused)
{
	struct bh_worker_stats s = { .size = sizeof(s) + 8 };
	struct bh_stats all = { .size = sizeof(all) + 8 };

	ck_assert_int_lt(bh_worker_stats_get(VICTIM, &s), 0);
	ck_assert_int_lt(bh_stats_get(&all), 0);
	s.size = all.size = 4;
	ck_assert_int_lt(bh_worker_stats_get(VICTIM, &s), 0);
	ck_assert_int_lt(bh_stats_get(&all), 0);
	s.size = sizeof(s);
	ck_assert_int_lt(bh_worker_stats_get(WORKERS, &s), 0);
	ck_assert_int_lt(bh_worker_stats_get(0, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stats");
	TCase *t = tcase_create("stats");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, each_length_has_its_bucket);
	tcase_add_test(t, busy_counts_what_is_not_asleep);
	tcase_add_test(t, busy_may_be_garbage);
	tcase_add_test(t, short_polls_are_counted_by_samples);
	tcase_add_test(t, a_recording_has_each_poll_and_changes_no_sample);
	tcase_add_test(t, a_worker_is_recorded_from_its_first_poll_on);
	tcase_add_test(t, long_polls_are_timed_each);
	tcase_add_test(t, old_sizes_are_served);
	tcase_add_test(t, other_sizes_are_refused);
	suite_add_tcase(s, t);
	return bh_check_run(s);
}
