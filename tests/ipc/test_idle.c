/* SPDX-License-Identifier: MIT */
/* test_idle.c: who is woken, who searches; and the futex between processes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dice.h"
#include "ipc/queue/idle.h"
#include "tests/check_run.h"

enum {
	WORKERS = 64,
	SLEEPERS = 4,
	WAKES = 2000
};

static struct bh_idle idle;
static _Atomic uint32_t park[WORKERS];

static void begin(void)
{
	memset(&idle, 0, sizeof(idle));
	memset(park, 0, sizeof(park));
}

static void park_begin(uint32_t w)
{
	bh_idle_park_begin(&idle, w, &park[w], BH_PARKED);
}

/* It has the lease of instance @at. */
static void park_in(uint32_t w, uint32_t at)
{
	ck_assert(bh_lease_take(&idle.lease[at], w, 1, BH_LEASE_SLEEP));
	bh_idle_park_begin(&idle, w, &park[w], bh_idle_sleeps(at + 1));
}

static int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* -- core and limits ------------------------------------------------------------- */

START_TEST(nobody_is_picked_when_nobody_sleeps)
{
	begin();
	ck_assert_int_eq(bh_idle_pick(&idle, 2), -1);
	ck_assert_uint_eq(idle.searching, 0);
}
END_TEST

START_TEST(who_is_picked_searches_and_is_picked_once)
{
	for (uint32_t w = 0; w < WORKERS; w++) {
		begin();
		park_begin(w);
		ck_assert_uint_eq(park[w], BH_PARKED);
		ck_assert_int_eq(bh_idle_pick(&idle, 2), (int)w);
		ck_assert_uint_eq(idle.parked, 0);
		ck_assert_uint_eq(idle.searching, 1ull << w);
		ck_assert_int_eq(bh_idle_pick(&idle, 2), -1);
	}
}
END_TEST

START_TEST(nobody_is_picked_while_somebody_searches)
{
	begin();
	park_begin(0);
	ck_assert(bh_idle_search_begin(&idle, 1, WORKERS));
	ck_assert_int_eq(bh_idle_pick(&idle, 2), -1);
	ck_assert(bh_idle_search_end(&idle, 1));
	ck_assert_int_eq(bh_idle_pick(&idle, 2), 0);
}
END_TEST

START_TEST(all_sleepers_can_be_picked_one_after_the_other)
{
	uint64_t picked = 0;

	begin();
	for (uint32_t w = 0; w < WORKERS; w++)
		park_begin(w);
	for (uint32_t i = 0; i < WORKERS; i++) {
		int w = bh_idle_pick(&idle, 2);
		ck_assert_int_ge(w, 0);
		picked |= 1ull << w;
		ck_assert(bh_idle_search_end(&idle, (uint32_t)w));
	}
	ck_assert_uint_eq(picked, ~0ull);
	ck_assert_int_eq(bh_idle_pick(&idle, 2), -1);
}
END_TEST

/* Whichever instance it is that they wait in. */
START_TEST(who_waits_for_events_is_picked_last)
{
	begin();
	park_in(0, 1);
	park_in(3, 0);
	park_begin(5);
	ck_assert_uint_eq(park[0], BH_PARKED_IN_EPOLL + 1);
	ck_assert_uint_eq(park[3], BH_PARKED_IN_EPOLL);
	ck_assert_uint_eq(park[5], BH_PARKED);
	ck_assert_int_eq(bh_idle_pick(&idle, 2), 5);
	bh_idle_search_end(&idle, 5);
	ck_assert_int_eq(bh_idle_pick(&idle, 2), 0);
	ck_assert(!bh_idle_park_leave(&idle, 0, &park[0]));
	bh_idle_search_end(&idle, 0);
	ck_assert_int_eq(bh_idle_pick(&idle, 2), 3);
}
END_TEST

/* The kick goes where it sleeps; what no worker wrote goes nowhere. */
START_TEST(who_waits_for_events_is_kicked_in_its_instance)
{
	int kick[BH_MAX_REACTORS];
	uint64_t n;

	begin();
	for (uint32_t i = 0; i < BH_MAX_REACTORS; i++)
		kick[i] = eventfd(0, EFD_NONBLOCK);
	for (uint32_t i = 0; i < BH_MAX_REACTORS; i++) {
		park_in(i, i);
		bh_unpark(&park[i], kick);
		ck_assert_uint_eq(park[i], BH_AWAKE);
		for (uint32_t j = 0; j < BH_MAX_REACTORS; j++)
			ck_assert_int_eq(read(kick[j], &n, sizeof(n)), j == i ? 8 : -1);
	}
	park[0] = BH_PARKS;
	bh_unpark(&park[0], kick);
	for (uint32_t i = 0; i < BH_MAX_REACTORS; i++) {
		ck_assert_int_eq(read(kick[i], &n, sizeof(n)), -1);
		close(kick[i]);
	}
}
END_TEST

