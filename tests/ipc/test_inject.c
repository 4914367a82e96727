/* SPDX-License-Identifier: MIT */
/*
 * test_inject.c: the inject queue at four cells, so that every few steps are a lap;
 * the counters left behind by the dead; garbage.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dice.h"
#include "ipc/queue/inject.h"
#include "tests/check_run.h"

enum {
	SHIFT = 2,
	SIZE = 1 << SHIFT
};

static struct bh_inject q;
static _Atomic uint64_t cells[SIZE];
static const struct bh_inject_view v = { &q, cells, SIZE - 1, SHIFT };
static _Atomic uint32_t journal;

/* An empty queue that has been through @at entries. */
static void begin(uint64_t at)
{
	q.head = q.tail = at;
	for (uint64_t p = at; p < at + SIZE; p++)
		cells[p & v.mask] = bh_inject_cell(&v, p, 0);
	journal = 0;
}

static uint32_t pop(void)
{
	return bh_inject_pop(&v, &journal);
}

static const uint64_t starts[] = {
	0,
	1,
	SIZE - 1,
	(1ull << 32) - 2,
	(1ull << (32 + SHIFT)) - 2, /* the lap in the cells wraps */
	(1ull << (32 + SHIFT)) + 5,
};

/* -- core, limits and wrap: from each start -------------------------------------- */

START_TEST(inject_is_first_in_first_out)
{
	begin(starts[_i]);
	ck_assert(!bh_inject_ready(&v));
	ck_assert_uint_eq(pop(), 0);
	for (uint32_t i = 1; i < 20; i++) {
		ck_assert(bh_inject_push(&v, i));
		ck_assert(bh_inject_push(&v, i + 100));
		ck_assert_uint_eq(bh_inject_len(&v), 2);
		ck_assert(bh_inject_ready(&v));
		ck_assert_uint_eq(pop(), i);
		ck_assert_uint_eq(pop(), i + 100);
		ck_assert_uint_eq(pop(), 0);
		ck_assert(!bh_inject_ready(&v));
	}
}
END_TEST

START_TEST(inject_push_fails_when_full)
{
	begin(starts[_i]);
	for (uint32_t i = 1; i <= SIZE; i++)
		ck_assert(bh_inject_push(&v, i));
	ck_assert(!bh_inject_push(&v, 99));
	ck_assert_uint_eq(bh_inject_len(&v), SIZE);
	ck_assert_uint_eq(pop(), 1);
	ck_assert(bh_inject_push(&v, SIZE + 1));
	ck_assert(!bh_inject_push(&v, 99));
	for (uint32_t i = 2; i <= SIZE + 1; i++)
		ck_assert_uint_eq(pop(), i);
	ck_assert_uint_eq(pop(), 0);
}
END_TEST

START_TEST(the_journal_names_what_is_taken)
{
	begin(starts[_i]);
	bh_inject_push(&v, 7);
	ck_assert_uint_eq(pop(), 7);
	ck_assert_uint_eq(journal, 7);
}
END_TEST

/* -- crash: hand-built wrecks ------------------------------------------------------ */

/* Pushers that died before they moved the tail. */
START_TEST(a_tail_that_lags_is_helped_on)
{
	for (uint32_t dead = 1; dead <= SIZE; dead++) {
		begin(starts[_i]);
		for (uint32_t i = 1; i <= dead; i++)
			bh_inject_push(&v, i);
		q.tail = starts[_i];
		ck_assert(bh_inject_ready(&v));
		ck_assert_int_eq(bh_inject_push(&v, dead + 1), dead < SIZE);
		for (uint32_t i = 1; i <= dead + (dead < SIZE); i++)
			ck_assert_uint_eq(pop(), i);
		ck_assert_uint_eq(pop(), 0);
		ck_assert(bh_inject_push(&v, 5)); /* past cells that were filled and emptied */
		ck_assert_uint_eq(pop(), 5);
	}
}
END_TEST

/* Poppers that died before they moved the head. */
START_TEST(a_head_that_lags_is_helped_on)
{
	for (uint32_t dead = 1; dead <= SIZE; dead++) {
		begin(starts[_i]);
		for (uint32_t i = 1; i <= SIZE; i++)
			bh_inject_push(&v, i);
		for (uint32_t i = 0; i < dead; i++)
			pop();
		q.head = starts[_i];
		ck_assert_int_eq(bh_inject_ready(&v), dead < SIZE);
		q.head = starts[_i];
		ck_assert(bh_inject_push(&v, SIZE + 1)); /* the cell decides, not the head */
		for (uint32_t i = dead + 1; i <= SIZE + 1; i++)
			ck_assert_uint_eq(pop(), i);
		ck_assert_uint_eq(pop(), 0);
	}
}
END_TEST

