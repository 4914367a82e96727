/* SPDX-License-Identifier: MIT */
/*
 * test_extent.c: limits.memory: what blocks of all classes come to, taken by workers of
 * which one after the other is killed.
 */
#include "tests/sweep/sweep.h"

#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/check_run.h"
#include "tests/ipc/dice.h"
#include "workers/base/rt.h"
#include "workers/owned/blocks.h"

enum {
	UNITS = 24, /* the limit; of the classes below there are blocks for 28 */
	DEATHS = 150,
	MANY = 12, /* blocks of a task */
	PAGE = 4096,
};

static const uint32_t classes[] = { 0, 1, 2, 3, BH_DATA_CLASSES };

static struct world w;

/* What each worker has, in bytes, of blocks that it knows that it has; and how often it took
 * one. */
static struct {
	_Atomic uint64_t bytes[WORKERS], takes[WORKERS], most;
} * shared;

static void setup(void)
{
	world_make(&w, NULL);
	world_start(&w, SPARE);
	w.v.l.units = UNITS;
	w.v.l.work_units = 0;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
}

static void teardown(void)
{
	munmap(shared, sizeof(*shared));
	world_free(&w);
}

static void quiet(void)
{
	struct bh_audit audit;

	ck_assert_int_eq(bh_audit_run(&w.v, true, &audit), 0);
	for (uint32_t i = 0; i < audit.found && i < BH_AUDIT_MAX; i++)
		fprintf(stderr, "%s: %s\n", audit.finding[i].invariant, audit.finding[i].text);
	ck_assert_uint_eq(audit.found, 0);
}

/* As many as there are: their bytes. */
static uint64_t take_all(uint32_t cls)
{
	uint64_t bytes = 0;
	uint32_t ref;

	while ((ref = bh_block_take(bh_rt.task, bh_rt.handle, cls, NULL))) {
		memset(bh_block_data(&bh_rt.v, ref), 1, bh_class_bytes(cls));
		bytes += bh_class_bytes(cls);
	}
	return bytes;
}

static void run_as(uint32_t slot)
{
	world_task(&w, BH_RUNNING, slot);
	world_become(&w, slot);
}

