/* SPDX-License-Identifier: MIT */
/*
 * test_arena.c: the layout that any plan gives, what a mapping refuses, and that
 * nothing written into an arena moves anybody's pointers.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dice.h"
#include "ipc/arena/arena.h"
#include "ipc/protocol/enqueue.h"
#include "tests/check_run.h"

enum {
	PAGE = 4096
};

struct part {
	uint64_t off, bytes;
};

/* All parts in the order in which they lie. */
static uint32_t parts_of(const struct bh_layout *l, struct part *p)
{
	uint32_t n = 0;

	p[n++] = (struct part){ 0, sizeof(struct bh_arena) };
	p[n++] = (struct part){ l->off_workers, sizeof(struct bh_slot) * BH_SLOTS };
	p[n++] = (struct part){ l->off_inject, 8ull << l->inject_log2 };
	p[n++] = (struct part){ l->off_blocking, 8ull << l->inject_log2 };
	p[n++] = (struct part){ l->off_types, sizeof(struct bh_type) * BH_TYPES };
	p[n++] = (struct part){ l->off_tasks, sizeof(struct bh_tcb) * (uint64_t)l->tasks };
	p[n++] = (struct part){ l->off_task_bits, (l->tasks + 63) / 64 * 8 };
	p[n++] = (struct part){ l->off_ios, sizeof(struct bh_ioslot) * (uint64_t)l->ios };
	p[n++] = (struct part){ l->off_io_bits, (l->ios + 63) / 64 * 8 };
	for (uint32_t c = 0; c < BH_CLASSES; c++) {
		p[n++] = (struct part){ l->off_block[c],
					sizeof(struct bh_block) * (uint64_t)l->blocks[c] };
		p[n++] = (struct part){ l->off_block_bits[c], (l->blocks[c] + 63) / 64 * 8 };
	}
	for (uint32_t c = 0; c < BH_CLASSES; c++)
		p[n++] = (struct part){ l->off_data[c], bh_class_stride(c) * l->blocks[c] };
	return n;
}

static void check_layout(const struct bh_layout *l)
{
	struct part p[16 + 3 * BH_CLASSES];
	uint32_t n = parts_of(l, p);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t end = i + 1 < n ? p[i + 1].off : l->bytes;
		if (p[i].off % PAGE || p[i].off + p[i].bytes > end)
			ck_abort_msg("part %u: %#llx + %#llx runs into %#llx", i,
				     (unsigned long long)p[i].off, (unsigned long long)p[i].bytes,
				     (unsigned long long)end);
	}
	ck_assert_uint_ge(1ull << l->inject_log2, l->tasks); /* every task at once */
	ck_assert_uint_le(l->tasks, (1u << 24) + 1);
	ck_assert(l->workers >= 1 && l->workers <= BH_MAX_WORKERS);
	for (uint32_t c = 0; c < BH_CLASSES; c++)
		ck_assert_uint_eq(bh_block_idx(bh_block_ref(c, l->blocks[c] - 1)),
				  l->blocks[c] - 1);
}

/* -- layout ------------------------------------------------------------------------ */

static uint64_t any_number(void)
{
	static const uint64_t edges[] = { 0, 1, 63, 64, 65, 1u << 22, 1u << 24, ~0u, ~0ull };

	switch (dice_below(3)) {
	case 0:
		return edges[dice_below(sizeof(edges) / sizeof(*edges))];
	case 1:
		return dice_roll() >> dice_below(64);
	default:
		return dice_below(100000);
	}
}

START_TEST(any_plan_gives_parts_that_lie_apart)
{
	struct bh_plan_service s = { 0 };
	struct bh_layout l, again;

	dice_seed();
	for (int i = 0; i < 500; i++) {
		s.workers = (uint32_t)any_number();
		s.max_tasks = (uint32_t)any_number();
		s.max_io = (uint32_t)any_number();
		s.max_memory = any_number();
		bh_layout_from_plan(&l, &s);
		check_layout(&l);
		memset(&again, 0xff, sizeof(again));
		bh_layout_from_plan(&again, &s);
		ck_assert_mem_eq(&l, &again, sizeof(l)); /* kernel and zygote agree */
	}
}
END_TEST

