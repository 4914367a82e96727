/* SPDX-License-Identifier: MIT */
/* test_pool.c: hints at free slots: none twice, none lost, whoever dies where. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dice.h"
#include "ipc/queue/pool.h"
#include "tests/check_run.h"

enum {
	MOST = 1100,
	WORKERS = 3
};

static struct bh_pool pool;
static _Atomic uint64_t bits[(MOST + 63) / 64];
static struct bh_pool_view v = { .pool = &pool, .bits = bits };
static struct bh_pool_cache cache[WORKERS];
static bool taken[MOST + 64]; /* what the slots themselves say */

static void begin(uint32_t capacity)
{
	memset(&pool, 0, sizeof(pool));
	memset(bits, 0, sizeof(bits));
	memset(cache, 0, sizeof(cache));
	memset(taken, 0, sizeof(taken));
	v.capacity = capacity;
}

static bool slot_is_free(const void *ctx, uint32_t idx)
{
	(void)ctx;
	return !taken[idx];
}

/* A slot for worker @w, or 0. As callers do: a stale hint is tried and dropped. */
static uint32_t take(uint32_t w)
{
	uint32_t idx;

	while ((idx = bh_pool_take(&v, &cache[w]))) {
		if (idx >= v.capacity)
			ck_abort_msg("index %u of %u", idx, v.capacity);
		if (!taken[idx]) {
			taken[idx] = true;
			return idx;
		}
	}
	return 0;
}

static void give(uint32_t w, uint32_t idx)
{
	bh_pool_freeing(&cache[w], idx);
	taken[idx] = false;
	bh_pool_give(&v, &cache[w], idx);
}

static uint32_t count_taken(void)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < v.capacity; i++)
		n += taken[i];
	return n;
}

static void recover(uint32_t w)
{
	bh_pool_recover(&v, &cache[w], slot_is_free, NULL);
}

/* With every cache given up, every free slot can be had, once. */
static void expect_nothing_lost(void)
{
	uint32_t had = count_taken(), got = 0;

	for (uint32_t w = 0; w < WORKERS; w++)
		recover(w);
	while (take(0))
		got++;
	if (had + got != v.capacity - 1)
		ck_abort_msg("%u taken, %u to be had, of %u", had, got, v.capacity - 1);
}

/* -- core and limits -------------------------------------------------------------- */

static const uint32_t capacities[] = { 1, 2, 63, 64, 65, 128, 129, 193, 1000, MOST };

START_TEST(each_slot_is_handed_out_once_and_then_none)
{
	begin(capacities[_i]);
	for (uint32_t i = 1; i < v.capacity; i++)
		if (!take(i % 2))
			/* The other one's cache may hold the last few. */
			ck_assert_msg(take(1 - i % 2), "slot %u of %u", i, v.capacity);
	for (uint32_t w = 0; w < WORKERS; w++)
		ck_assert_uint_eq(take(w), 0);
	ck_assert_uint_eq(count_taken(), v.capacity - 1);
	ck_assert(!taken[0]);
}
END_TEST

START_TEST(what_was_freed_last_is_taken_first)
{
	begin(1000);
	uint32_t a = take(0), b = take(0);
	give(0, a);
	give(0, b);
	ck_assert_uint_eq(take(0), b);
	ck_assert_uint_eq(take(0), a);
}
END_TEST

START_TEST(what_one_gives_back_another_can_take)
{
	begin(capacities[_i]);
	while (take(0))
		;
	for (uint32_t i = 1; i < v.capacity; i++) {
		taken[i] = false;
		bh_pool_give_shared(&v, i);
	}
	for (uint32_t i = 1; i < v.capacity; i++)
		ck_assert(take(1));
	ck_assert_uint_eq(take(1), 0);
}
END_TEST

START_TEST(a_full_cache_spills_what_others_then_find)
{
	begin(1000);
	while (take(0))
		;
	for (uint32_t i = 1; i < 1000; i++)
		give(0, i);
	uint32_t n = 0;
	while (take(1))
		n++;
	ck_assert_uint_ge(n, 999 - BH_POOL_CACHE);
	expect_nothing_lost();
}
END_TEST

START_TEST(slots_that_do_not_exist_cannot_be_given)
{
	begin(65);
	bh_pool_give_shared(&v, 0);
	bh_pool_give_shared(&v, 65);
	bh_pool_give_shared(&v, 0xffffffff);
	ck_assert_uint_eq(bits[0], 0);
	ck_assert_uint_eq(bits[1], 0);
}
END_TEST

/* Found by looking, though the count says that there is none. */
START_TEST(a_wrong_count_hides_nothing)
{
	begin(200);
	while (take(0))
		;
	taken[77] = false;
	bh_pool_give_shared(&v, 77);
	bh_st_rlx(&pool.spare, -1000);
	ck_assert_uint_eq(take(1), 77);
	bh_st_rlx(&pool.spare, 1000);
	ck_assert_uint_eq(take(1), 0);
}
END_TEST

/* -- crash: hand-built wrecks --------------------------------------------------------- */

/* Killed after the exchange that claims 64 bits. */
START_TEST(a_claimed_word_is_found_again)
{
	begin(500);
	while (take(0))
		;
	for (uint32_t i = 100; i < 200; i++) {
		taken[i] = false;
		bh_pool_give_shared(&v, i);
	}
	bh_st_rlx(&cache[1].word, 2 + 1);
	bh_xchg(&bits[2], 0);
	expect_nothing_lost();
}
END_TEST

