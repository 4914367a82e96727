/* SPDX-License-Identifier: MIT */
/* test_runq.c: a worker's run queue: what one process sees, and hand-built wrecks. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dice.h"
#include "ipc/queue/runq.h"
#include "tests/check_run.h"

enum {
	CAP = BH_RUNQ_CAP,
	HALF = BH_RUNQ_CAP / 2
};

static struct bh_runq q, mine;

/* Empty rings whose counters stand at @at. */
static void begin(uint64_t at)
{
	memset(&q, 0, sizeof(q));
	memset(&mine, 0, sizeof(mine));
	q.head = q.tail = at;
	mine.head = mine.tail = at / 3;
}

static void push(struct bh_runq *to, uint32_t from, uint32_t n)
{
	bool all = true;

	for (uint32_t i = 0; i < n; i++)
		all &= bh_runq_push(to, from + i);
	ck_assert(all);
}

/* Pops @n entries that must be @from, @from + 1, ... */
static void pops(struct bh_runq *of, uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t got = bh_runq_pop(of);
		if (got != from + i)
			ck_abort_msg("entry %u is %u instead of %u", i, got, from + i);
	}
}

static bool stands_in(struct bh_runq *ring, uint32_t idx)
{
	for (uint32_t i = 0; i < CAP; i++)
		if (ring->cells[i] == idx)
			return true;
	return false;
}

/* Counters from which every step crosses some boundary. */
static const uint64_t starts[] = {
	0, 1, 200, CAP - 1, 0xffffff80ull, 0xffffffffull, (1ull << 40) - 7,
};

/* -- core, and wrap: from each start ------------------------------------------- */

START_TEST(runq_is_first_in_first_out)
{
	begin(starts[_i]);
	ck_assert_uint_eq(bh_runq_pop(&q), 0);
	for (uint32_t round = 0; round < 5; round++) {
		push(&q, 1, 200);
		ck_assert_uint_eq(bh_runq_len(&q), 200);
		pops(&q, 1, 200);
		ck_assert_uint_eq(bh_runq_pop(&q), 0);
		ck_assert_uint_eq(bh_runq_len(&q), 0);
	}
}
END_TEST

START_TEST(runq_push_fails_when_full)
{
	begin(starts[_i]);
	push(&q, 1, CAP);
	ck_assert(!bh_runq_push(&q, 999));
	ck_assert_uint_eq(bh_runq_len(&q), CAP);
	pops(&q, 1, 1);
	push(&q, CAP + 1, 1);
	ck_assert(!bh_runq_push(&q, 999));
	pops(&q, 2, CAP);
}
END_TEST

START_TEST(a_thief_takes_the_older_half_rounded_up)
{
	uint32_t n, last;

	for (uint32_t len = 1; len <= CAP; len++) {
		uint32_t take = (len + 1) / 2;
		begin(starts[_i]);
		push(&q, 1, len);
		last = bh_runq_steal(&q, &mine, &n);
		if (n != take || last != take || bh_runq_len(&mine) != take - 1 ||
		    bh_runq_len(&q) != len - take)
			ck_abort_msg("of %u: took %u, runs %u", len, n, last);
		pops(&mine, 1, take - 1);
		pops(&q, take + 1, len - take);
	}
}
END_TEST

START_TEST(a_thief_finds_nothing_in_an_empty_ring)
{
	uint32_t n = 7;

	begin(starts[_i]);
	ck_assert_uint_eq(bh_runq_steal(&q, &mine, &n), 0);
	ck_assert_uint_eq(n, 0);
	push(&q, 1, 3);
	pops(&q, 1, 3);
	ck_assert_uint_eq(bh_runq_steal(&q, &mine, &n), 0);
	ck_assert_uint_eq(mine.tail, mine.head);
}
END_TEST

START_TEST(a_thief_that_has_over_half_a_ring_takes_none)
{
	uint32_t n;

	begin(starts[_i]);
	push(&q, 1, CAP);
	push(&mine, 1000, HALF + 1);
	ck_assert_uint_eq(bh_runq_steal(&q, &mine, &n), 0);
	ck_assert_uint_eq(n, 0);
	pops(&mine, 1000, 1);
	ck_assert_uint_eq(bh_runq_steal(&q, &mine, &n), HALF); /* the most that can come */
	ck_assert_uint_eq(bh_runq_len(&mine), CAP - 1);
	pops(&mine, 1001, HALF);
	pops(&mine, 1, HALF - 1);
}
END_TEST

