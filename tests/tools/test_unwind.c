/* SPDX-License-Identifier: MIT */
/* test_unwind.c: backtraces of stacks that hold anything at all. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check_run.h"
#include "tests/ipc/dice.h"
#include "tools/bhctl/unwind.h"
#include "workers/context_regs.h"

enum {
	STACKS = 3000,
	WORDS = 256
};

static const uint64_t at = 0x200000001000;

static int landing(int x)
{
	return x + 1;
}

/* A word that leads somewhere: into the code, into the stack, or nowhere. */
static uint64_t tempting(void)
{
	switch (dice_below(4)) {
	case 0:
		return (uint64_t)(uintptr_t)landing + dice_below(4096);
	case 1:
		return (uint64_t)(uintptr_t)strlen + dice_below(65536);
	case 2:
		return at + dice_below(WORDS + 16) * 8ull;
	default:
		return dice_roll() >> dice_below(64);
	}
}

START_TEST(garbage_has_an_end)
{
	struct bh_frame frame[BH_FRAMES];
	uint64_t stack[WORDS];
	char why[256];
	struct bh_unwinder *u = bh_unwinder_open(getpid(), why);

	dice_seed();
	ck_assert_msg(u != NULL, "%s", why);
	for (int i = 0; i < STACKS; i++) {
		size_t n = dice_below(sizeof(stack) + 1);

		for (int w = 0; w < WORDS; w++)
			stack[w] = tempting();
		ck_assert_uint_le(bh_unwind(u, at, stack, n, frame), BH_FRAMES);
	}
	bh_unwinder_close(u);
}
END_TEST

START_TEST(the_innermost_frame_is_the_return_address)
{
	struct bh_frame frame[BH_FRAMES];
	uint64_t stack[WORDS] = { 0 };
	char why[256];
	struct bh_unwinder *u = bh_unwinder_open(getpid(), why);

	ck_assert_msg(u != NULL, "%s", why);
	stack[BH_CONTEXT_PC / 8] = (uint64_t)(uintptr_t)landing + 4;
	ck_assert_uint_ge(bh_unwind(u, at, stack, sizeof(stack), frame), 1);
	ck_assert_str_eq(frame[0].function, "landing");
	ck_assert_uint_eq(frame[0].offset, 4);
	/* Less than a context. */
	ck_assert_uint_eq(bh_unwind(u, at, stack, BH_CONTEXT_BYTES - 8, frame), 0);
	bh_unwinder_close(u);
}
END_TEST

START_TEST(a_process_that_is_gone_is_said_so)
{
	char why[256] = "";

	ck_assert_ptr_null(bh_unwinder_open(0x7ffffff0, why));
	ck_assert_msg(strstr(why, "maps") != NULL, "%s", why);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("unwind");
	TCase *t = tcase_create("unwind");

	tcase_set_timeout(t, 50);
	tcase_add_test(t, garbage_has_an_end);
	tcase_add_test(t, the_innermost_frame_is_the_return_address);
	tcase_add_test(t, a_process_that_is_gone_is_said_so);
	suite_add_tcase(s, t);
	return bh_check_run(s);
}
