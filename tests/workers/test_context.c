/* SPDX-License-Identifier: MIT */
/*
 * test_context.c: suite workers.context. Contexts on one stack, on several, and
 * on shared memory across processes.
 */
#include "tests/check_run.h"
#include "workers/base/context.h"

#include <check.h>
#include <fenv.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	STACK_BYTES = 256 * 1024
};

/* One fiber and who resumed it. In shared memory, so that the same code tests
 * one process and several. */
struct rig {
	struct bh_context fiber, main;
	uint64_t turns, sum;
	double product;
	void *arg_seen, *frame_seen;
	int rounding;
	_Alignas(64) unsigned char stack[STACK_BYTES];
};

static struct rig *rig_create(void)
{
	struct rig *r =
		mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(r, MAP_FAILED);
	return r;
}

static void *rig_top(struct rig *r)
{
	return r->stack + sizeof(r->stack);
}

static void rig_resume(struct rig *r)
{
	bh_context_switch(&r->main, &r->fiber);
}

static void rig_suspend(struct rig *r)
{
	bh_context_switch(&r->fiber, &r->main);
}

static void count_for_ever(void *arg)
{
	struct rig *r = arg;

	r->arg_seen = arg;
	r->frame_seen = __builtin_frame_address(0);
	for (;;) {
		r->turns++;
		rig_suspend(r);
	}
}

START_TEST(context_runs_entry_with_its_argument)
{
	struct rig *r = rig_create();

	bh_context_make(&r->fiber, rig_top(r), count_for_ever, r);
	ck_assert_uint_eq(r->turns, 0);
	rig_resume(r);
	ck_assert_uint_eq(r->turns, 1);
	ck_assert_ptr_eq(r->arg_seen, r);
	ck_assert(r->frame_seen >= (void *)r->stack && r->frame_seen < rig_top(r));
}
END_TEST

START_TEST(context_ping_pong_comes_back_each_time)
{
	struct rig *r = rig_create();

	bh_context_make(&r->fiber, rig_top(r), count_for_ever, r);
	for (uint64_t i = 1; i <= 1000000; i++) {
		rig_resume(r);
		if (r->turns != i)
			ck_abort_msg("resumed %llu times, ran %llu", (unsigned long long)i,
				     (unsigned long long)r->turns);
	}
}
END_TEST

/* A vector constant on a misaligned stack faults, and so does printf("%f"). */
static void use_aligned_stack(void *arg)
{
	struct rig *r = arg;
	char text[64];
	_Alignas(16) volatile char probe[16];

	for (;;) {
		r->sum = (uintptr_t)probe % 16;
		snprintf(text, sizeof(text), "%.3f", 1.0 / 8.0);
		r->turns = (uint64_t)!strcmp(text, "0.125");
		rig_suspend(r);
	}
}

START_TEST(context_aligns_any_stack_top)
{
	struct rig *r = rig_create();

	for (int off = 0; off < 32; off++) {
		r->turns = 0;
		bh_context_make(&r->fiber, (char *)rig_top(r) - off, use_aligned_stack, r);
		rig_resume(r);
		ck_assert_uint_eq(r->sum, 0);
		ck_assert_uint_eq(r->turns, 1);
	}
}
END_TEST

static uint64_t __attribute__((noinline)) climb(struct rig *r, uint64_t depth)
{
	uint64_t below;

	r->turns++;
	rig_suspend(r);
	below = depth ? climb(r, depth - 1) : 0;
	rig_suspend(r);
	return below + depth;
}

static void recurse(void *arg)
{
	struct rig *r = arg;

	r->sum = climb(r, 1000);
	for (;;)
		rig_suspend(r);
}

START_TEST(context_suspends_at_any_depth)
{
	struct rig *r = rig_create();

	bh_context_make(&r->fiber, rig_top(r), recurse, r);
	for (int i = 0; i < 2 * 1001 + 1; i++)
		rig_resume(r);
	ck_assert_uint_eq(r->turns, 1001);
	ck_assert_uint_eq(r->sum, 1000 * 1001 / 2);
}
END_TEST

/* More live values than there are registers, so that every callee-saved one is
 * in use on both sides of a switch. */
#define MANY(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)

static uint64_t __attribute__((noinline))
mix(uint64_t seed, struct rig *r, void (*turn)(struct rig *))
{
#define DECLARE(n)                          \
	uint64_t i##n = seed * (2 * n + 3); \
	double d##n = (double)(seed + n);
#define KEEP(n) __asm__ volatile("" : "+r"(i##n));
#define STEP(n)                                 \
	i##n = i##n * 6364136223846793005u + n; \
	d##n = d##n * 0.5 + n;
#define FOLD(n) sum = sum * 31 + i##n + (uint64_t)(d##n * 1024.0);
	MANY(DECLARE)
	uint64_t sum = 0;

	for (int k = 0; k < 100; k++) {
		MANY(KEEP)
		if (turn)
			turn(r);
		MANY(STEP)
	}
	MANY(FOLD)
	return sum;
}

static void mix_in_fiber(void *arg)
{
	struct rig *r = arg;

	r->sum = mix(7, r, rig_suspend);
	for (;;)
		rig_suspend(r);
}