START_TEST(an_overflow_leaves_the_older_half)
{
	uint32_t out[HALF], n;

	begin(starts[_i]);
	push(&q, 1, CAP - 1);
	ck_assert_uint_eq(bh_runq_overflow(&q, out), 0); /* not full */
	push(&q, CAP, 1);
	ck_assert_uint_eq(bh_runq_overflow(&q, out), HALF);
	for (uint32_t i = 0; i < HALF; i++)
		ck_assert_uint_eq(out[i], HALF + 1 + i);
	ck_assert_uint_eq(bh_runq_len(&q), HALF);
	push(&q, 1000, HALF);
	ck_assert(!bh_runq_push(&q, 999));
	ck_assert_uint_eq(bh_runq_steal(&q, &mine, &n), HALF);
	pops(&mine, 1, HALF - 1);
	pops(&q, 1000, HALF);
}
END_TEST

/* -- crash: hand-built wrecks ---------------------------------------------------- */

/* The owner dies between its cell and its tail: the entry was never in. */
START_TEST(a_push_without_its_commit_changes_nothing)
{
	uint32_t n;

	begin(starts[_i]);
	push(&q, 1, 3);
	q.cells[q.tail % CAP] = 77;
	ck_assert_uint_eq(bh_runq_len(&q), 3);
	ck_assert_uint_eq(bh_runq_steal(&q, &mine, &n), 2);
	pops(&q, 3, 1);
	ck_assert_uint_eq(bh_runq_pop(&q), 0);
}
END_TEST

/* A thief dies after its copies and before its commit. */
START_TEST(copies_without_a_commit_take_nothing)
{
	begin(starts[_i]);
	push(&q, 1, 10);
	for (uint32_t i = 0; i < 5; i++)
		mine.cells[(mine.tail + i) % CAP] = 1 + i;
	ck_assert_uint_eq(bh_runq_len(&mine), 0);
	pops(&q, 1, 10);
}
END_TEST

/* A thief dies after its commit and before it told its own ring: all that it
 * took stands in its cells. So does what an owner popped and did not run. */
START_TEST(what_a_dead_one_took_stands_in_its_cells)
{
	uint32_t n;
	uint64_t tail;

	begin(starts[_i]);
	push(&q, 1, 10);
	tail = mine.tail;
	ck_assert_uint_eq(bh_runq_steal(&q, &mine, &n), 5);
	mine.tail = tail;
	for (uint32_t i = 1; i <= 5; i++)
		ck_assert(stands_in(&mine, i));
	pops(&q, 6, 1);
	ck_assert(stands_in(&q, 6));
}
END_TEST

/* The owner dies between the two steps of an overflow: the ring is empty, and
 * all that was in it stands in its cells. */
START_TEST(half_an_overflow_keeps_every_cell)
{
	begin(starts[_i]);
	push(&q, 1, CAP);
	q.head = q.tail;
	ck_assert_uint_eq(bh_runq_pop(&q), 0);
	for (uint32_t i = 1; i <= CAP; i++)
		ck_assert(stands_in(&q, i));
}
END_TEST

/* Counters that somebody scribbled over: every call comes back, and what it
 * gives stood in a cell. */
START_TEST(garbage_in_the_counters_ends_every_call)
{
	uint32_t n, out[HALF];

	dice_seed();
	for (int i = 0; i < 20000; i++) {
		begin(0);
		for (uint32_t k = 0; k < CAP; k++)
			q.cells[k] = k;
		q.head = dice_below(2) ? dice_roll() : dice_below(600);
		q.tail = dice_below(2) ? dice_roll() : dice_below(600);
		if (dice_below(4) == 0)
			mine.tail = dice_roll();
		uint32_t got = bh_runq_steal(&q, &mine, &n);
		if (n > HALF || got >= CAP || bh_runq_len(&q) > CAP || bh_runq_pop(&q) >= CAP)
			ck_abort_msg("stole %u, runs %u", n, got);
		bh_runq_push(&q, 1);
		if (bh_runq_overflow(&q, out) > HALF)
			ck_abort_msg("over a half");
	}
}
END_TEST

/* -- model: four rings and naive ones -------------------------------------------- */

