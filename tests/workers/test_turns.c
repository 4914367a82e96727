/* SPDX-License-Identifier: MIT */
/*
 * test_turns.c: the scheduler's rules, one turn of the executor at a time. This
 * process is worker 0 of an arena with three workers, of which nobody else runs, so
 * that whom it polls next follows from the rules alone.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ipc/repair/stall.h"
#include "tests/check_run.h"
#include "tests/sweep/sweep.h"
#include "workers/base/rt.h"
#include "workers/base/sched.h"
#include "workers/executor/executor.h"
#include "workers/queue/queue.h"
#include "workers/wait/coop.h"

static struct world w;
static struct bh_plan_service plan;

/* Who was polled, in order. */
static uint32_t polled[4096], n_polled;

static enum bh_poll once(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	polled[n_polled++ % 4096] = bh_rt.idx;
	return BH_READY;
}

static enum bh_poll for_ever(struct bh_cx *cx, void *state)
{
	(void)state;
	polled[n_polled++ % 4096] = bh_rt.idx;
	bh_poll_again(cx);
	return BH_PENDING;
}

/* Wakes the other one of two, each time. */
static uint32_t pair[2];

static enum bh_poll ping(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	polled[n_polled++ % 4096] = bh_rt.idx;
	bh_rt_wake(pair[bh_rt.idx == pair[0]], 0, 0);
	return BH_PENDING;
}

static void become(uint32_t workers)
{
	world_become(&w, VICTIM);
	bh_rt.v.l.workers = workers;
	plan.inject_interval = plan.inject_interval ? plan.inject_interval : 1000000;
	bh_sched_init(&bh_rt.sched, &plan, workers, VICTIM, WORLD_EPOCH);
	bh_rt.budget = bh_rt.sched.budget;
	bh_rt.task = NULL;
	bh_rt.idx = 0;
	bh_rt.handle = 0;
	n_polled = 0;
}

static void setup(void)
{
	plan = (struct bh_plan_service){ .seed = 1 };
	world_make(&w, NULL);
	become(WORKERS);
}

static void teardown(void)
{
	world_free(&w);
}

static uint32_t task(bh_poll_fn fn, enum bh_state s)
{
	uint32_t idx = world_task(&w, s, OTHER);

	w.v.tasks[idx].fn = (uint64_t)(uintptr_t)fn;
	return idx;
}

static struct bh_slot *me(void)
{
	return &w.v.workers[VICTIM];
}

static void fill(uint32_t worker, uint32_t n, uint32_t *out)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t idx = task(once, BH_SCHEDULED);

		ck_assert(bh_runq_push(&w.v.workers[worker].runq, idx));
		if (out)
			out[i] = idx;
	}
}

/* -- rings -- */

START_TEST(the_newer_half_of_a_full_ring_overflows)
{
	uint32_t idx[258], at = 0;
	_Atomic uint32_t journal;

	for (uint32_t i = 0; i < 257; i++)
		bh_rt_schedule(idx[i] = task(once, BH_SCHEDULED), BH_EV_WAKE);
	/* One in the LIFO slot, 256 in the ring. */
	ck_assert_uint_eq(bh_runq_len(&me()->runq), 256);
	ck_assert_uint_eq(bh_inject_len(&w.v.inject), 0);
	bh_rt_schedule(idx[257] = task(once, BH_SCHEDULED), BH_EV_WAKE);
	ck_assert_uint_eq(bh_runq_len(&me()->runq), 129);
	ck_assert_uint_eq(bh_inject_len(&w.v.inject), 128);
	ck_assert_uint_eq(me()->count.overflows, 1);
	for (at = 128; at < 256; at++)
		ck_assert_uint_eq(bh_inject_pop(&w.v.inject, &journal), idx[at]);
}
END_TEST

START_TEST(half_is_stolen_and_the_last_is_run)
{
	uint32_t idx[10];

	fill(OTHER, 10, idx);
	ck_assert(bh_executor_turn());
	ck_assert_uint_eq(n_polled, 1);
	ck_assert_uint_eq(polled[0], idx[4]);
	ck_assert_uint_eq(bh_runq_len(&me()->runq), 4);
	ck_assert_uint_eq(bh_runq_len(&w.v.workers[OTHER].runq), 5);
}
END_TEST

