/* SPDX-License-Identifier: MIT */
/* test_unwind.c: backtraces of stacks that hold anything at all. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc/base/context_regs.h"
#include "tests/check_run.h"
#include "tests/ipc/dice.h"
#include "tools/bhctl/code/unwind.h"

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

#if defined(__x86_64__)
/* A stack by hand: the frame pointer and the return address of a call from strlen() to
 * landing(), which died of its first instruction. */
START_TEST(who_died_is_in_its_first_frame)
{
	uint64_t stack[WORDS] = { (uint64_t)(uintptr_t)strlen + 1 }, regs[24] = { 0 };
	struct bh_frame frame[BH_FRAMES];
	char why[256];
	struct bh_unwinder *u = bh_unwinder_open(getpid(), why);

	ck_assert_msg(u != NULL, "%s", why);
	regs[16] = (uint64_t)(uintptr_t)landing;
	regs[19] = at;
	ck_assert_uint_ge(bh_unwind_crash(u, regs, 24, stack, sizeof(stack), frame), 2);
	ck_assert_str_eq(frame[0].function, "landing");
	ck_assert_uint_eq(frame[0].offset, 0);
	ck_assert_uint_eq(frame[1].pc, stack[0]);
	ck_assert_uint_eq(bh_unwind_crash(u, regs, 19, stack, sizeof(stack), frame), 0);
	bh_unwinder_close(u);
}
END_TEST

START_TEST(garbage_of_who_died_has_an_end)
{
	struct bh_frame frame[BH_FRAMES];
	uint64_t stack[WORDS], regs[24];
	char why[256];
	struct bh_unwinder *u = bh_unwinder_open(getpid(), why);

	dice_seed();
	ck_assert_msg(u != NULL, "%s", why);
	for (int i = 0; i < STACKS; i++) {
		for (int w = 0; w < WORDS; w++)
			stack[w] = tempting();
		for (int w = 0; w < 24; w++)
			regs[w] = tempting();
		if (dice_below(2))
			regs[19] = at;
		ck_assert_uint_le(bh_unwind_crash(u, regs, 24, stack, dice_below(sizeof(stack) + 1),
						  frame),
				  BH_FRAMES);
	}
	bh_unwinder_close(u);
}
END_TEST
#endif

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

	tcase_add_test(t, garbage_has_an_end);
	tcase_add_test(t, the_innermost_frame_is_the_return_address);
#if defined(__x86_64__)
	tcase_add_test(t, who_died_is_in_its_first_frame);
	tcase_add_test(t, garbage_of_who_died_has_an_end);
#endif
	tcase_add_test(t, a_process_that_is_gone_is_said_so);
	suite_add_tcase(s, t);
	return bh_check_run(s);
}
