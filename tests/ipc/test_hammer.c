/* SPDX-License-Identifier: MIT */
/*
 * test_hammer.c: every structure under several workers at once; at the end each
 * item is accounted for exactly once.
 */
#include <check.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "hammer.h"
#include "ipc/protocol/enqueue.h"
#include "sanitized.h"
#include "tests/check_run.h"

/* TSan is some twenty times slower. */
enum {
	SCALE = SANITIZED ? 20 : 1,
	ITEMS = 400000 / SCALE, /* through a queue, by each */
	TASKS = 2000,
	TURNS = 5000000 / SCALE, /* of the scheduler, in all */
	TAKES = 1000000 / SCALE,
};

/* -- inject queue: all push and pop; what comes out is what went in ------------- */

static void inject_all(struct hammer *h, uint32_t slot)
{
	uint64_t in = 0, out = 0, n_in = 0, n_out = 0, sum;
	_Atomic uint32_t journal;

	for (uint32_t i = 0; i < ITEMS; i++) {
		uint32_t item = 1 + (slot * ITEMS + i) % (1u << 20);

		while (!bh_inject_push(&h->v.inject, item))
			if ((sum = bh_inject_pop(&h->v.inject, &journal)))
				out += sum, n_out++;
		in += item, n_in++;
		if (i % 2 && (sum = bh_inject_pop(&h->v.inject, &journal)))
			out += sum, n_out++;
	}
	while ((sum = bh_inject_pop(&h->v.inject, &journal)))
		out += sum, n_out++;
	bh_add(&h->count[0], in);
	bh_add(&h->count[1], n_in);
	bh_add(&h->count[2], out);
	bh_add(&h->count[3], n_out);
}

static void check_inject(struct hammer *h)
{
	uint64_t out = h->count[2], n_out = h->count[3];
	_Atomic uint32_t journal;
	uint32_t left;

	/* Whoever finished first may have left others' items. */
	while ((left = bh_inject_pop(&h->v.inject, &journal)))
		out += left, n_out++;
	ck_assert_uint_eq(n_out, h->count[1]);
	ck_assert_uint_eq(out, h->count[0]);
}

/* -- run queues: the owner pushes and pops, the others steal --------------------- */

static void run_queues(struct hammer *h, uint32_t slot)
{
	struct bh_runq *mine = &h->v.workers[slot].runq;
	uint32_t got, n, out[BH_RUNQ_CAP / 2];
	_Atomic uint32_t journal;
	uint64_t taken = 0;

	for (uint32_t i = 0; i < ITEMS; i++) {
		while (!bh_runq_push(mine, 1 + i % 1000)) {
			n = bh_runq_overflow(mine, out);
			for (uint32_t k = 0; k < n; k++)
				while (!bh_inject_push(&h->v.inject, out[k]))
					taken += bh_inject_pop(&h->v.inject, &journal) != 0;
		}
		if (i % 3 == 0 && bh_runq_pop(mine))
			taken++;
		if (i % 7 == 0) {
			got = bh_runq_steal(&h->v.workers[(slot + 1 + i % 3) % HAMMERS].runq, mine,
					    &n);
			taken += got != 0;
		}
		if (i % 5 == 0 && bh_inject_pop(&h->v.inject, &journal))
			taken++;
	}
	bh_add(&h->count[0], ITEMS);
	bh_add(&h->count[1], taken);
}

static void check_run_queues(struct hammer *h)
{
	uint64_t left = bh_inject_len(&h->v.inject);

	for (uint32_t i = 0; i < HAMMERS; i++)
		left += bh_runq_len(&h->v.workers[i].runq);
	ck_assert_uint_eq(h->count[1] + left, h->count[0]);
}

/* -- state words with queues as hints: one run for each time it was scheduled ---- */

static void schedule(struct hammer *h, uint32_t slot, uint32_t idx)
{
	if (!bh_runq_push(&h->v.workers[slot].runq, idx))
		while (!bh_inject_push(&h->v.inject, idx))
			sched_yield();
	bh_add(&h->count[1], 1); /* scheduled */
}

static void scheduler(struct hammer *h, uint32_t slot)
{
	struct bh_slot *me = &h->v.workers[slot];
	uint32_t idx, n, rng = slot * 7919 + 1;
	uint64_t w;

	while (bh_ld_acq(&h->count[0]) < TURNS) {
		rng = rng * 1664525 + 1013904223;
		/* Wake a random task: as often as not it runs, or is queued. */
		idx = 1 + rng % TASKS;
		if (bh_state_wake(&h->v.tasks[idx].state, 0, 0) == BH_WAKE_QUEUE)
			schedule(h, slot, idx);
		idx = bh_runq_pop(&me->runq);
		if (!idx)
			idx = bh_inject_pop(&h->v.inject, &me->journal.popped);
		if (!idx)
			idx = bh_runq_steal(
				&h->v.workers[(slot + 1 + rng % (HAMMERS - 1)) % HAMMERS].runq,
				&me->runq, &n);
		if (!idx || !bh_state_run(&h->v.tasks[idx].state, slot, 1, &w))
			continue;
		/* Alone with the task: two at once would lose an increment. */
		uint64_t runs = h->v.tasks[idx].arg;
		h->v.tasks[idx].arg = runs + 1;
		bh_add(&h->count[0], 1);
		if (rng >> 30 == 0) {
			bh_state_yield(&h->v.tasks[idx].state);
			schedule(h, slot, idx);
		} else if (!bh_state_suspend(&h->v.tasks[idx].state)) {
			schedule(h, slot, idx);
		}
	}
}