START_TEST(who_is_over_half_full_does_not_steal)
{
	uint32_t took;

	fill(VICTIM, 129, NULL);
	fill(OTHER, 10, NULL);
	ck_assert_uint_eq(bh_runq_steal(&w.v.workers[OTHER].runq, &me()->runq, &took), 0);
	ck_assert_uint_eq(took, 0);
	bh_runq_pop(&me()->runq);
	ck_assert_uint_ne(bh_runq_steal(&w.v.workers[OTHER].runq, &me()->runq, &took), 0);
	ck_assert_uint_eq(took, 5);
}
END_TEST

/* -- several at a time -- */

START_TEST(a_quarter_is_taken_at_a_time_and_runs_in_order)
{
	uint32_t idx[40], at[5] = { 7, 7, 5, 4, 3 }, n = 0;

	fill(VICTIM, 40, idx);
	bh_rt.sched.mean_ns = 100;
	for (uint32_t k = 0; k < 5; k++) {
		ck_assert(bh_executor_turn());
		ck_assert_uint_eq(me()->batch.n, at[k]);
		n += at[k] + 1;
		ck_assert_uint_eq(bh_runq_len(&me()->runq), 40 - n);
		for (uint32_t i = 0; i < at[k]; i++)
			ck_assert(bh_executor_turn());
	}
	while (n_polled < 40)
		ck_assert(bh_executor_turn());
	ck_assert(!memcmp(polled, idx, sizeof(idx)));
}
END_TEST

START_TEST(one_is_taken_if_others_would_share_or_polls_are_long)
{
	fill(VICTIM, 40, NULL);
	ck_assert(bh_executor_turn()); /* nobody knows how long polls are */
	bh_rt.sched.mean_ns = 1000000;
	ck_assert(bh_executor_turn());
	bh_rt.sched.mean_ns = 100;
	bh_or(&w.v.a->idle.parked, 4);
	ck_assert(bh_executor_turn());
	bh_and(&w.v.a->idle.parked, ~4ull);
	bh_or(&w.v.a->idle.searching, 4);
	ck_assert(bh_executor_turn());
	ck_assert_uint_eq(me()->batch.n, 0);
	ck_assert_uint_eq(bh_runq_len(&me()->runq), 36);
}
END_TEST

START_TEST(a_long_poll_gives_up_its_hand_once)
{
	uint32_t idx[40];

	fill(VICTIM, 40, idx);
	bh_rt.sched.mean_ns = 100;
	ck_assert(bh_executor_turn());
	bh_stall_relieve(&w.v, VICTIM);
	ck_assert_uint_eq(bh_inject_len(&w.v.inject), 7);
	bh_stall_relieve(&w.v, VICTIM);
	ck_assert_uint_eq(bh_inject_len(&w.v.inject), 7);
	bh_hand_over(); /* the batch first, then the ring */
	ck_assert_uint_eq(me()->batch.n, 0);
	ck_assert_uint_eq(bh_inject_len(&w.v.inject), 7 + 39);
}
END_TEST

/* The picker of a sleeper set its searching bit after somebody else had woken it, and was
 * stopped before it woke it: nobody would be woken any more. */
START_TEST(a_sleeper_that_is_said_to_search_is_woken_for_others)
{
	struct bh_idle *idle = &w.v.a->idle;

	bh_st_rlx(&idle->parked, 1ull << OTHER);
	bh_st_rlx(&idle->searching, 1ull << OTHER);
	bh_st_rlx(&w.v.workers[OTHER].park, BH_PARKED);
	ck_assert(bh_inject_push(&w.v.inject, task(once, BH_SCHEDULED)));
	bh_notify(&w.v);
	ck_assert_uint_eq(bh_ld_rlx(&w.v.workers[OTHER].park), BH_PARKED);
	bh_stall_relieve(&w.v, VICTIM);
	ck_assert_uint_eq(bh_ld_rlx(&w.v.workers[OTHER].park), BH_AWAKE);
}
END_TEST

