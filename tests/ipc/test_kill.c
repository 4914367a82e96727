/* SPDX-License-Identifier: MIT */
/*
 * test_kill.c: every structure under several processes, one of which is killed
 * every millisecond or so, recovered from, and replaced. At the end each item is
 * accounted for, up to what the journals of the dead name.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dice.h"
#include "hammer.h"
#include "ipc/repair/recover.h"
#include "tests/check_run.h"

enum {
	TASKS = 2000,
	KILLS = 100, /* with BH_WHOLE=1 four times as many */
	ITEMS = 16000000,
	HELD = 200,
	STOP = 15 /* which of the shared counters says so */
};

struct property {
	void (*run)(struct hammer *h, uint32_t slot, uint32_t epoch);
	void (*died)(struct hammer *h, uint32_t slot, uint32_t epoch);
};

static bool stopped(struct hammer *h)
{
	return bh_ld_acq(&h->count[STOP]) != 0;
}

static uint32_t roll(uint32_t *rng)
{
	*rng = *rng * 1664525 + 1013904223;
	return *rng >> 8;
}

static pid_t start(struct hammer *h, const struct property *p, uint32_t slot, uint32_t epoch)
{
	_Atomic uint64_t *word = &h->v.workers[slot].word;

	bh_st_rel(word, bh_slot_word(BH_SLOT_STARTING, epoch, 0));
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		bh_st_rel(word, bh_slot_word(BH_SLOT_UP, epoch, (uint32_t)getpid()));
		p->run(h, slot, epoch);
		_exit(0);
	}
	return pid;
}

/* All workers at once, and many of them killed; the last ones end by themselves. */
static void hammer_and_kill(struct hammer *h, const struct property *p)
{
	pid_t pid[HAMMERS];
	uint32_t epoch[HAMMERS] = { 0 };
	int status;

	dice_seed();
	for (uint32_t i = 0; i < HAMMERS; i++)
		pid[i] = start(h, p, i, ++epoch[i]);
	int kills = getenv("BH_WHOLE") ? 4 * KILLS : KILLS;
	for (int k = 0; k < kills; k++) {
		uint32_t i = dice_below(HAMMERS);

		usleep(dice_below(2000));
		kill(pid[i], SIGKILL);
		ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		bh_st_rel(&h->v.workers[i].word, bh_slot_word(BH_SLOT_DEAD, epoch[i], 0));
		p->died(h, i, epoch[i]);
		pid[i] = start(h, p, i, ++epoch[i]);
	}
	bh_st_rel(&h->count[STOP], 1);
	for (uint32_t i = 0; i < HAMMERS; i++) {
		ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
		ck_assert_int_eq(status, 0);
	}
}

static void close_nothing(void *ctx, uint32_t idx)
{
	(void)ctx, (void)idx;
	ck_abort_msg("no task here has an I/O slot");
}

static const struct bh_recover_ops ops = { .close_io = close_nothing };

/* -- tasks: state words are the truth, queues are hints ------------------------------ */

static void queue(struct hammer *h, uint32_t slot, uint32_t idx)
{
	struct bh_runq *mine = &h->v.workers[slot].runq;
	uint32_t out[BH_RUNQ_CAP / 2], n;

	while (!bh_runq_push(mine, idx)) {
		n = bh_runq_overflow(mine, out);
		for (uint32_t i = 0; i < n; i++)
			if (!bh_inject_push(&h->v.inject, out[i]))
				bh_st_rel(&h->v.a->rescan, 1);
	}
}

static uint32_t next_task(struct hammer *h, uint32_t slot, uint32_t *rng)
{
	struct bh_slot *me = &h->v.workers[slot];
	uint32_t from = (slot + 1 + roll(rng) % (HAMMERS - 1)) % HAMMERS, n, idx = 0;

	if (roll(rng) % 16 == 0)
		idx = bh_inject_pop(&h->v.inject, &me->journal.popped);
	if (!idx)
		idx = bh_runq_pop(&me->runq);
	if (!idx)
		idx = bh_inject_pop(&h->v.inject, &me->journal.popped);
	return idx ? idx : bh_runq_steal(&h->v.workers[from].runq, &me->runq, &n);
}