/* For each eight workers there may be, but none without one to sleep in it. */
START_TEST(many_workers_have_several_epoll_instances)
{
	static const uint32_t plans[][3] = { { 0, 0, 1 },  { 1, 0, 1 },  { 8, 0, 1 },
					     { 9, 0, 2 },  { 17, 0, 3 }, { 64, 0, 8 },
					     { 99, 0, 8 }, { 1, 64, 1 }, { 2, 64, 2 },
					     { 3, 17, 3 }, { 8, 16, 2 }, { 16, 64, 8 },
					     { 64, 3, 8 } };
	struct bh_plan_service s = { 0 };
	struct bh_layout l;

	for (size_t i = 0; i < sizeof(plans) / sizeof(*plans); i++) {
		s.workers = plans[i][0];
		s.max_workers = plans[i][1];
		bh_layout_from_plan(&l, &s);
		ck_assert_uint_eq(l.reactors, plans[i][2]);
	}
}
END_TEST

START_TEST(a_plan_gets_what_it_asks_for)
{
	struct bh_layout l;

	bh_layout_init(&l, 4, 5000, 300, 1 << 24);
	ck_assert_uint_eq(l.workers, 4);
	ck_assert_uint_eq(l.tasks, 5001); /* index 0 is none */
	ck_assert_uint_eq(l.ios, 301);
	for (uint32_t c = 0; c < BH_WORK_CLASS; c++)
		ck_assert_uint_ge((l.blocks[c] - 1) * bh_class_bytes(c), 1 << 24);
	/* Of those, for work alone: one of eight. */
	ck_assert_uint_eq(l.blocks[BH_STACK_CLASS] - 1, 256);
	ck_assert_uint_eq(l.blocks[BH_WORK_CLASS] - 1, 32);
	ck_assert_uint_eq(bh_class_bytes(BH_WORK_CLASS), bh_class_bytes(BH_STACK_CLASS));
}
END_TEST

/* An eighth of the limit is for stacks of work alone. */
START_TEST(a_limit_is_for_all_classes_together)
{
	struct bh_layout l;

	bh_layout_init(&l, 4, 5000, 300, 64 << 20);
	ck_assert_uint_eq((uint64_t)l.units << BH_UNIT_LOG2, 64 << 20);
	ck_assert_uint_eq((uint64_t)l.work_units << BH_UNIT_LOG2, 8 << 20);
	for (uint32_t c = 0; c < BH_CLASSES; c++) {
		uint32_t n = l.extent_first[c + 1] - l.extent_first[c], log2 = l.extent_log2[c];

		/* In one word of the bitmap, whole units, and enough for all blocks. */
		ck_assert_uint_le(log2, 6);
		ck_assert_uint_ge(bh_class_bytes(c) << log2, 1 << BH_UNIT_LOG2);
		ck_assert_uint_ge((uint64_t)n << log2, l.blocks[c]);
	}
}
END_TEST

START_TEST(a_block_is_of_the_smallest_class_that_holds_it)
{
	ck_assert_uint_eq(bh_class_of(0), 0);
	for (uint32_t c = 0; c < BH_WORK_CLASS; c++) {
		uint32_t first = c < BH_DATA_CLASSES ? 0 : BH_DATA_CLASSES;
		uint32_t end = c < BH_DATA_CLASSES ? BH_DATA_CLASSES : BH_WORK_CLASS;
		uint64_t bytes = bh_class_bytes(c);
		ck_assert_uint_eq(bh_class_from(first, bytes), c);
		ck_assert_uint_eq(bh_class_from(first, bytes + 1),
				  c + 1 < end ? c + 1 : BH_CLASSES);
	}
	ck_assert_uint_eq(bh_class_of(~0ull), BH_CLASSES);
	ck_assert_uint_eq(bh_stack_class_of(1), BH_DATA_CLASSES);
}
END_TEST

START_TEST(a_hogs_limit_is_rounded_up_by_at_most_a_quarter)
{
	ck_assert_uint_eq(bh_hog_code(0), 0);
	ck_assert_uint_eq(bh_hog_ms(0), 0);
	for (uint64_t ms = 1; ms < 1u << 30; ms += 1 + ms / 57) {
		uint32_t back = bh_hog_ms(bh_hog_code((uint32_t)ms));
		ck_assert_uint_ge(back, ms);
		ck_assert_uint_le(back, ms + (ms + 3) / 4);
	}
	ck_assert_uint_ne(bh_hog_code(UINT32_MAX), 0);
	for (uint32_t code = 0; code < 256; code++)
		(void)bh_hog_ms((uint8_t)code); /* garbage is some limit */
}
END_TEST