/* The victims of 64 thefts: bit i set if the i-th was worker 2. */
static uint64_t victims(uint32_t seed)
{
	uint32_t took[2];
	uint64_t out = 0;

	plan.seed = seed;
	become(WORKERS);
	for (uint32_t i = 0; i < 64; i++) {
		fill(1, 1, &took[0]);
		fill(2, 1, &took[1]);
		n_polled = 0;
		ck_assert(bh_executor_turn());
		out |= (uint64_t)(polled[0] == took[1]) << i;
		ck_assert(bh_executor_turn()); /* the other one's */
	}
	return out;
}

START_TEST(victims_are_random_and_a_seed_repeats_them)
{
	uint64_t first = victims(7);

	ck_assert_int_gt(__builtin_popcountll(first), 12);
	ck_assert_int_lt(__builtin_popcountll(first), 52);
	ck_assert(victims(7) == first);
	ck_assert(victims(8) != first);
}
END_TEST

/* -- the LIFO slot -- */

START_TEST(the_slot_is_used_three_times_in_a_row)
{
	uint32_t waits;

	pair[0] = task(ping, BH_WAITING);
	pair[1] = task(ping, BH_WAITING);
	waits = task(for_ever, BH_SCHEDULED);
	bh_runq_push(&me()->runq, waits);
	bh_rt_wake(pair[0], 0, 0);
	for (int i = 0; i < 12; i++)
		ck_assert(bh_executor_turn());
	for (uint32_t i = 0; i < 12; i++)
		ck_assert_msg((polled[i] == waits) == (i % 4 == 3), "turn %u polled %u", i,
			      polled[i]);
	ck_assert_uint_eq(me()->count.lifo_hits, 9);
}
END_TEST

/* A poll that spends 100 of the budget, and wakes the next one. */
static enum bh_poll spender(struct bh_cx *cx, void *state)
{
	for (int i = 0; i < 100; i++)
		if (!bh_coop_spend())
			break;
	return ping(cx, state);
}

START_TEST(the_slot_shares_its_wakers_budget)
{
	uint32_t waits = task(once, BH_SCHEDULED);

	pair[0] = task(spender, BH_SCHEDULED);
	pair[1] = task(spender, BH_WAITING);
	bh_runq_push(&me()->runq, pair[0]);
	bh_runq_push(&me()->runq, waits);
	for (int i = 0; i < 3; i++)
		ck_assert(bh_executor_turn());
	/* 100, then the 28 that are left, and then it is others' turn. */
	ck_assert_uint_eq(polled[0], pair[0]);
	ck_assert_uint_eq(polled[1], pair[1]);
	ck_assert_uint_eq(me()->count.budget_yields, 1);
	ck_assert_uint_eq(polled[2], waits);
	/* From then on it has a budget of its own. */
	ck_assert(bh_executor_turn());
	ck_assert_uint_eq(polled[3], pair[0]);
	ck_assert_uint_eq(me()->count.budget_yields, 1);
}
END_TEST

/* -- the inject queue -- */

static uint32_t turns_until_injected(uint32_t interval, uint32_t workers)
{
	uint32_t idx, i = 0;

	plan.inject_interval = interval;
	become(workers);
	if (!interval)
		bh_sched_init(&bh_rt.sched, NULL, workers, VICTIM, WORLD_EPOCH);
	bh_runq_push(&me()->runq, task(for_ever, BH_SCHEDULED));
	idx = task(once, BH_SCHEDULED);
	bh_inject_push(&w.v.inject, idx);
	while (i < 1000 && (!i || polled[i - 1] != idx)) {
		ck_assert(bh_executor_turn());
		i++;
	}
	return i;
}

START_TEST(the_inject_queue_is_looked_at_every_so_often)
{
	ck_assert_uint_eq(turns_until_injected(0, WORKERS), 61); /* until it is tuned */
	ck_assert_uint_eq(turns_until_injected(10, WORKERS), 10);
}
END_TEST