/* Killed after the CAS on the mark, with part of the cache written. */
START_TEST(claimed_fresh_slots_are_found_again)
{
	for (uint32_t written = 0; written < 64; written += 9) {
		begin(500);
		take(0);
		bh_st_rlx(&cache[1].word, 64 / 64 + 1);
		bh_st_rlx(&pool.mark, 128);
		for (uint32_t i = 0; i < written; i++)
			cache[1].idx[cache[1].n++] = 127 - i;
		expect_nothing_lost();
	}
}
END_TEST

/* Killed between the pop of a hint and the CAS on the slot. */
START_TEST(a_hint_popped_and_not_used_is_found_again)
{
	begin(500);
	take(0);
	ck_assert(bh_pool_take(&v, &cache[0]));
	expect_nothing_lost();
}
END_TEST

/* Killed when the slot was free and no pool knew it. */
START_TEST(a_slot_being_freed_is_found_again)
{
	begin(500);
	uint32_t idx = take(0);
	bh_pool_freeing(&cache[0], idx);
	taken[idx] = false;
	expect_nothing_lost();
}
END_TEST

/* Killed before the slot was free: it is not given away. */
START_TEST(a_slot_not_yet_freed_is_kept)
{
	begin(500);
	uint32_t idx = take(0);
	bh_pool_freeing(&cache[0], idx);
	recover(0);
	ck_assert(!(bits[idx / 64] >> (idx % 64) & 1));
	ck_assert(taken[idx]);
	expect_nothing_lost();
}
END_TEST

START_TEST(recovery_twice_is_recovery_once)
{
	uint64_t once[sizeof(bits) / sizeof(*bits)];

	begin(500);
	for (uint32_t i = 0; i < 100; i++)
		take(0);
	recover(0);
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		once[i] = bits[i];
	int32_t spare = pool.spare;
	recover(0);
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		ck_assert_uint_eq(bits[i], once[i]);
	ck_assert_int_eq(pool.spare, spare);
}
END_TEST

/* Garbage in what workers write: no slot that does not exist, no endless loop. */
START_TEST(garbage_names_no_slot_beyond_the_table)
{
	dice_seed();
	for (int i = 0; i < 3000; i++) {
		begin(130);
		unsigned char *at = (unsigned char *)&cache[0];
		for (uint32_t k = 0; k < sizeof(cache[0]); k++)
			at[k] = (unsigned char)(dice_below(2) ? dice_roll() : 0);
		if (dice_below(2))
			pool.mark = dice_below(2) ? (uint32_t)dice_roll() : dice_below(200);
		if (dice_below(2))
			pool.rotor = (uint32_t)dice_roll();
		pool.spare = (int32_t)dice_roll();
		recover(0);
		for (uint32_t b = v.capacity; b < MOST; b++)
			if (bits[b / 64] >> (b % 64) & 1)
				ck_abort_msg("slot %u is in the pool", b);
		bits[dice_below(3)] = dice_roll();
		for (uint32_t k = 0; k < 300; k++)
			if (bh_pool_take(&v, &cache[1]) >= v.capacity)
				ck_abort_msg("a slot that does not exist");
	}
}
END_TEST

/* -- model: random use, and random deaths ----------------------------------------------- */

static void random_death(uint32_t w)
{
	uint32_t idx = 1 + dice_below(v.capacity - 1);

	switch (dice_below(3)) {
	case 0:
		bh_pool_take(&v, &cache[w]);
		break;
	case 1:
		bh_pool_freeing(&cache[w], idx);
		taken[idx] = false;
		break;
	default:
		break;
	}
	recover(w);
}

START_TEST(random_use_loses_nothing)
{
	dice_seed();
	for (int round = 0; round < 200; round++) {
		begin(2 + dice_below(MOST - 1));
		for (int i = 0; i < 3000; i++) {
			uint32_t w = dice_below(WORKERS), idx = 1 + dice_below(v.capacity - 1);
			if (dice_below(50) == 0)
				random_death(w);
			else if (dice_below(2))
				take(w);
			else if (taken[idx])
				give(w, idx);
		}
		expect_nothing_lost();
	}
}
END_TEST

int main(void)
{
	const int n = sizeof(capacities) / sizeof(*capacities);
	Suite *s = suite_create("ipc.pool");
	TCase *core = tcase_create("core"), *crash = tcase_create("crash");
	TCase *model = tcase_create("model");

	tcase_add_loop_test(core, each_slot_is_handed_out_once_and_then_none, 0, n);
	tcase_add_test(core, what_was_freed_last_is_taken_first);
	tcase_add_loop_test(core, what_one_gives_back_another_can_take, 0, n);
	tcase_add_test(core, a_full_cache_spills_what_others_then_find);
	tcase_add_test(core, slots_that_do_not_exist_cannot_be_given);
	tcase_add_test(core, a_wrong_count_hides_nothing);
	tcase_add_test(crash, a_claimed_word_is_found_again);
	tcase_add_test(crash, claimed_fresh_slots_are_found_again);
	tcase_add_test(crash, a_hint_popped_and_not_used_is_found_again);
	tcase_add_test(crash, a_slot_being_freed_is_found_again);
	tcase_add_test(crash, a_slot_not_yet_freed_is_kept);
	tcase_add_test(crash, recovery_twice_is_recovery_once);
	tcase_add_test(crash, garbage_names_no_slot_beyond_the_table);
	tcase_add_test(model, random_use_loses_nothing);
	suite_add_tcase(s, core);
	suite_add_tcase(s, crash);
	suite_add_tcase(s, model);
	return bh_check_run(s);
}