/* -- a mapping ------------------------------------------------------------------------ */

static struct bh_layout layout;
static struct bh_view v;
static int fd;

static void setup(void)
{
	bh_layout_init(&layout, 3, 100, 70, 1 << 20);
	fd = bh_arena_create(&layout, "a name that is too long for the field it goes to", 77);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bh_view_map(&v, &layout, fd, NULL, true), 0);
}

static void teardown(void)
{
	bh_view_unmap(&v);
	bh_view_unmap(&v); /* a second time is nothing */
	close(fd);
}

START_TEST(an_arena_is_sealed_private_and_sparse)
{
	struct stat st;

	ck_assert_int_eq(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	ck_assert_int_eq(ftruncate(fd, 4096), -1);
	ck_assert_int_eq(ftruncate(fd, (off_t)layout.bytes + 4096), -1);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, layout.bytes);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_uint_le((uint64_t)st.st_blocks * 512, 1 << 20);
	ck_assert_str_eq(v.a->name, "a name that is too long for the");
	ck_assert_int_eq(v.a->made_ns, 77);
}
END_TEST

START_TEST(a_fresh_arena_is_empty)
{
	_Atomic uint32_t journal;

	ck_assert_uint_eq(bh_inject_pop(&v.inject, &journal), 0);
	for (uint32_t i = 1; i < v.l.tasks; i++)
		ck_assert_int_eq(bh_state_of(v.tasks[i].state), BH_FREE);
	ck_assert_int_eq(bh_idle_pick(&v.a->idle, v.l.reactors), -1);
}
END_TEST

START_TEST(indexes_beyond_the_tables_name_nothing)
{
	ck_assert_ptr_null(bh_tcb_at(&v, 0));
	ck_assert_ptr_null(bh_tcb_at(&v, v.l.tasks));
	ck_assert_ptr_null(bh_tcb_at(&v, ~0u));
	ck_assert_ptr_nonnull(bh_tcb_at(&v, v.l.tasks - 1));
	ck_assert_ptr_null(bh_io_at(&v, 0));
	ck_assert_ptr_null(bh_io_at(&v, v.l.ios));
	ck_assert_ptr_null(bh_block_at(&v, 0));
	ck_assert_ptr_null(bh_block_at(&v, ~0u)); /* of the last class */
	for (uint32_t c = 0; c < BH_CLASSES; c++) {
		uint32_t last = v.l.blocks[c] - 1;
		ck_assert_ptr_null(bh_block_at(&v, bh_block_ref(c, 0)));
		ck_assert_ptr_null(bh_block_at(&v, bh_block_ref(c, last + 1)));
		ck_assert_ptr_nonnull(bh_block_at(&v, bh_block_ref(c, last)));
		unsigned char *end = bh_block_data(&v, bh_block_ref(c, last));
		end += bh_class_bytes(c);
		ck_assert(end <= (unsigned char *)v.a + v.l.bytes);
		end[-1] = 1; /* it is there */
	}
}
END_TEST

START_TEST(a_handle_names_one_life_of_a_slot)
{
	uint64_t w;

	ck_assert_ptr_null(bh_tcb_of(&v, bh_handle(0, 5)));
	ck_assert(bh_state_reserve(&v.tasks[5].state, 0, 1, &w));
	uint64_t h = bh_handle(bh_state_gen(w), 5);
	ck_assert_ptr_eq(bh_tcb_of(&v, h), &v.tasks[5]);
	ck_assert(bh_owner_alive(&v, h));
	ck_assert(bh_state_free(&v.tasks[5].state, w));
	ck_assert(!bh_owner_alive(&v, h));
	ck_assert(bh_state_reserve(&v.tasks[5].state, 0, 1, &w));
	ck_assert_ptr_null(bh_tcb_of(&v, h));
	ck_assert_ptr_null(bh_tcb_of(&v, BH_IO_CLOSING));
}
END_TEST