START_TEST(context_keeps_registers_of_both_sides)
{
	struct rig *r = rig_create();

	bh_context_make(&r->fiber, rig_top(r), mix_in_fiber, r);
	uint64_t mine = mix(11, r, rig_resume);
	rig_resume(r);
	ck_assert_uint_eq(mine, mix(11, NULL, NULL));
	ck_assert_uint_eq(r->sum, mix(7, NULL, NULL));
}
END_TEST

static void round_upwards(void *arg)
{
	struct rig *r = arg;

	r->rounding = fegetround();
	fesetround(FE_UPWARD);
	for (;;) {
		rig_suspend(r);
		r->turns += fegetround() == FE_UPWARD;
	}
}

START_TEST(context_has_its_own_rounding_mode)
{
	struct rig *r = rig_create();

	fesetround(FE_TOWARDZERO);
	bh_context_make(&r->fiber, rig_top(r), round_upwards, r);
	fesetround(FE_DOWNWARD);
	for (int i = 0; i < 10; i++) {
		rig_resume(r);
		ck_assert_int_eq(fegetround(), FE_DOWNWARD);
	}
	ck_assert_int_eq(r->rounding, FE_TOWARDZERO); /* its maker's, when it was made */
	ck_assert_uint_eq(r->turns, 9);
}
END_TEST

START_TEST(context_switch_to_itself_goes_on)
{
	struct bh_context c = { 0 };

	bh_context_switch(&c, &c);
	bh_context_switch(&c, &c);
}
END_TEST

enum {
	MANY_FIBERS = 64
};

struct ring {
	struct bh_context at[MANY_FIBERS + 1]; /* the last one: the test */
	unsigned order[MANY_FIBERS];
	unsigned n;
};

struct ring_member {
	struct ring *ring;
	unsigned i;
};

static void pass_on(void *arg)
{
	struct ring_member *m = arg;

	for (;;) {
		m->ring->order[m->ring->n++] = m->i;
		bh_context_switch(&m->ring->at[m->i], &m->ring->at[m->i + 1]);
	}
}

START_TEST(contexts_switch_among_each_other)
{
	static struct ring ring;
	static struct ring_member member[MANY_FIBERS];
	static _Alignas(64) unsigned char stack[MANY_FIBERS][16384];

	for (unsigned i = 0; i < MANY_FIBERS; i++) {
		member[i] = (struct ring_member){ &ring, i };
		bh_context_make(&ring.at[i], stack[i] + sizeof(stack[i]), pass_on, &member[i]);
	}
	for (int round = 0; round < 3; round++) {
		ring.n = 0;
		bh_context_switch(&ring.at[MANY_FIBERS], &ring.at[0]);
		ck_assert_uint_eq(ring.n, MANY_FIBERS);
		for (unsigned i = 0; i < MANY_FIBERS; i++)
			ck_assert_uint_eq(ring.order[i], i);
	}
}
END_TEST

static void multiply(void *arg)
{
	struct rig *r = arg;
	double product = 1.0;

	fesetround(FE_UPWARD);
	for (int i = 1; i <= 12; i++) {
		product *= i;
		r->product = product;
		r->turns += fegetround() == FE_UPWARD;
		rig_suspend(r);
	}
	for (;;)
		rig_suspend(r);
}

/* Resumes @r @n times in a child of its own. */
static void resume_elsewhere(struct rig *r, int n)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		while (n--)
			rig_resume(r);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(context_goes_on_in_another_process)
{
	struct rig *r = rig_create();

	bh_context_make(&r->fiber, rig_top(r), multiply, r);
	resume_elsewhere(r, 5); /* begun in one child, */
	ck_assert_double_eq(r->product, 120.0);
	rig_resume(r); /* gone on here, */
	ck_assert_double_eq(r->product, 720.0);
	ck_assert_int_eq(fegetround(), FE_TONEAREST);
	for (int i = 0; i < 6; i++)
		resume_elsewhere(r, 1); /* and in six more */
	ck_assert_double_eq(r->product, 479001600.0);
	ck_assert_uint_eq(r->turns, 12);
}
END_TEST

static void come_back(void *arg)
{
	(void)arg;
}

START_TEST(context_entry_that_returns_traps)
{
	struct rig *r = rig_create();

	bh_context_make(&r->fiber, rig_top(r), come_back, r);
	rig_resume(r);
}
END_TEST

static Suite *context_suite(void)
{
	Suite *s = suite_create("workers.context");
	TCase *core = tcase_create("core");
	TCase *shared = tcase_create("shared");
	TCase *traps = tcase_create("traps");

	tcase_add_test(core, context_runs_entry_with_its_argument);
	tcase_add_test(core, context_ping_pong_comes_back_each_time);
	tcase_add_test(core, context_aligns_any_stack_top);
	tcase_add_test(core, context_suspends_at_any_depth);
	tcase_add_test(core, context_keeps_registers_of_both_sides);
	tcase_add_test(core, context_has_its_own_rounding_mode);
	tcase_add_test(core, context_switch_to_itself_goes_on);
	tcase_add_test(core, contexts_switch_among_each_other);
	suite_add_tcase(s, core);
	tcase_add_test(shared, context_goes_on_in_another_process);
	suite_add_tcase(s, shared);
#if defined(__x86_64__)
	tcase_add_test_raise_signal(traps, context_entry_that_returns_traps, SIGILL);
#else
	tcase_add_test_raise_signal(traps, context_entry_that_returns_traps, SIGTRAP);
#endif
	suite_add_tcase(s, traps);
	return s;
}

int main(void)
{
	return bh_check_run(context_suite());
}