static void check_scheduler(struct hammer *h)
{
	uint64_t runs = 0, scheduled = 0;

	for (uint32_t i = 1; i <= TASKS; i++) {
		enum bh_state s = bh_state_of(bh_ld_acq(&h->v.tasks[i].state));

		runs += h->v.tasks[i].arg;
		scheduled += s == BH_SCHEDULED;
		ck_assert(s == BH_SCHEDULED || s == BH_WAITING);
	}
	ck_assert_uint_eq(runs, h->count[0]);
	ck_assert_uint_eq(h->count[1], runs + scheduled);
}

/* -- pools: nobody gets what another one has -------------------------------------- */

static void pools(struct hammer *h, uint32_t slot)
{
	struct bh_pool_cache *c = &h->v.workers[slot].tasks;
	uint32_t held[200], n = 0, rng = slot + 1;

	for (uint32_t i = 0; i < TAKES; i++) {
		uint64_t w;
		rng = rng * 1664525 + 1013904223;
		if (rng >> 31 && n < 200) {
			uint32_t idx = bh_pool_take(&h->v.task_pool, c);
			if (!idx || !bh_state_reserve(&h->v.tasks[idx].state, slot, 1, &w))
				continue;
			if (bh_add(&h->seen[idx], 1) != 0)
				bh_add(&h->count[0], 1); /* two have it */
			held[n++] = idx;
			bh_add(&h->count[1], 1);
		} else if (n) {
			uint32_t idx = held[--n];
			w = bh_ld_rlx(&h->v.tasks[idx].state);
			bh_add(&h->seen[idx], (uint32_t)-1);
			bh_pool_freeing(c, idx);
			bh_state_free(&h->v.tasks[idx].state, w);
			bh_pool_give(&h->v.task_pool, c, idx);
		}
	}
	bh_add(&h->count[2], n);
}

static void check_pools(struct hammer *h)
{
	uint64_t held = 0;

	ck_assert_uint_eq(h->count[0], 0);
	ck_assert_uint_gt(h->count[1], TAKES);
	for (uint32_t i = 1; i < h->v.l.tasks; i++)
		held += bh_state_of(bh_ld_acq(&h->v.tasks[i].state)) == BH_RESERVED;
	ck_assert_uint_eq(held, h->count[2]);
}

/* -- parking: whoever is told to sleep while there is work is woken ---------------- */

static void parking(struct hammer *h, uint32_t slot)
{
	struct bh_slot *me = &h->v.workers[slot];
	struct bh_idle *idle = &h->v.a->idle;
	uint32_t idx;

	while (bh_ld_acq(&h->count[0]) < TAKES) {
		if ((idx = bh_inject_pop(&h->v.inject, &me->journal.popped))) {
			if (bh_idle_search_end(idle, slot))
				bh_notify(&h->v);
			/* The item is passed on: there is always exactly one, so a lost
			 * wake-up stops everything. */
			bh_add(&h->count[0], 1);
			bh_enqueue_shared(&h->v, idx);
			continue;
		}
		bh_idle_park_begin(idle, slot, &me->park, BH_PARKED);
		if (bh_inject_ready(&h->v.inject)) {
			bh_idle_park_cancel(idle, slot, &me->park);
			continue;
		}
		while (bh_ld_acq(&me->park) == BH_PARKED && bh_ld_acq(&h->count[0]) < TAKES)
			bh_futex_wait(&me->park, BH_PARKED, 100000000);
	}
	for (uint32_t i = 0; i < HAMMERS; i++)
		bh_unpark(&h->v.workers[i].park, h->v.kick);
}

static void check_parking(struct hammer *h)
{
	ck_assert_uint_ge(h->count[0], TAKES);
}

/* ---------------------------------------------------------------------------------- */

static void no_setup(struct hammer *h)
{
	(void)h;
}

static void setup_scheduler(struct hammer *h)
{
	for (uint32_t i = 1; i <= TASKS; i++)
		bh_st_rlx(&h->v.tasks[i].state, bh_state_make(1, 0, BH_OWNER_NONE, 0, BH_WAITING));
}

static void setup_parking(struct hammer *h)
{
	bh_inject_push(&h->v.inject, 1);
}

static const struct {
	const char *name;
	uint32_t tasks;
	void (*setup)(struct hammer *h);
	hammer_fn run;
	void (*check)(struct hammer *h);
} properties[] = {
	{ "inject", 1000, no_setup, inject_all, check_inject },
	{ "runq", 1u << 21, no_setup, run_queues, check_run_queues },
	{ "state", TASKS + 1, setup_scheduler, scheduler, check_scheduler },
	{ "pool", 5000, no_setup, pools, check_pools },
	{ "idle", 1000, setup_parking, parking, check_parking },
};

static void property(int i, void (*how)(struct hammer *, hammer_fn))
{
	struct hammer h;

	hammer_make(&h, properties[i].tasks);
	properties[i].setup(&h);
	how(&h, properties[i].run);
	properties[i].check(&h);
	hammer_free(&h);
}

START_TEST(each_item_is_accounted_for_once_among_processes)
{
	property(_i, hammer_processes);
}
END_TEST

START_TEST(each_item_is_accounted_for_once_among_threads)
{
	property(_i, hammer_threads);
}
END_TEST

int main(void)
{
	const int n = sizeof(properties) / sizeof(*properties);
	Suite *s = suite_create("ipc.hammer");
	TCase *tc = tcase_create("core");

	if (!SANITIZED) /* TSan sees one process only */
		tcase_add_loop_test(tc, each_item_is_accounted_for_once_among_processes, 0, n);
	tcase_add_loop_test(tc, each_item_is_accounted_for_once_among_threads, 0, n);
	suite_add_tcase(s, tc);
	return bh_check_run(s);
}
