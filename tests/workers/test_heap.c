/* SPDX-License-Identifier: MIT */
/* test_heap.c: bh_alloc() and its like, in an arena without workers. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check_run.h"
#include "workers/base/rt.h"
#include "workers/owned/blocks.h"
#include "workers/owned/heap.h"

enum {
	TASKS = 64,
	LIVE = 200,
	STEPS = 20000,
	LIMIT = 128 << 20
};

static struct bh_slot *worker;

/* Makes @kind of task the running one. */
static void become(enum bh_task_kind kind)
{
	uint32_t idx = bh_pool_take(&bh_rt.v.task_pool, &worker->tasks);
	struct bh_tcb *t = &bh_rt.v.tasks[idx];
	uint64_t w;

	ck_assert(idx && bh_state_reserve(&t->state, 0, 1, &w));
	bh_st_rlx(&t->state, bh_state_make(bh_state_gen(w), 1, 0, 0, BH_RUNNING));
	t->kind = (uint8_t)kind;
	t->arg = t->heap = 0;
	bh_rt.idx = idx;
	bh_rt.task = t;
	bh_rt.handle = bh_handle(bh_state_gen(w), idx);
}

/* A poll task whose state is in its tcb, and of which every byte is @byte. */
static void become_inline_poll(int byte)
{
	become(BH_KIND_POLL);
	memset(bh_rt.task->small, byte, sizeof(bh_rt.task->small));
	bh_rt.task->arg = (uint64_t)(uintptr_t)bh_rt.task->small;
}

static void setup(void)
{
	struct bh_layout l;
	int fd;

	memset(&bh_rt, 0, sizeof(bh_rt));
	bh_layout_init(&l, 1, TASKS, 64, LIMIT);
	fd = bh_arena_create(&l, "heap", 1);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bh_view_map(&bh_rt.v, &l, fd, NULL, true), 0);
	close(fd);
	worker = bh_rt.me = &bh_rt.v.workers[0];
	become(BH_KIND_FIBER);
}

static void teardown(void)
{
	bh_view_unmap(&bh_rt.v);
}

/* Blocks that somebody owns. */
static unsigned owned(void)
{
	unsigned n = 0;

	for (uint32_t c = 0; c < BH_CLASSES; c++)
		for (uint32_t i = 1;
		     i < bh_ld_rlx(&bh_rt.v.block_pool[c].pool->mark) && i < bh_rt.v.l.blocks[c];
		     i++)
			n += bh_ld_rlx(&bh_rt.v.blocks[c][i].owner) != 0;
	return n;
}

/* Of all sizes in turn, as long as there is one of any. */
START_TEST(all_sizes_together_are_bounded)
{
	uint64_t bytes = 0, before = 1;

	while (bytes != before) {
		before = bytes;
		for (uint32_t c = 0; c < BH_CLASSES; c++)
			if (bh_block_take(bh_rt.task, bh_rt.handle, c, NULL))
				bytes += bh_class_bytes(c);
	}
	ck_assert_uint_le(bytes, LIMIT);
	ck_assert_uint_ge(bytes, LIMIT - (1 << 20));
	bh_blocks_release(bh_rt.task, bh_rt.handle, true);
	ck_assert_ptr_ne(bh_alloc(16000000), NULL);
}
END_TEST

START_TEST(nothing)
{
	bh_free(NULL);
	ck_assert_ptr_nonnull(bh_alloc(0));
	bh_rt.task = NULL;
	ck_assert_ptr_null(bh_alloc(8));
}
END_TEST

START_TEST(too_much)
{
	/* Not constants, or the compiler refuses what is to be tested. */
	volatile size_t wraps = SIZE_MAX - 7, most = (16 << 20) - 64, half = SIZE_MAX / 2 + 1;
	unsigned char *p = bh_alloc(100);

	memset(p, 0x5a, 100);
	ck_assert_ptr_null(bh_alloc(wraps));
	ck_assert_ptr_null(bh_alloc(most + 1));
	ck_assert_ptr_null(bh_calloc(1, wraps));
	ck_assert_ptr_null(bh_calloc(half, 2));
	ck_assert_ptr_null(bh_realloc(p, wraps));
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(p[i], 0x5a);
	ck_assert_ptr_nonnull(bh_alloc(most));
}
END_TEST

START_TEST(cleared)
{
	static const size_t sizes[] = { 1, 40, 2000, 5000, 300 << 10 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		unsigned char *p = bh_alloc(sizes[i]);

		memset(p, 0xff, sizes[i]);
		bh_free(p);
		p = bh_calloc(1, sizes[i]);
		size_t zeros = 0;
		while (zeros < sizes[i] && !p[zeros])
			zeros++;
		ck_assert_uint_eq(zeros, sizes[i]);
		bh_free(p);
	}
}
END_TEST

struct live {
	unsigned char *p;
	size_t size;
	unsigned char fill;
};

static void check_fill(const struct live *l, size_t n)
{
	size_t same = 0;

	while (same < n && l->p[same] == l->fill)
		same++;
	ck_assert_msg(same == n, "byte %zu of %zu was overwritten", same, l->size);
}

static size_t some_size(unsigned *seed)
{
	unsigned r = (unsigned)rand_r(seed);

	return r % 16 ? r / 16 % 2100 : r / 16 % (40 << 10);
}