static uint64_t held(void)
{
	struct stat st;

	ck_assert_int_eq(fstat(w.fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* -- one worker ------------------------------------------------------------------------ */

START_TEST(all_classes_together_are_bounded)
{
	const uint64_t limit = (uint64_t)UNITS << BH_UNIT_LOG2;
	uint64_t bytes = 0;

	run_as(VICTIM);
	for (uint32_t c = 0; c < BH_CLASSES; c++)
		bytes += take_all(c);
	ck_assert_uint_le(bytes, limit);
	/* The last block of a class of small ones is alone in its extent. */
	ck_assert_uint_ge(bytes, limit - (3 << BH_UNIT_LOG2));
	ck_assert_uint_eq(bh_extent_bytes(&w.v), limit);
	bh_blocks_release(bh_rt.task, bh_rt.handle, true);
	quiet();
}
END_TEST

/* At once, with the pages: nobody has to have idled. */
START_TEST(what_one_class_had_another_can_have)
{
	run_as(VICTIM);
	uint64_t before = held();
	for (int i = 0; i < 3; i++)
		for (uint32_t k = 0; k < 5; k++) {
			w.v.l.units = bh_rt.v.l.units = 4; /* less than any class has blocks for */
			ck_assert_uint_ge(take_all(classes[k]), (3 << BH_UNIT_LOG2) + 3 * PAGE);
			ck_assert_uint_le(held() - before,
					  (4 << BH_UNIT_LOG2) + 64 * PAGE); /* and tables */
			bh_blocks_release(bh_rt.task, bh_rt.handle, true);
		}
	quiet();
}
END_TEST

START_TEST(a_block_in_use_keeps_its_extent_alone)
{
	run_as(VICTIM);
	bh_rt.v.l.units = w.v.l.units = 4;
	ck_assert_uint_eq(take_all(BH_DATA_CLASSES), 4 << BH_UNIT_LOG2);
	uint32_t mine = bh_ld_rlx(&bh_rt.task->blocks);
	bh_st_rlx(&bh_rt.task->blocks, bh_ld_rlx(&bh_block_at(&w.v, mine)->next));
	bh_blocks_release(bh_rt.task, bh_rt.handle, true);
	ck_assert_uint_eq(take_all(3), 3 << BH_UNIT_LOG2);
	ck_assert_uint_eq(*(unsigned char *)bh_block_data(&w.v, mine), 1);
}
END_TEST

START_TEST(the_last_is_for_stacks_of_work)
{
	run_as(VICTIM);
	bh_rt.v.l.work_units = w.v.l.work_units = 8;
	for (uint32_t c = 0; c < BH_WORK_CLASS; c++)
		take_all(c);
	ck_assert_uint_eq(bh_extent_bytes(&w.v), (UNITS - 8) << BH_UNIT_LOG2);
	ck_assert_uint_eq(take_all(BH_WORK_CLASS), 8 << BH_UNIT_LOG2);
}
END_TEST

/* The scan of a kernel that finds what somebody wrote there. */
START_TEST(the_sum_is_put_right)
{
	run_as(VICTIM);
	take_all(1);
	uint64_t sum = bh_extent_bytes(&w.v);
	bh_st_rlx(&w.v.a->charge.word, 0x123456789abcdefull << 8);
	world_recover_slot(&w, VICTIM);
	world_scan(&w);
	ck_assert_uint_eq(bh_extent_bytes(&w.v), sum);
	quiet();
}
END_TEST

/* -- several, and deaths ----------------------------------------------------------------- */

static uint64_t sum_of_bytes(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < WORKERS; i++)
		sum += bh_ld_acq(&shared->bytes[i]);
	return sum;
}

static _Noreturn void work(uint32_t slot)
{
	for (uint32_t n = 0;; n++) {
		uint32_t cls = classes[dice_below(5)];

		if (n >= MANY || !dice_below(8)) {
			bh_st_rel(&shared->bytes[slot], 0);
			bh_blocks_release(bh_rt.task, bh_rt.handle, true);
			n = 0;
		}
		if (!bh_block_take(bh_rt.task, bh_rt.handle, cls, NULL))
			continue;
		bh_add(&shared->bytes[slot], bh_class_bytes(cls));
		uint64_t sum = sum_of_bytes(), most = bh_ld_rlx(&shared->most);
		while (most < sum && !bh_cas(&shared->most, &most, sum))
			;
		bh_add(&shared->takes[slot], 1);
	}
}

static pid_t start(uint32_t slot)
{
	world_start(&w, slot);
	run_as(slot);
	dice_roll(); /* each has numbers of its own */
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		work(slot);
	return pid;
}

static void end(uint32_t slot, pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	bh_st_rel(&shared->bytes[slot], 0);
	world_recover_slot(&w, slot);
}

START_TEST(none_is_lost_whoever_is_killed)
{
	const uint64_t limit = (uint64_t)UNITS << BH_UNIT_LOG2;
	pid_t pid[WORKERS];

	dice_seed();
	for (uint32_t s = 0; s < WORKERS; s++)
		pid[s] = start(s);
	for (int i = 0; i < DEATHS; i++) {
		uint32_t slot = dice_below(WORKERS);
		uint64_t until = bh_ld_acq(&shared->takes[slot]) + dice_below(2000);

		while (bh_ld_acq(&shared->takes[slot]) < until)
			sched_yield();
		end(slot, pid[slot]);
		pid[slot] = start(slot);
	}
	for (uint32_t s = 0; s < WORKERS; s++)
		end(s, pid[s]);
	quiet();
	ck_assert_uint_le(bh_ld_rlx(&shared->most), limit);
	/* All can be had: 5 + 5 + 8 + 6. */
	world_start(&w, VICTIM);
	run_as(VICTIM);
	uint64_t bytes = take_all(2) + take_all(1) + take_all(3) + take_all(BH_DATA_CLASSES);
	ck_assert_uint_ge(bytes, limit - (2 << BH_UNIT_LOG2));
	ck_assert_uint_eq(bh_extent_bytes(&w.v), limit);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sweep.extent");
	TCase *c = tcase_create("core");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, all_classes_together_are_bounded);
	tcase_add_test(c, what_one_class_had_another_can_have);
	tcase_add_test(c, a_block_in_use_keeps_its_extent_alone);
	tcase_add_test(c, the_last_is_for_stacks_of_work);
	tcase_add_test(c, the_sum_is_put_right);
	tcase_add_test(c, none_is_lost_whoever_is_killed);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return bh_check_run(suite());
}