START_TEST(who_spins_is_picked_first)
{
	begin();
	park_begin(0);
	ck_assert(bh_idle_spin_begin(&idle, 5));
	ck_assert(!bh_idle_spin_begin(&idle, 6)); /* one is enough */
	bh_idle_park_begin(&idle, 5, &park[5], BH_SPINNING);
	bh_idle_spin_end(&idle, 6); /* says who does not */
	ck_assert_int_eq(bh_idle_pick(&idle, 2), 5);
	bh_unpark(&park[5], NULL);
	ck_assert(!bh_idle_spun(&park[5], BH_PARKED)); /* it must not sleep */
	ck_assert_uint_eq(park[5], BH_AWAKE);
	bh_idle_spin_end(&idle, 5);
	ck_assert(bh_idle_spin_begin(&idle, 6));
}
END_TEST

START_TEST(who_has_spun_in_vain_sleeps)
{
	begin();
	for (uint32_t leased = 0; leased < 3; leased++) {
		bh_idle_park_begin(&idle, 5, &park[5], BH_SPINNING);
		ck_assert(bh_idle_spun(&park[5], bh_idle_sleeps(leased)));
		ck_assert_uint_eq(park[5], leased ? BH_PARKED_IN_EPOLL + leased - 1 : BH_PARKED);
	}
}
END_TEST

/* As after a death, when everybody is. */
START_TEST(who_is_woken_and_was_not_picked_cannot_be_picked)
{
	begin();
	park_begin(5);
	bh_unpark_again(&park[5]);
	bh_idle_park_end(&idle, 5);
	ck_assert_int_eq(bh_idle_pick(&idle, 2), -1);
	ck_assert_uint_eq(idle.searching, 0);
}
END_TEST

START_TEST(half_of_the_workers_search_at_most)
{
	for (uint32_t n = 1; n <= WORKERS; n++) {
		uint32_t in = 0;
		begin();
		for (uint32_t w = 0; w < n; w++)
			in += bh_idle_search_begin(&idle, w, n);
		ck_assert_uint_eq(in, (n + 1) / 2);
		ck_assert(bh_idle_search_begin(&idle, 0, n)); /* it does already */
	}
}
END_TEST

START_TEST(the_last_searcher_knows_that_it_was)
{
	begin();
	bh_idle_search_begin(&idle, 3, WORKERS);
	bh_idle_search_begin(&idle, 63, WORKERS);
	ck_assert(!bh_idle_search_end(&idle, 3));
	ck_assert(!bh_idle_search_end(&idle, 3)); /* it did not search */
	ck_assert(bh_idle_search_end(&idle, 63));
}
END_TEST

/* The left column of idle.h: a searcher that gives up can be picked from the
 * moment on at which it no longer keeps others from being picked. */
START_TEST(who_goes_to_sleep_no_longer_searches)
{
	begin();
	bh_idle_search_begin(&idle, 5, WORKERS);
	park_begin(5);
	ck_assert_uint_eq(idle.searching, 0);
	ck_assert_int_eq(bh_idle_pick(&idle, 2), 5);
}
END_TEST

START_TEST(who_stays_awake_cannot_be_picked)
{
	begin();
	park_begin(5);
	park_begin(6);
	bh_idle_park_cancel(&idle, 5, &park[5]);
	ck_assert_uint_eq(park[5], BH_AWAKE);
	bh_idle_search_end(&idle, 5);
	ck_assert_int_eq(bh_idle_pick(&idle, 2), 6);
}
END_TEST

/* -- crash ------------------------------------------------------------------------ */

START_TEST(garbage_in_the_masks_picks_a_slot_or_nobody)
{
	dice_seed();
	for (int i = 0; i < 20000; i++) {
		begin();
		idle.parked = dice_roll() & dice_roll();
		idle.searching = dice_below(2) ? dice_roll() : 0;
		uint32_t w = dice_below(WORKERS);
		bh_idle_search_begin(&idle, w, 1 + dice_below(WORKERS));
		bh_idle_search_end(&idle, w);
		int got = bh_idle_pick(&idle, 2);
		if (got < -1 || got >= WORKERS)
			ck_abort_msg("picked %d", got);
	}
}
END_TEST

/* -- the futex ---------------------------------------------------------------------- */

START_TEST(waiting_ends_at_once_when_the_word_has_changed)
{
	begin();
	bh_futex_wait(&park[0], BH_PARKED, -1);
}
END_TEST

START_TEST(waiting_ends_after_its_time)
{
	begin();
	park[0] = BH_PARKED;
	int64_t before = clock_ns();
	bh_futex_wait(&park[0], BH_PARKED, 20000000);
	ck_assert_int_ge(clock_ns() - before, 20000000);
	ck_assert_uint_eq(park[0], BH_PARKED);
}
END_TEST

/* The letter of /proc/PID/stat. */
static char state_of(pid_t pid)
{
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
	fclose(f);
	return state;
}