START_TEST(a_full_inject_queue_asks_for_a_scan)
{
	for (uint32_t i = 0; i <= v.inject.mask; i++)
		bh_enqueue_shared(&v, 1);
	ck_assert_uint_eq(v.a->rescan, 0);
	bh_enqueue_shared(&v, 1);
	ck_assert_uint_eq(v.a->rescan, 1);
}
END_TEST

/* -- what a mapping refuses, and what it does not believe ------------------------------- */

static int map_again(struct bh_view *other)
{
	return bh_view_map(other, &layout, fd, NULL, false);
}

START_TEST(what_is_no_arena_is_refused)
{
	struct bh_view other = { 0 };
	struct bh_layout l;
	int pipes[2];

	bh_layout_init(&l, 3, 200, 70, 1 << 20);
	ck_assert_int_eq(bh_view_map(&other, &l, fd, NULL, true), -EBADMSG); /* another plan */
	ck_assert_int_eq(bh_view_map(&other, &layout, -1, NULL, true), -EBADMSG);
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(bh_view_map(&other, &layout, pipes[0], NULL, true), -EBADMSG);
	close(pipes[0]);
	close(pipes[1]);
	v.a->magic++;
	ck_assert_int_eq(map_again(&other), -EBADMSG);
	ck_assert_ptr_null(other.a);
	v.a->magic--;
	v.a->format++;
	ck_assert_int_eq(map_again(&other), -EBADMSG);
	v.a->format--;
	ck_assert_int_eq(map_again(&other), 0);
	bh_view_unmap(&other);
}
END_TEST

START_TEST(an_address_that_is_taken_is_refused)
{
	struct bh_view other = { 0 };

	ck_assert_int_eq(bh_view_map(&other, &layout, fd, v.a, true), -EEXIST);
	ck_assert_uint_eq(v.a->magic, BH_ARENA_MAGIC);
}
END_TEST

START_TEST(a_hostile_header_moves_no_pointer)
{
	struct bh_view other = { 0 };
	unsigned char *at = (unsigned char *)v.a;

	dice_seed();
	for (int round = 0; round < 100; round++) {
		for (size_t i = offsetof(struct bh_arena, workers); i < sizeof(struct bh_arena);
		     i++)
			at[i] = (unsigned char)dice_roll();
		ck_assert_int_eq(map_again(&other), 0);
		ck_assert_mem_eq(&other.l, &layout, sizeof(layout));
		ck_assert_ptr_eq((unsigned char *)other.tasks,
				 (unsigned char *)other.a + layout.off_tasks);
		ck_assert_uint_eq(other.inject.mask, (1u << layout.inject_log2) - 1);
		ck_assert_uint_eq(other.task_pool.capacity, layout.tasks);
		bh_view_unmap(&other);
		bh_enqueue_shared(&v, 1);
		bh_notify(&v);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipc.arena");
	TCase *plan = tcase_create("layout"), *core = tcase_create("core");
	TCase *crash = tcase_create("crash");

	tcase_add_test(plan, any_plan_gives_parts_that_lie_apart);
	tcase_add_test(plan, many_workers_have_several_epoll_instances);
	tcase_add_test(plan, a_plan_gets_what_it_asks_for);
	tcase_add_test(plan, a_limit_is_for_all_classes_together);
	tcase_add_test(plan, a_hogs_limit_is_rounded_up_by_at_most_a_quarter);
	tcase_add_test(plan, a_block_is_of_the_smallest_class_that_holds_it);
	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_test(core, an_arena_is_sealed_private_and_sparse);
	tcase_add_test(core, a_fresh_arena_is_empty);
	tcase_add_test(core, indexes_beyond_the_tables_name_nothing);
	tcase_add_test(core, a_handle_names_one_life_of_a_slot);
	tcase_add_test(core, a_full_inject_queue_asks_for_a_scan);
	tcase_add_checked_fixture(crash, setup, teardown);
	tcase_add_test(crash, what_is_no_arena_is_refused);
	tcase_add_test(crash, an_address_that_is_taken_is_refused);
	tcase_add_test(crash, a_hostile_header_moves_no_pointer);
	suite_add_tcase(s, plan);
	suite_add_tcase(s, core);
	suite_add_tcase(s, crash);
	return bh_check_run(s);
}
