/* SPDX-License-Identifier: MIT */
/* test_text.c: lines put together by bhctl are those that printf() would make. */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check_run.h"
#include "tests/ipc/dice.h"
#include "tools/bhctl/show/text.h"

enum {
	NUMBERS = 20000
};

/* Of all lengths. */
static uint64_t number(void)
{
	return dice_roll() >> dice_below(64);
}

static void is(struct bh_text *t, const char *expected)
{
	ck_assert_uint_eq(t->n, strlen(expected));
	ck_assert_msg(!memcmp(t->line, expected, t->n), "\"%.*s\", not \"%s\"", (int)t->n, t->line,
		      expected);
	t->n = 0;
}

START_TEST(numbers_are_as_printf_has_them)
{
	struct bh_text t = { .n = 0 };
	char expected[64];

	dice_seed();
	for (int i = 0; i < NUMBERS; i++) {
		uint64_t v = i < 2000 ? (uint64_t)i : i == 2000 ? UINT64_MAX : number();

		bh_text_uint(&t, v);
		snprintf(expected, sizeof(expected), "%" PRIu64, v);
		is(&t, expected);
		bh_text_hex(&t, v);
		snprintf(expected, sizeof(expected), "%#" PRIx64, v);
		is(&t, v ? expected : "0x0");
		/* Ties are up here, and where a double lies there; above 2^53 it has no tenths. */
		if (v % 100 != 50 && v >> 53 == 0) {
			bh_text_put_us(&t, v);
			snprintf(expected, sizeof(expected), "%.1f us", (double)v / 1e3);
			is(&t, expected);
		}
	}
}
END_TEST

START_TEST(seconds_stand_in_fourteen_places)
{
	struct bh_text t = { .n = 0 };

	bh_text_seconds(&t, 0);
	is(&t, "      0.000000");
	bh_text_seconds(&t, 315424999);
	is(&t, "      0.315424");
	bh_text_seconds(&t, -1500);
	is(&t, "     -0.000001");
	bh_text_seconds(&t, 12345678901234567);
	is(&t, "12345678.901234");
}
END_TEST

START_TEST(a_column_is_filled_up)
{
	struct bh_text t = { .n = 0 };

	bh_text_put(&t, "x ");
	bh_text_put(&t, "poll");
	bh_text_pad(&t, 2, 8);
	bh_text_put(&t, "|");
	is(&t, "x poll    |");
}
END_TEST

START_TEST(what_does_not_fit_is_left_out_and_the_line_ends)
{
	struct bh_text t = { .n = 0 };
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	for (int i = 0; i < 1000; i++) {
		bh_text_put(&t, "name");
		bh_text_pad(&t, t.n, 8);
		bh_text_hex(&t, UINT64_MAX);
	}
	bh_text_print(&t, f);
	bh_text_put(&t, "next");
	bh_text_print(&t, f);
	fclose(f);
	ck_assert_uint_eq(size, sizeof(t.line) + strlen("next\n"));
	ck_assert_str_eq(out + sizeof(t.line) - 1, "\nnext\n");
	free(out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("text");
	TCase *t = tcase_create("text");

	tcase_add_test(t, numbers_are_as_printf_has_them);
	tcase_add_test(t, seconds_stand_in_fourteen_places);
	tcase_add_test(t, a_column_is_filled_up);
	tcase_add_test(t, what_does_not_fit_is_left_out_and_the_line_ends);
	suite_add_tcase(s, t);
	return bh_check_run(s);
}