/* Neither waits for the other; without a number of their own, events come with the
 * queue. */
START_TEST(each_interval_is_counted_for_itself)
{
	static const uint32_t intervals[][2] = { { 10, 4 }, { 4, 10 }, { 6, 6 }, { 5, 0 } };
	struct bh_plan_service p = { 0 };
	struct bh_sched s;

	for (size_t i = 0; i < sizeof(intervals) / sizeof(*intervals); i++) {
		p.inject_interval = intervals[i][0];
		p.event_interval = intervals[i][1];
		bh_sched_init(&s, &p, WORKERS, VICTIM, 1);
		for (uint32_t turn = 1; turn <= 100; turn++) {
			uint32_t events = intervals[i][1] ? intervals[i][1] : intervals[i][0];
			uint32_t due = turn % intervals[i][0] ? 0 : BH_DUE_INJECT;

			due |= turn % events ? 0 : BH_DUE_EVENTS;
			ck_assert_uint_eq(bh_sched_turn(&s), due);
		}
	}
}
END_TEST

START_TEST(events_are_looked_at_every_so_often)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };
	uint32_t waits, io;

	plan.event_interval = 7;
	become(WORKERS);
	world_epoll();
	bh_runq_push(&me()->runq, task(for_ever, BH_SCHEDULED));
	waits = task(once, BH_WAITING);
	io = world_io(&w, waits);
	bh_st_rlx(&w.v.ios[io].ready[0], (uint64_t)waits << 32);
	e.data.u64 = bh_handle(bh_ld_rlx(&w.v.ios[io].gen), io);
	/* Of both instances, which are looked at in turn: the second one's. */
	ck_assert_int_eq(epoll_ctl(bh_rt.epfd[1], EPOLL_CTL_ADD, eventfd(1, 0), &e), 0);
	for (int turn = 1; turn <= 14; turn++) {
		ck_assert_uint_eq(bh_state_of(w.v.tasks[waits].state), BH_WAITING);
		ck_assert(bh_executor_turn());
	}
	ck_assert_uint_ne(bh_state_of(w.v.tasks[waits].state), BH_WAITING);
	plan.event_interval = 0;
}
END_TEST

START_TEST(an_early_look_takes_the_share_of_one_worker)
{
	uint32_t idx[3 * WORKERS];

	become(WORKERS);
	for (uint32_t i = 0; i < 3 * WORKERS; i++)
		bh_inject_push(&w.v.inject, idx[i] = task(once, BH_SCHEDULED));
	bh_rt.sched.until = 1;
	ck_assert(bh_executor_turn());
	ck_assert_uint_eq(polled[0], idx[0]);
	/* Of the others, a third each. */
	ck_assert_uint_eq(bh_runq_len(&me()->runq), (3 * WORKERS - 1) / WORKERS);
	ck_assert(bh_executor_turn());
	ck_assert_uint_eq(polled[1], idx[1]);
}
END_TEST

START_TEST(who_yields_lets_what_came_from_outside_go_first)
{
	uint32_t yields, idx[2 * WORKERS];

	become(WORKERS);
	bh_rt.sched.tune = true;
	yields = task(for_ever, BH_SCHEDULED);
	bh_runq_push(&me()->runq, yields);
	for (uint32_t i = 0; i < 2 * WORKERS; i++)
		bh_inject_push(&w.v.inject, idx[i] = task(once, BH_SCHEDULED));
	for (int i = 0; i < 4; i++)
		ck_assert(bh_executor_turn());
	ck_assert_uint_eq(polled[0], yields);
	ck_assert_uint_eq(polled[1], idx[0]);
	ck_assert_uint_eq(polled[2], idx[1]);
	ck_assert_uint_eq(polled[3], yields);
	ck_assert_uint_eq(bh_inject_len(&w.v.inject), 2 * WORKERS - 3); /* two, then one */
}
END_TEST

START_TEST(a_worker_alone_looks_at_it_every_31)
{
	ck_assert_uint_eq(turns_until_injected(0, 1), 31);
}
END_TEST

