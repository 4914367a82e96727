/* SPDX-License-Identifier: MIT */
/* test_evring.c: event rings: what is written comes out, or is counted as lost. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/system/evring.h"
#include "tests/check_run.h"

enum {
	READABLE = BH_EVRING - 1,
	BATCH = 256,
	EMIT = 3000000,
};

static struct bh_evring *ring;
static struct bh_event out[BH_EVRING];

static void begin(uint64_t at)
{
	memset(ring, 0, sizeof(*ring));
	ring->tail = at;
}

static void make(void)
{
	ring = aligned_alloc(128, sizeof(*ring));
	ck_assert_ptr_nonnull(ring);
}

static void drop(void)
{
	free(ring);
}

/* All fields follow from @n, so that a mixture of two is seen. */
static struct bh_event event(uint64_t n)
{
	return (struct bh_event){ .time_ns = n,
				  .kind = BH_EV_WAKE,
				  .task = ~n,
				  .other = n * 3,
				  .pid = (uint32_t)n,
				  .a = n ^ 5,
				  .b = n << 7,
				  .type = (uint32_t)n };
}

static void put(uint64_t n)
{
	struct bh_event e = event(n);

	bh_evring_put(ring, &e);
}

static void is(const struct bh_event *e, uint64_t n)
{
	struct bh_event want = event(n);

	want.seq = e->seq;
	if (memcmp(e, &want, sizeof(want)))
		ck_abort_msg("event %llu is a mixture (time %llu)", (unsigned long long)n,
			     (unsigned long long)e->time_ns);
}

static const uint64_t starts[] = { 0, 1, BH_EVRING - 1, 0xfffffff0ull, (1ull << 40) - 7 };

START_TEST(events_come_out_in_order)
{
	uint64_t pos = starts[_i], lost = 0;

	begin(pos);
	ck_assert_uint_eq(bh_evring_read(ring, &pos, out, BATCH, &lost), 0);
	for (uint64_t round = 0; round < 300; round++) {
		for (uint64_t i = 0; i < 100; i++)
			put(round * 100 + i);
		ck_assert_uint_eq(bh_evring_read(ring, &pos, out, BATCH, &lost), 100);
		for (uint64_t i = 0; i < 100; i++)
			is(&out[i], round * 100 + i);
	}
	ck_assert_uint_eq(lost, 0);
	ck_assert_uint_eq(pos, starts[_i] + 30000);
}
END_TEST

START_TEST(a_batch_ends_where_the_caller_says)
{
	uint64_t pos = 0, lost = 0;

	begin(0);
	for (uint64_t i = 0; i < 10; i++)
		put(i);
	ck_assert_uint_eq(bh_evring_read(ring, &pos, out, 4, &lost), 4);
	ck_assert_uint_eq(bh_evring_read(ring, &pos, out, 4, &lost), 4);
	ck_assert_uint_eq(bh_evring_read(ring, &pos, out, 4, &lost), 2);
	is(&out[1], 9);
}
END_TEST

START_TEST(what_was_written_over_is_counted)
{
	uint64_t pos = starts[_i], lost = 0;

	begin(pos);
	for (uint64_t i = 0; i < BH_EVRING + 77; i++)
		put(i);
	ck_assert_uint_eq(bh_evring_read(ring, &pos, out, BH_EVRING, &lost), READABLE);
	ck_assert_uint_eq(lost, 78);
	is(&out[0], 78);
	is(&out[READABLE - 1], BH_EVRING + 76);
}
END_TEST

/* Killed in the middle of a put, on top of the oldest event. */
START_TEST(a_half_written_cell_is_not_read)
{
	uint64_t pos = 0, lost = 0;

	begin(0);
	for (uint64_t i = 0; i < BH_EVRING; i++)
		put(i);
	ring->cells[0][0] = ring->cells[0][1] = 0x4141414141414141ull;
	ck_assert_uint_eq(bh_evring_read(ring, &pos, out, BH_EVRING, &lost), READABLE);
	ck_assert_uint_eq(lost, 1);
	is(&out[0], 1);
}
END_TEST