/* All pushers and all poppers died before they moved anything. */
START_TEST(both_may_lag)
{
	begin(starts[_i]);
	for (uint32_t i = 1; i <= SIZE; i++) {
		bh_inject_push(&v, i);
		pop();
	}
	q.head = q.tail = starts[_i];
	ck_assert(!bh_inject_ready(&v));
	ck_assert(bh_inject_push(&v, 9));
	ck_assert(bh_inject_ready(&v));
	ck_assert_uint_eq(pop(), 9);
	ck_assert_uint_eq(pop(), 0);
}
END_TEST

/* A process that slept for a lap must not commit where it once was. */
START_TEST(a_commit_from_the_last_lap_fails)
{
	begin(starts[_i]);
	uint64_t at = q.tail;
	uint64_t empty = bh_inject_cell(&v, at, 0), filled = bh_inject_cell(&v, at, 3);
	for (uint32_t i = 0; i < SIZE; i++) {
		bh_inject_push(&v, 3);
		pop();
	}
	ck_assert(!bh_cas(&cells[at & v.mask], &empty, bh_inject_cell(&v, at, 8)));
	bh_inject_push(&v, 3); /* the same index in the same cell, a lap later */
	ck_assert(!bh_cas(&cells[at & v.mask], &filled, bh_inject_cell(&v, at + SIZE, 0)));
	ck_assert_uint_eq(pop(), 3);
}
END_TEST

static uint64_t nearly(uint64_t at)
{
	return dice_below(2) ? dice_roll() : at + dice_below(12) - 6;
}

/* Whatever stands there, every call comes back. */
START_TEST(garbage_ends_every_call)
{
	dice_seed();
	for (int i = 0; i < 2000; i++) {
		begin(100);
		q.head = nearly(100);
		q.tail = nearly(100);
		for (uint32_t k = 0; k < SIZE; k++)
			cells[k] = dice_below(2) ? dice_roll() :
						   bh_inject_cell(&v, nearly(100), dice_below(3));
		for (uint32_t k = 0; k < 8; k++) {
			bh_inject_push(&v, 1 + k);
			pop();
			bh_inject_ready(&v);
			bh_inject_len(&v);
		}
	}
}
END_TEST

/* -- model: a naive queue, and counters that fall back ------------------------------- */

static struct {
	uint32_t n, at[SIZE];
} model;

static void random_step(uint32_t item)
{
	uint32_t had = model.n, got;

	if (dice_below(2)) {
		if (bh_inject_push(&v, item) != (model.n < SIZE))
			ck_abort_msg("push into %u entries", model.n);
		if (model.n < SIZE)
			model.at[model.n++] = item;
	} else {
		got = pop();
		if (got != (model.n ? model.at[0] : 0))
			ck_abort_msg("popped %u", got);
		if (model.n)
			memmove(model.at, model.at + 1, --model.n * sizeof(*model.at));
	}
	if (bh_inject_ready(&v) != (model.n > 0))
		ck_abort_msg("ready with %u entries", model.n);
	/* Whoever did it died before it moved the counter. */
	if (model.n > had && dice_below(4) == 0)
		q.tail--;
	if (model.n < had && dice_below(4) == 0)
		q.head--;
}

START_TEST(random_use_is_that_of_the_model)
{
	dice_seed();
	for (int round = 0; round < 20; round++) {
		begin(dice_below(2) ? dice_roll() >> 20 : starts[4] - 30000);
		model.n = 0;
		for (uint32_t i = 1; i <= 50000; i++)
			random_step(i);
	}
}
END_TEST

int main(void)
{
	const int n = sizeof(starts) / sizeof(*starts);
	Suite *s = suite_create("ipc.inject");
	TCase *wrap = tcase_create("wrap"), *crash = tcase_create("crash");
	TCase *model_case = tcase_create("model");

	tcase_add_loop_test(wrap, inject_is_first_in_first_out, 0, n);
	tcase_add_loop_test(wrap, inject_push_fails_when_full, 0, n);
	tcase_add_loop_test(wrap, the_journal_names_what_is_taken, 0, n);
	tcase_add_loop_test(crash, a_tail_that_lags_is_helped_on, 0, n);
	tcase_add_loop_test(crash, a_head_that_lags_is_helped_on, 0, n);
	tcase_add_loop_test(crash, both_may_lag, 0, n);
	tcase_add_loop_test(crash, a_commit_from_the_last_lap_fails, 0, n);
	tcase_add_test(crash, garbage_ends_every_call);
	tcase_add_test(model_case, random_use_is_that_of_the_model);
	suite_add_tcase(s, wrap);
	suite_add_tcase(s, crash);
	suite_add_tcase(s, model_case);
	return bh_check_run(s);
}