START_TEST(the_interval_follows_the_mean_poll_time)
{
	struct bh_sched s;

	bh_sched_init(&s, NULL, 4, 0, 1);
	bh_sched_tune(&s, 61 * 10000, 61); /* 10 us each: 200 us are 20 of them */
	ck_assert_uint_eq(s.inject_interval, 20);
	for (int i = 0; i < 100; i++)
		bh_sched_tune(&s, 20 * 1000000, 20);
	ck_assert_uint_eq(s.inject_interval, 2);
	for (int i = 0; i < 100; i++)
		bh_sched_tune(&s, 100, 2);
	ck_assert_uint_eq(s.inject_interval, 127);
	/* A long sleep is no long poll. */
	s.until = 1;
	ck_assert_uint_eq(bh_sched_turn(&s), BH_DUE_INJECT | BH_DUE_EVENTS);
	s.since_ns -= 1000000000;
	bh_sched_slept(&s);
	s.until = 1;
	ck_assert_uint_eq(bh_sched_turn(&s), BH_DUE_INJECT | BH_DUE_EVENTS);
	ck_assert_uint_eq(s.inject_interval, 127);
}
END_TEST

/* -- who searches -- */

START_TEST(at_most_half_search)
{
	fill(OTHER, 4, NULL);
	bh_or(&w.v.a->idle.searching, 1ull << 1 | 1ull << 2);
	ck_assert(!bh_executor_turn());
	bh_and(&w.v.a->idle.searching, ~(1ull << 2));
	ck_assert(bh_executor_turn());
}
END_TEST

static void park_2(void)
{
	bh_or(&w.v.a->idle.parked, 1ull << 2);
	bh_st_rlx(&w.v.workers[2].park, BH_PARKED);
}

START_TEST(the_last_finder_wakes_one_more)
{
	fill(OTHER, 4, NULL);
	park_2();
	ck_assert(bh_executor_turn());
	ck_assert_uint_eq(w.v.workers[2].park, BH_AWAKE);
	ck_assert_uint_eq(w.v.a->idle.searching, 1ull << 2);
}
END_TEST

START_TEST(a_finder_that_is_not_the_last_wakes_nobody)
{
	fill(OTHER, 4, NULL);
	park_2();
	bh_or(&w.v.a->idle.searching, 1ull << 1);
	ck_assert(bh_executor_turn());
	ck_assert_uint_eq(w.v.workers[2].park, BH_PARKED);
}
END_TEST

/* -- looks that are owed -- */

/* Worker 2 goes to sleep when this has queued, and has looked at who sleeps. */
static enum bh_poll queues(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	for (uint32_t i = 0; i < 2; i++)
		bh_rt_wake(pair[i], 0, 0);
	park_2();
	return BH_READY;
}

START_TEST(who_falls_asleep_during_a_poll_is_woken_at_its_end)
{
	pair[0] = task(once, BH_WAITING);
	pair[1] = task(once, BH_WAITING);
	bh_runq_push(&me()->runq, task(queues, BH_SCHEDULED));
	ck_assert(bh_executor_turn());
	ck_assert_uint_eq(w.v.workers[2].park, BH_AWAKE);
}
END_TEST

/* The kernel decides to sleep for long when this has looked. */
static enum bh_poll arms(struct bh_cx *cx, void *state)
{
	(void)state;
	bh_st_rlx(&w.v.a->kernel_sleeps_until, 0);
	bh_poll_at(cx, 1000000);
	ck_assert_int_eq(read(bh_rt.doorbell, &(uint64_t){ 0 }, 8), -1);
	bh_st_rlx(&w.v.a->kernel_sleeps_until, INT64_MAX);
	return BH_PENDING;
}

START_TEST(the_bell_is_rung_at_the_end_of_the_poll_if_need_be)
{
	uint64_t rung = 0;

	bh_rt.doorbell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	bh_runq_push(&me()->runq, task(arms, BH_SCHEDULED));
	ck_assert(bh_executor_turn());
	ck_assert_int_eq(read(bh_rt.doorbell, &rung, sizeof(rung)), sizeof(rung));
	ck_assert_uint_eq(rung, 1);
	bh_runq_push(&me()->runq, task(once, BH_SCHEDULED));
	ck_assert(bh_executor_turn()); /* owes nothing */
	ck_assert_int_eq(read(bh_rt.doorbell, &rung, sizeof(rung)), -1);
	close(bh_rt.doorbell);
}
END_TEST