enum {
	RINGS = 4
};

struct naive {
	uint32_t n, at[CAP];
};

static struct bh_runq ring[RINGS];
static struct naive model[RINGS];

static void naive_drop(struct naive *m, uint32_t n)
{
	m->n -= n;
	memmove(m->at, m->at + n, m->n * sizeof(*m->at));
}

static void random_steal(uint32_t r)
{
	uint32_t from = (r + 1 + dice_below(RINGS - 1)) % RINGS, n;
	struct naive *a = &model[from], *b = &model[r];
	uint32_t take = b->n > HALF ? 0 : (a->n + 1) / 2;
	uint32_t last = bh_runq_steal(&ring[from], &ring[r], &n);

	if (n != take || last != (take ? a->at[take - 1] : 0))
		ck_abort_msg("took %u instead of %u", n, take);
	if (!take)
		return;
	memcpy(b->at + b->n, a->at, (take - 1) * sizeof(*a->at));
	b->n += take - 1;
	naive_drop(a, take);
}

static void random_overflow(struct bh_runq *of, struct naive *m)
{
	uint32_t out[HALF], n = bh_runq_overflow(of, out);

	if (n != (m->n == CAP ? HALF : 0) || memcmp(out, m->at + HALF, n * sizeof(*out)))
		ck_abort_msg("of %u entries %u were moved out", m->n, n);
	m->n -= n;
}

static void random_step(uint32_t item)
{
	uint32_t r = dice_below(RINGS), got;
	struct naive *m = &model[r];

	switch (dice_below(8)) {
	case 0:
		random_steal(r);
		break;
	case 1:
	case 2:
		got = bh_runq_pop(&ring[r]);
		if (got != (m->n ? m->at[0] : 0))
			ck_abort_msg("popped %u", got);
		if (m->n)
			naive_drop(m, 1);
		break;
	default:
		if (bh_runq_push(&ring[r], item) != (m->n < CAP))
			ck_abort_msg("push into %u entries", m->n);
		if (m->n < CAP)
			m->at[m->n++] = item;
		else if (dice_below(2))
			random_overflow(&ring[r], m);
		break;
	}
	if (bh_runq_len(&ring[r]) != m->n)
		ck_abort_msg("%u entries instead of %u", bh_runq_len(&ring[r]), m->n);
}

START_TEST(random_use_is_that_of_the_model)
{
	dice_seed();
	for (int round = 0; round < 20; round++) {
		memset(ring, 0, sizeof(ring));
		memset(model, 0, sizeof(model));
		for (uint32_t r = 0; r < RINGS; r++)
			ring[r].head = ring[r].tail = dice_roll() >> 16;
		for (uint32_t i = 1; i <= 100000; i++)
			random_step(i);
	}
}
END_TEST

int main(void)
{
	const int n = sizeof(starts) / sizeof(*starts);
	Suite *s = suite_create("ipc.runq");
	TCase *wrap = tcase_create("wrap"), *crash = tcase_create("crash");
	TCase *model_case = tcase_create("model");

	tcase_add_loop_test(wrap, runq_is_first_in_first_out, 0, n);
	tcase_add_loop_test(wrap, runq_push_fails_when_full, 0, n);
	tcase_add_loop_test(wrap, a_thief_takes_the_older_half_rounded_up, 0, n);
	tcase_add_loop_test(wrap, a_thief_finds_nothing_in_an_empty_ring, 0, n);
	tcase_add_loop_test(wrap, a_thief_that_has_over_half_a_ring_takes_none, 0, n);
	tcase_add_loop_test(wrap, an_overflow_leaves_the_older_half, 0, n);
	tcase_add_loop_test(crash, half_an_overflow_keeps_every_cell, 0, n);
	tcase_add_loop_test(crash, a_push_without_its_commit_changes_nothing, 0, n);
	tcase_add_loop_test(crash, copies_without_a_commit_take_nothing, 0, n);
	tcase_add_loop_test(crash, what_a_dead_one_took_stands_in_its_cells, 0, n);
	tcase_add_test(crash, garbage_in_the_counters_ends_every_call);
	tcase_add_test(model_case, random_use_is_that_of_the_model);
	suite_add_tcase(s, wrap);
	suite_add_tcase(s, crash);
	suite_add_tcase(s, model_case);
	return bh_check_run(s);
}