/* What a waker leaves that is killed between its store and its system call. */
START_TEST(a_sleeper_whose_waker_was_killed_is_woken_again)
{
	_Atomic uint32_t *word = mmap(NULL, sizeof(*word), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;

	bh_st_rlx(word, BH_PARKED);
	pid_t child = fork();
	if (child == 0) {
		while (bh_ld_acq(word) == BH_PARKED)
			bh_futex_wait(word, BH_PARKED, -1);
		_exit(0);
	}
	while (state_of(child) != 'S')
		usleep(1000);
	bh_st_rel(word, BH_AWAKE);
	bh_unpark_again(word);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

struct shared {
	struct bh_idle idle;
	_Atomic uint32_t park[SLEEPERS];
	_Atomic uint32_t work, done;
};

static void sleeper(struct shared *m, uint32_t w)
{
	while (bh_ld_acq(&m->done) < WAKES) {
		uint32_t n = bh_ld_acq(&m->work);
		while (n && !bh_cas(&m->work, &n, n - 1))
			;
		if (n) {
			if (bh_idle_search_end(&m->idle, w)) {
				int next = bh_idle_pick(&m->idle, 2);
				if (next >= 0)
					bh_unpark(&m->park[next], NULL);
			}
			bh_add(&m->done, 1);
			continue;
		}
		bool spins = bh_idle_spin_begin(&m->idle, w);

		bh_idle_park_begin(&m->idle, w, &m->park[w], spins ? BH_SPINNING : BH_PARKED);
		if (bh_ld_acq(&m->work) && bh_idle_park_cancel(&m->idle, w, &m->park[w])) {
			bh_idle_spin_end(&m->idle, w);
			continue;
		}
		for (int i = 0; spins && i < 100 && bh_ld_acq(&m->park[w]) == BH_SPINNING; i++)
			bh_cpu_relax();
		if (spins) {
			bh_idle_spun(&m->park[w], BH_PARKED);
			bh_idle_spin_end(&m->idle, w);
		}
		while (bh_ld_acq(&m->park[w]) == BH_PARKED && bh_ld_acq(&m->done) < WAKES)
			bh_futex_wait(&m->park[w], BH_PARKED, -1);
		bh_idle_park_end(&m->idle, w);
	}
	for (uint32_t i = 0; i < SLEEPERS; i++)
		bh_unpark(&m->park[i], NULL);
}

/* One piece of work at a time: a wake-up that is lost stops everything, since
 * the sleepers have no time-out. */
START_TEST(each_piece_of_work_wakes_a_sleeping_process)
{
	struct shared *m =
		mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[SLEEPERS];
	int status;

	ck_assert_ptr_ne(m, MAP_FAILED);
	for (uint32_t w = 0; w < SLEEPERS; w++) {
		pid[w] = fork();
		ck_assert_int_ge(pid[w], 0);
		if (!pid[w]) {
			sleeper(m, w);
			_exit(0);
		}
	}
	for (uint32_t i = 0; i < WAKES; i++) {
		bh_add(&m->work, 1);
		int w = bh_idle_pick(&m->idle, 2);
		if (w >= 0)
			bh_unpark(&m->park[w], NULL);
		while (bh_ld_acq(&m->done) <= i)
			usleep(10);
	}
	for (uint32_t w = 0; w < SLEEPERS; w++) {
		ck_assert_int_eq(waitpid(pid[w], &status, 0), pid[w]);
		ck_assert_int_eq(status, 0);
	}
	munmap(m, sizeof(*m));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipc.idle");
	TCase *core = tcase_create("core"), *crash = tcase_create("crash");
	TCase *futex = tcase_create("futex");

	tcase_add_test(core, nobody_is_picked_when_nobody_sleeps);
	tcase_add_test(core, who_is_picked_searches_and_is_picked_once);
	tcase_add_test(core, nobody_is_picked_while_somebody_searches);
	tcase_add_test(core, all_sleepers_can_be_picked_one_after_the_other);
	tcase_add_test(core, who_waits_for_events_is_picked_last);
	tcase_add_test(core, who_waits_for_events_is_kicked_in_its_instance);
	tcase_add_test(core, who_spins_is_picked_first);
	tcase_add_test(core, who_has_spun_in_vain_sleeps);
	tcase_add_test(core, who_is_woken_and_was_not_picked_cannot_be_picked);
	tcase_add_test(core, half_of_the_workers_search_at_most);
	tcase_add_test(core, the_last_searcher_knows_that_it_was);
	tcase_add_test(core, who_goes_to_sleep_no_longer_searches);
	tcase_add_test(core, who_stays_awake_cannot_be_picked);
	tcase_add_test(crash, garbage_in_the_masks_picks_a_slot_or_nobody);
	tcase_add_test(futex, waiting_ends_at_once_when_the_word_has_changed);
	tcase_add_test(futex, waiting_ends_after_its_time);
	tcase_add_test(futex, a_sleeper_whose_waker_was_killed_is_woken_again);
	tcase_add_test(futex, each_piece_of_work_wakes_a_sleeping_process);
	suite_add_tcase(s, core);
	suite_add_tcase(s, crash);
	suite_add_tcase(s, futex);
	return bh_check_run(s);
}