/* -- alone -- */

START_TEST(a_worker_alone_runs_tasks_in_the_order_of_their_wake_ups)
{
	uint32_t idx[50];

	become(1);
	for (uint32_t i = 0; i < 50; i++) {
		idx[i] = task(once, i % 2 ? BH_WAITING : BH_SCHEDULED);
		if (i % 2)
			bh_rt_wake(idx[i], 0, 0);
		else
			bh_rt_schedule(idx[i], BH_EV_WAKE);
	}
	for (uint32_t i = 0; i < 50; i++)
		ck_assert(bh_executor_turn());
	ck_assert(!memcmp(polled, idx, sizeof(idx)));
	ck_assert_uint_eq(me()->count.lifo_hits, 0);
}
END_TEST

/* -- pinned tasks and others take turns -- */

START_TEST(pinned_tasks_and_others_take_turns)
{
	struct bh_inject_view ring = bh_pinned_of(&w.v, VICTIM);
	uint32_t of_pinned = 0, pinned = task(for_ever, BH_SCHEDULED);
	uint64_t gen = bh_state_gen(w.v.tasks[pinned].state);

	bh_st_rlx(&w.v.tasks[pinned].state, bh_state_make((uint32_t)gen, WORLD_EPOCH, VICTIM,
							  BH_DETACHED | BH_PINNED, BH_SCHEDULED));
	bh_inject_push(&ring, pinned);
	bh_runq_push(&me()->runq, task(for_ever, BH_SCHEDULED));
	for (uint32_t i = 0; i < 100; i++) {
		ck_assert(bh_executor_turn());
		of_pinned += polled[i] == pinned;
	}
	ck_assert_uint_eq(of_pinned, 50);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("workers.turns");
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_newer_half_of_a_full_ring_overflows);
	tcase_add_test(tc, half_is_stolen_and_the_last_is_run);
	tcase_add_test(tc, who_is_over_half_full_does_not_steal);
	tcase_add_test(tc, a_quarter_is_taken_at_a_time_and_runs_in_order);
	tcase_add_test(tc, one_is_taken_if_others_would_share_or_polls_are_long);
	tcase_add_test(tc, a_long_poll_gives_up_its_hand_once);
	tcase_add_test(tc, a_sleeper_that_is_said_to_search_is_woken_for_others);
	tcase_add_test(tc, victims_are_random_and_a_seed_repeats_them);
	tcase_add_test(tc, the_slot_is_used_three_times_in_a_row);
	tcase_add_test(tc, the_slot_shares_its_wakers_budget);
	tcase_add_test(tc, the_inject_queue_is_looked_at_every_so_often);
	tcase_add_test(tc, each_interval_is_counted_for_itself);
	tcase_add_test(tc, events_are_looked_at_every_so_often);
	tcase_add_test(tc, an_early_look_takes_the_share_of_one_worker);
	tcase_add_test(tc, who_yields_lets_what_came_from_outside_go_first);
	tcase_add_test(tc, a_worker_alone_looks_at_it_every_31);
	tcase_add_test(tc, the_interval_follows_the_mean_poll_time);
	tcase_add_test(tc, at_most_half_search);
	tcase_add_test(tc, the_last_finder_wakes_one_more);
	tcase_add_test(tc, a_finder_that_is_not_the_last_wakes_nobody);
	tcase_add_test(tc, who_falls_asleep_during_a_poll_is_woken_at_its_end);
	tcase_add_test(tc, the_bell_is_rung_at_the_end_of_the_poll_if_need_be);
	tcase_add_test(tc, a_worker_alone_runs_tasks_in_the_order_of_their_wake_ups);
	tcase_add_test(tc, pinned_tasks_and_others_take_turns);
	suite_add_tcase(s, tc);
	return bh_check_run(s);
}