static void run_task(struct hammer *h, uint32_t slot, uint32_t epoch, uint32_t idx, bool yields)
{
	struct bh_slot *me = &h->v.workers[slot];
	struct bh_tcb *t = &h->v.tasks[idx];
	uint64_t w;

	bh_st_rlx(&me->current, bh_handle(1, idx));
	bh_compiler_barrier();
	if (!bh_state_run(&t->state, slot, epoch, &w))
		return;
	bh_st_rlx(&me->journal.wake, idx);
	if (bh_xchg(&h->seen[idx], slot + 1))
		bh_add(&h->count[1], 1); /* two run it */
	bh_add(&h->count[0], 1);
	bh_xchg(&h->seen[idx], 0);
	if (yields) {
		bh_state_yield(&t->state);
		queue(h, slot, idx);
	} else if (!bh_state_suspend(&t->state)) {
		queue(h, slot, idx);
	}
}

static void run_tasks(struct hammer *h, uint32_t slot, uint32_t epoch)
{
	struct bh_slot *me = &h->v.workers[slot];
	uint32_t rng = slot * 7919 + epoch, idx;

	while (!stopped(h)) {
		idx = 1 + roll(&rng) % TASKS;
		bh_st_rlx(&me->journal.wake, idx);
		bh_compiler_barrier();
		if (bh_state_wake(&h->v.tasks[idx].state, 0, 0) == BH_WAKE_QUEUE)
			queue(h, slot, idx);
		idx = next_task(h, slot, &rng);
		if (idx && idx <= TASKS)
			run_task(h, slot, epoch, idx, roll(&rng) % 4 == 0);
	}
}

static void recover_tasks(struct hammer *h, uint32_t slot, uint32_t epoch)
{
	struct bh_dead_task dead;

	bh_recover_begin(&h->v, slot, epoch, &dead);
	if (dead.task) {
		bh_st_rel(&h->seen[bh_handle_idx(dead.task)], 0);
		bh_recover_task(&h->v, dead.task, true, 0, 0, &ops);
		bh_add(&h->count[2], 1);
	}
	bh_recover_worker(&h->v, slot, epoch, &ops);
}

START_TEST(each_task_runs_alone_and_none_is_lost)
{
	static const struct property p = { run_tasks, recover_tasks };
	_Atomic uint32_t journal;
	struct hammer h;
	uint32_t idx;

	hammer_make(&h, 1u << 16);
	for (uint32_t i = 1; i <= TASKS; i++)
		bh_st_rlx(&h.v.tasks[i].state, bh_state_make(1, 0, BH_OWNER_NONE, 0, BH_WAITING));
	hammer_and_kill(&h, &p);
	ck_assert_uint_eq(h.count[1], 0);
	ck_assert_uint_eq(h.v.a->rescan, 0);
	/* Every task that is still scheduled stands in some queue. */
	for (uint32_t i = 0; i < HAMMERS; i++)
		while (bh_runq_len(&h.v.workers[i].runq))
			if ((idx = bh_runq_pop(&h.v.workers[i].runq)))
				run_task(&h, i, 0, idx, false);
	while ((idx = bh_inject_pop(&h.v.inject, &journal)))
		run_task(&h, 0, 0, idx, false);
	for (uint32_t i = 1; i <= TASKS; i++)
		if (bh_state_of(h.v.tasks[i].state) != BH_WAITING)
			ck_abort_msg("task %u: state word %#llx and no hint", i,
				     (unsigned long long)h.v.tasks[i].state);
	printf("%llu polls, %llu of them killed\n", (unsigned long long)h.count[0],
	       (unsigned long long)h.count[2]);
	hammer_free(&h);
}
END_TEST

/* -- pools: no slot to two, and none to nobody ---------------------------------------- */

static void give_back(struct hammer *h, struct bh_pool_cache *c, uint32_t idx)
{
	uint64_t w = bh_ld_rlx(&h->v.tasks[idx].state);

	bh_add(&h->seen[idx], (uint32_t)-1);
	bh_pool_freeing(c, idx);
	bh_state_free(&h->v.tasks[idx].state, w);
	bh_pool_give(&h->v.task_pool, c, idx);
}

static void use_pool(struct hammer *h, uint32_t slot, uint32_t epoch)
{
	struct bh_pool_cache *c = &h->v.workers[slot].tasks;
	uint32_t held[HELD], n = 0, rng = slot + epoch * 31, idx;
	uint64_t w;

	while (!stopped(h)) {
		if (roll(&rng) % 2 && n < HELD) {
			idx = bh_pool_take(&h->v.task_pool, c);
			if (!idx || !bh_state_reserve(&h->v.tasks[idx].state, slot, epoch, &w))
				continue;
			if (bh_add(&h->seen[idx], 1) != 0)
				bh_add(&h->count[1], 1); /* two have it */
			held[n++] = idx;
			bh_add(&h->count[0], 1);
		} else if (n) {
			give_back(h, c, held[--n]);
		}
	}
	while (n)
		give_back(h, c, held[--n]);
}