/* Whatever is allocated, moved and freed, nothing lies over anything else. */
START_TEST(random_calls)
{
	const char *env = getenv("BH_SEED");
	unsigned seed = env ? (unsigned)strtoul(env, NULL, 0) : (unsigned)getpid(), first = seed;
	struct live live[LIVE] = { 0 };

	for (int step = 0; step < STEPS; step++) {
		struct live *l = &live[(unsigned)rand_r(&seed) % LIVE];
		size_t size = some_size(&seed), old = l->size;
		bool move = rand_r(&seed) % 2;

		if (l->p)
			check_fill(l, l->size);
		if (l->p && !move) {
			bh_free(l->p);
			*l = (struct live){ 0 };
			continue;
		}
		unsigned char *p = l->p ? bh_realloc(l->p, size) : bh_alloc(size);
		ck_assert_msg(p && (uintptr_t)p % 16 == 0, "BH_SEED=%u", first);
		l->p = p;
		l->size = size;
		check_fill(l, old < size ? old : size);
		l->fill = (unsigned char)step;
		memset(p, l->fill, size);
	}
	bh_blocks_release(bh_rt.task, bh_rt.handle, true);
	ck_assert_uint_eq(owned(), 0);
}
END_TEST

/* Freed memory is used again: no block more is taken for it. */
START_TEST(reused)
{
	for (int i = 0; i < 100; i++)
		bh_free(bh_alloc(500));
	unsigned before = owned();

	for (int i = 0; i < 10000; i++) {
		bh_free(bh_alloc(500));
		bh_free(bh_alloc(5000));
	}
	ck_assert_uint_eq(owned(), before);
}
END_TEST

/* Its state stands where a fiber has the address of its heap. */
START_TEST(poll_state_is_left_alone)
{
	struct bh_tcb *t;

	for (int byte = 0; byte <= 0x41; byte += 0x41) {
		become_inline_poll(byte);
		t = bh_rt.task;
		unsigned char *p = bh_alloc(10), *q = bh_calloc(3, 700);

		ck_assert(p && q);
		p = bh_realloc(p, 1000);
		bh_free(q);
		bh_free(p);
		for (size_t i = 0; i < sizeof(t->small); i++)
			ck_assert_int_eq(t->small[i], byte);
		ck_assert_uint_eq(owned(), 0);
	}
}
END_TEST

/* What a join hands over: a block with a header of the same kind. */
START_TEST(reply)
{
	uint32_t ref = bh_block_take(bh_rt.task, bh_rt.handle, 2, NULL);
	void *block = bh_block_data(&bh_rt.v, ref), *p = bh_heap_reply_init(block, 900);

	ck_assert_ptr_eq(p, bh_heap_reply_data(block));
	ck_assert_ptr_nonnull(bh_alloc(5000)); /* so that it is not the first of the list */
	bh_free(p);
	ck_assert_uint_eq(owned(), 1);
}
END_TEST

/* -- each of these ends the task, by SIGABRT ------------------------------------ */

START_TEST(freed_twice)
{
	void *p = bh_alloc(40);

	bh_free(p);
	bh_free(p);
}
END_TEST

START_TEST(from_malloc)
{
	bh_free(malloc(64));
}
END_TEST

START_TEST(not_the_start)
{
	bh_free((char *)bh_alloc(400) + 32);
}
END_TEST

START_TEST(odd)
{
	bh_free((char *)bh_alloc(400) + 1);
}
END_TEST

START_TEST(looks_like_a_block)
{
	uint64_t *volatile block = bh_alloc(5000); /* out of it, on purpose */
	uint64_t *p = block;

	memcpy(p + 8, p - 2, 16);
	bh_free(p + 10);
}
END_TEST

START_TEST(of_another_task)
{
	void *p = bh_alloc(40);

	become(BH_KIND_FIBER);
	ck_assert_ptr_nonnull(bh_alloc(40));
	bh_free(p);
}
END_TEST

START_TEST(header_overwritten)
{
	static const uint64_t sizes[] = { UINT64_MAX, 1ull << 63, 4096 };
	uint64_t *p = bh_alloc(40);

	__asm__("" : "+r"(p)); /* what is before it is none of the compiler's business */
	p[-2] = sizes[_i];
	bh_free(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("heap");
	TCase *good = tcase_create("use"), *bad = tcase_create("misuse");
	const TTest *const aborts[] = { freed_twice, from_malloc,        not_the_start,
					odd,         looks_like_a_block, of_another_task };

	tcase_add_checked_fixture(good, setup, teardown);
	tcase_add_test(good, all_sizes_together_are_bounded);
	tcase_add_test(good, nothing);
	tcase_add_test(good, too_much);
	tcase_add_test(good, cleared);
	tcase_add_test(good, random_calls);
	tcase_add_test(good, reused);
	tcase_add_test(good, poll_state_is_left_alone);
	tcase_add_test(good, reply);
	suite_add_tcase(s, good);

	tcase_add_checked_fixture(bad, setup, teardown);
	for (size_t i = 0; i < sizeof(aborts) / sizeof(*aborts); i++)
		tcase_add_test_raise_signal(bad, aborts[i], SIGABRT);
	tcase_add_loop_test_raise_signal(bad, header_overwritten, SIGABRT, 0, 3);
	suite_add_tcase(s, bad);
	return bh_check_run(s);
}