START_TEST(a_forged_tail_costs_a_bounded_read)
{
	uint64_t pos = 10, lost = 0;

	begin(0);
	ring->tail = ~0ull - 5;
	while (pos != ring->tail) /* zeroed cells bear no such numbers */
		ck_assert_uint_eq(bh_evring_read(ring, &pos, out, BH_EVRING, &lost), 0);
	ck_assert_uint_eq(lost, ~0ull - 5 - 10);
	ring->tail = 3; /* back: as if it were another ring */
	ck_assert_uint_eq(bh_evring_read(ring, &pos, out, BH_EVRING, &lost), 1); /* event 0 is 0 */
	ck_assert_uint_eq(pos, 3);
}
END_TEST

START_TEST(beyond_the_limit_events_are_counted_only)
{
	begin(starts[_i]);
	ring->limit = starts[_i];
	ck_assert(!bh_evring_room(ring));
	bh_evring_allow(ring, 10);
	for (uint64_t i = 0; i < 12; i++)
		if (bh_evring_room(ring))
			put(i);
	ck_assert_uint_eq(ring->tail, starts[_i] + 10);
	ck_assert_uint_eq(ring->skipped, 3);
	/* Never so many that a reader who comes in time loses some; and a limit that the
	 * tail has passed, or that was scribbled over, is put right. */
	for (int i = 0; i < 5; i++)
		bh_evring_allow(ring, BH_EVRING_BURST / 2);
	ck_assert_uint_eq(ring->limit, ring->tail + BH_EVRING_BURST);
	ring->limit = ring->tail - 5;
	bh_evring_allow(ring, 7);
	ck_assert_uint_eq(ring->limit, ring->tail + 7);
	ring->limit = ring->tail + (1ull << 40);
	bh_evring_allow(ring, 7);
	ck_assert_uint_eq(ring->limit, ring->tail + 7);
}
END_TEST

/* -- a producer at full speed ----------------------------------------------------- */

static void *produce(void *arg)
{
	_Atomic uint32_t *over = arg;

	for (uint64_t i = 0; i < EMIT; i++)
		if (bh_evring_room(ring))
			put(i);
	bh_st_rel(over, 1);
	return NULL;
}

START_TEST(received_lost_and_skipped_are_what_happened)
{
	_Atomic uint32_t over = 0;
	uint64_t pos = 0, lost = 0, got = 0, before;
	pthread_t t;
	uint32_t n;
	bool last;

	begin(0);
	ck_assert_int_eq(pthread_create(&t, NULL, produce, &over), 0);
	do {
		last = bh_ld_acq(&over);
		bh_evring_allow(ring, BH_EVRING / 8);
		do {
			before = pos;
			n = bh_evring_read(ring, &pos, out, BATCH, &lost);
			for (uint32_t i = 0; i < n; i++)
				is(&out[i], out[i].time_ns);
			for (uint32_t i = 1; i < n; i++)
				if (out[i].time_ns <= out[i - 1].time_ns)
					ck_abort_msg("event %u of a batch is out of order", i);
			got += n;
		} while (pos != before);
	} while (!last);
	pthread_join(t, NULL);
	ck_assert_uint_eq(got + lost + ring->skipped, EMIT);
	ck_assert_uint_gt(got, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("evring");
	TCase *c = tcase_create("ring");
	const int n = sizeof(starts) / sizeof(starts[0]);

	tcase_add_checked_fixture(c, make, drop);
	tcase_add_loop_test(c, events_come_out_in_order, 0, n);
	tcase_add_test(c, a_batch_ends_where_the_caller_says);
	tcase_add_loop_test(c, what_was_written_over_is_counted, 0, n);
	tcase_add_test(c, a_half_written_cell_is_not_read);
	tcase_add_test(c, a_forged_tail_costs_a_bounded_read);
	tcase_add_loop_test(c, beyond_the_limit_events_are_counted_only, 0, n);
	tcase_add_test(c, received_lost_and_skipped_are_what_happened);
	suite_add_tcase(s, c);
	return bh_check_run(s);
}
