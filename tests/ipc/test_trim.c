/* SPDX-License-Identifier: MIT */
/* test_trim.c: which blocks' pages the kernel gives back, and when. */
#include "ipc/protocol/trim.h"

#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/check_run.h"

enum {
	N = 64,
	PAGE = 4096,
	KB = 1, /* the class of 1 KiB: four share a page */
};

static struct bh_view v;
static int fd;

static void setup(void)
{
	struct bh_layout l;

	bh_layout_init(&l, 1, 64, 64, 16 << 20);
	fd = bh_arena_create(&l, "trim", 1);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bh_view_map(&v, &l, fd, NULL, true), 0);
	bh_st_rlx(&v.block_pool[BH_STACK_CLASS].pool->mark, N);
	bh_st_rlx(&v.block_pool[KB].pool->mark, N);
}

static void teardown(void)
{
	bh_view_unmap(&v);
	close(fd);
}

static struct bh_block *block(uint32_t cls, uint32_t idx)
{
	return bh_block_at(&v, bh_block_ref(cls, idx));
}

/* As a worker does it, and writes to it. */
static void take(uint32_t cls, uint32_t idx)
{
	uint64_t none = 0;

	ck_assert(bh_cas(&block(cls, idx)->owner, &none, bh_handle(1, 1)));
	bh_st_rlx(&block(cls, idx)->next, 0);
	memset(bh_block_data(&v, bh_block_ref(cls, idx)), 7, 1024);
}

static void give(uint32_t cls, uint32_t idx)
{
	bh_st_rel(&block(cls, idx)->owner, 0);
}

static void use(uint32_t cls, uint32_t idx)
{
	take(cls, idx);
	give(cls, idx);
}

static uint32_t trim_round(void)
{
	struct bh_trim t = { 0 };

	while (!bh_trim_step(&v, &t, 8, 2))
		;
	ck_assert_uint_eq(bh_ld_rlx(&v.a->trimming), 0);
	return t.seen;
}

/* As user code would find it. */
static bool kept(uint32_t cls, uint32_t idx)
{
	return *(unsigned char *)bh_block_data(&v, bh_block_ref(cls, idx)) == 7;
}

static uint64_t held(void)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

START_TEST(unused_for_a_round_its_pages_go)
{
	for (uint32_t i = 1; i < N; i++)
		use(BH_STACK_CLASS, i);
	ck_assert_uint_gt(trim_round(), 0);
	for (uint32_t i = 1; i < N; i++)
		ck_assert(kept(BH_STACK_CLASS, i));
	uint64_t before = held();

	trim_round();
	ck_assert_uint_le(held(), before - (N - 1) * PAGE);
	ck_assert_uint_eq(trim_round(), 0); /* nothing is left to do */
	for (uint32_t i = 1; i < N; i++) {
		ck_assert_uint_eq(bh_ld_rlx(&block(BH_STACK_CLASS, i)->owner), 0);
		ck_assert_uint_eq(bh_ld_rlx(&block(BH_STACK_CLASS, i)->next), BH_BLOCK_CLEAN);
	}
}
END_TEST

START_TEST(in_use_they_stay)
{
	take(BH_STACK_CLASS, 5);
	for (int i = 0; i < 4; i++)
		trim_round();
	ck_assert(kept(BH_STACK_CLASS, 5));
}
END_TEST

START_TEST(used_in_every_round_they_stay)
{
	for (int i = 0; i < 4; i++) {
		use(BH_STACK_CLASS, 5);
		trim_round();
	}
	ck_assert(kept(BH_STACK_CLASS, 5));
}
END_TEST

START_TEST(used_again_they_go_again)
{
	for (int i = 0; i < 3; i++) {
		use(BH_STACK_CLASS, 5);
		trim_round();
		ck_assert(kept(BH_STACK_CLASS, 5));
		trim_round();
		ck_assert(!kept(BH_STACK_CLASS, 5));
	}
}
END_TEST

/* One of the four keeps the others'. */
START_TEST(a_shared_page_goes_with_the_last)
{
	for (uint32_t i = 8; i < 12; i++)
		take(KB, i);
	for (uint32_t i = 8; i < 11; i++)
		give(KB, i);
	for (int i = 0; i < 4; i++)
		trim_round();
	for (uint32_t i = 8; i < 12; i++)
		ck_assert(kept(KB, i));
	give(KB, 11);
	trim_round();
	trim_round();
	for (uint32_t i = 8; i < 12; i++)
		ck_assert(!kept(KB, i));
}
END_TEST

START_TEST(what_a_dead_kernel_had_is_free)
{
	bh_st_rlx(&v.a->trimming, bh_block_ref(KB, 8));
	for (uint32_t i = 8; i < 11; i++)
		bh_st_rlx(&block(KB, i)->owner, BH_BLOCK_TRIM);
	take(KB, 11);
	bh_trim_recover(&v);
	for (uint32_t i = 8; i < 11; i++)
		ck_assert_uint_eq(bh_ld_rlx(&block(KB, i)->owner), 0);
	ck_assert_uint_ne(bh_ld_rlx(&block(KB, 11)->owner), 0);
	ck_assert_uint_eq(bh_ld_rlx(&v.a->trimming), 0);
}
END_TEST

/* A worker can write there, too. */
START_TEST(no_word_misleads_the_next_kernel)
{
	const uint32_t words[] = { UINT32_MAX, bh_block_ref(BH_CLASSES - 1, 0x0fffffff),
				   bh_block_ref(KB, 0x0fffffff), bh_block_ref(KB, 0) };

	take(KB, 8);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		bh_st_rlx(&v.a->trimming, words[i]);
		bh_trim_recover(&v);
	}
	ck_assert_uint_ne(bh_ld_rlx(&block(KB, 8)->owner), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("trim");
	TCase *c = tcase_create("core");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, unused_for_a_round_its_pages_go);
	tcase_add_test(c, in_use_they_stay);
	tcase_add_test(c, used_in_every_round_they_stay);
	tcase_add_test(c, used_again_they_go_again);
	tcase_add_test(c, a_shared_page_goes_with_the_last);
	tcase_add_test(c, what_a_dead_kernel_had_is_free);
	tcase_add_test(c, no_word_misleads_the_next_kernel);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return bh_check_run(suite());
}
