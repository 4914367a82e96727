/* SPDX-License-Identifier: MIT */
/* test_backoff.c: suite kernel.backoff. How long the pauses of the back-off are. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/clock.h"
#include "kernel/failure/backoff.h"
#include "kernel/process/table.h"
#include "tests/check_run.h"

enum {
	MIN_MS = 10,
	MAX_MS = 5000,
	ENTRIES = 8
};

static struct bh_kernel *k;

static void setup(void)
{
	k = calloc(1, sizeof(*k));
	k->board = calloc(1, sizeof(*k->board));
	k->now_ns = k->wake_ns = 1000 * BH_NS_PER_S;
}

static void teardown(void)
{
	free(k->board);
	free(k);
}

static int64_t pause_of(uint32_t idx, uint32_t failures)
{
	struct bh_child *c = &k->child[idx];

	*c = (struct bh_child){ .k = k, .p = &k->board->procs[idx], .idx = idx };
	bh_restart_later(c, failures, MIN_MS, MAX_MS);
	ck_assert_uint_eq(bh_child_state(c), BH_PROC_BACKOFF);
	return c->p->start_at_ns - k->now_ns;
}

START_TEST(a_first_restart_is_at_once)
{
	ck_assert_int_eq(pause_of(3, 0), 0);
}
END_TEST

START_TEST(pauses_double_up_to_the_bound_less_a_quarter_at_most)
{
	int64_t full = MIN_MS * BH_NS_PER_MS;

	for (uint32_t failures = 1; failures < 100; failures++) {
		int64_t got = pause_of(3, failures);

		ck_assert_int_le(got, full);
		ck_assert_int_ge(got, full - full / 4);
		full = full * 2 < MAX_MS * BH_NS_PER_MS ? full * 2 : MAX_MS * BH_NS_PER_MS;
	}
}
END_TEST

START_TEST(who_failed_together_does_not_come_back_together)
{
	for (uint32_t i = 0; i < ENTRIES; i++)
		for (uint32_t j = 0; j < i; j++)
			ck_assert_int_ne(pause_of(i, 5), pause_of(j, 5));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel.backoff");
	TCase *c = tcase_create("pauses");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_first_restart_is_at_once);
	tcase_add_test(c, pauses_double_up_to_the_bound_less_a_quarter_at_most);
	tcase_add_test(c, who_failed_together_does_not_come_back_together);
	suite_add_tcase(s, c);
	return bh_check_run(s);
}