/* What the verifying scan does for RESERVED slots, and then the caches. */
static void recover_pool(struct hammer *h, uint32_t slot, uint32_t epoch)
{
	for (uint32_t i = 1; i < h->v.l.tasks; i++) {
		uint64_t w = bh_ld_acq(&h->v.tasks[i].state);

		if (bh_state_of(w) != BH_RESERVED || bh_state_worker(w) != slot)
			continue;
		bh_st_rel(&h->seen[i], 0);
		if (bh_state_free(&h->v.tasks[i].state, w))
			bh_pool_give_shared(&h->v.task_pool, i);
	}
	bh_recover_worker(&h->v, slot, epoch, &ops);
}

START_TEST(no_slot_is_given_twice_or_lost)
{
	static const struct property p = { use_pool, recover_pool };
	struct hammer h;
	uint32_t n = 0, idx;
	uint64_t w;

	hammer_make(&h, 1000);
	hammer_and_kill(&h, &p);
	ck_assert_uint_eq(h.count[1], 0);
	for (uint32_t i = 0; i < HAMMERS; i++)
		bh_recover_worker(&h.v, i, 0, &ops);
	while ((idx = bh_pool_take(&h.v.task_pool, &h.v.workers[0].tasks)))
		n += bh_state_reserve(&h.v.tasks[idx].state, 0, 1, &w);
	ck_assert_uint_eq(n, h.v.l.tasks - 1);
	printf("%llu slots taken\n", (unsigned long long)h.count[0]);
	hammer_free(&h);
}
END_TEST

/* -- the inject queue: exact, up to the journals --------------------------------------- */

enum {
	PUSHING = 1,
	PUSHED,
	REFUSED
};

/* Of each item: what its pusher said, how often it came out, and whether the
 * journal of a dead process named it. */
static struct item {
	_Atomic uint8_t push, out, named;
} * items;

static void use_inject(struct hammer *h, uint32_t slot, uint32_t epoch)
{
	_Atomic uint32_t *journal = &h->v.workers[slot].journal.popped;
	uint32_t rng = slot + epoch * 31, item;

	while (!stopped(h)) {
		if (roll(&rng) % 2 && bh_ld_rlx(&h->count[0]) < ITEMS - 1 - HAMMERS) {
			item = 1 + (uint32_t)bh_add(&h->count[0], 1);
			bh_st_rel(&items[item].push, PUSHING);
			bool in = bh_inject_push(&h->v.inject, item);
			bh_st_rel(&items[item].push, in ? PUSHED : REFUSED);
		} else if ((item = bh_inject_pop(&h->v.inject, journal))) {
			bh_add(&items[item].out, 1);
		}
	}
}

static void recover_inject(struct hammer *h, uint32_t slot, uint32_t epoch)
{
	uint32_t item = bh_ld_acq(&h->v.workers[slot].journal.popped);

	(void)epoch;
	if (item)
		bh_st_rel(&items[item].named, 1);
}

static void check_item(uint32_t i)
{
	uint32_t push = items[i].push, out = items[i].out, named = items[i].named;
	bool right = push == PUSHED  ? out == 1 || (out == 0 && named) :
		     push == PUSHING ? out <= 1 :
				       out == 0;

	if (!right)
		ck_abort_msg("item %u: push %u, came out %u times, named %u", i, push, out, named);
}

START_TEST(each_item_comes_out_once)
{
	static const struct property p = { use_inject, recover_inject };
	_Atomic uint32_t journal;
	struct hammer h;
	uint32_t item;

	items = mmap(NULL, sizeof(*items) * ITEMS, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(items, MAP_FAILED);
	hammer_make(&h, 1000);
	hammer_and_kill(&h, &p);
	while ((item = bh_inject_pop(&h.v.inject, &journal)))
		bh_add(&items[item].out, 1);
	for (uint32_t i = 1; i < ITEMS; i++)
		check_item(i);
	printf("%llu items\n", (unsigned long long)h.count[0]);
	hammer_free(&h);
	munmap(items, sizeof(*items) * ITEMS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipc.kill");
	TCase *tc = tcase_create("crash");

	tcase_add_test(tc, each_task_runs_alone_and_none_is_lost);
	tcase_add_test(tc, no_slot_is_given_twice_or_lost);
	tcase_add_test(tc, each_item_comes_out_once);
	suite_add_tcase(s, tc);
	return bh_check_run(s);
}
