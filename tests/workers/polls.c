/* SPDX-License-Identifier: MIT */
/*
 * polls.c: polls [N]: a worker that polls N times (20,000) tasks that yield, N times
 * two that wake each other, and N times one that spawns a fiber, or that fiber: for
 * valgrind to count the instructions of either (--tool=callgrind
 * --toggle-collect=polls_yield, polls_wake, or polls_spawn). tools/bench-tracing compares
 * the former two with those of polls_bare, which is built without what is there to observe
 * the worker (BH_BARE of workers/queue/trace.h).
 *
 * The process is the only worker of its arena, so nothing but the code decides how many
 * there are. The meter, which goes by the clock, takes no poll.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sweep/sweep.h"
#include "workers/base/rt.h"
#include "workers/base/sched.h"
#include "workers/executor/executor.h"
#include "workers/queue/queue.h"

enum {
	POLLS = 20000,
	YIELDING = 8
};

static struct world w;
static struct bh_plan_service plan = { .seed = 1 };
static uint32_t pair[2];

static enum bh_poll yield(struct bh_cx *cx, void *state)
{
	(void)state;
	bh_poll_again(cx);
	return BH_PENDING;
}

static enum bh_poll ping(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	bh_rt_wake(pair[bh_rt.idx == pair[0]], 0, 0);
	return BH_PENDING;
}

static int64_t fiber(void *arg)
{
	(void)arg;
	return 0;
}

static enum bh_poll spawn(struct bh_cx *cx, void *state)
{
	(void)state;
	if (bh_spawn(NULL, fiber, NULL, 0, NULL))
		return BH_READY;
	bh_poll_again(cx);
	return BH_PENDING;
}

static uint32_t task(bh_poll_fn fn, enum bh_state s)
{
	uint32_t idx = world_task(&w, s, OTHER);

	w.v.tasks[idx].fn = (uint64_t)(uintptr_t)fn;
	return idx;
}

static void begin(void)
{
	plan.inject_interval = 1u << 30;
	world_make(&w, NULL);
	world_become(&w, VICTIM);
	bh_rt.v.l.workers = 1;
	bh_sched_init(&bh_rt.sched, &plan, WORKERS, VICTIM, WORLD_EPOCH); /* as one of several */
	bh_rt.budget = bh_rt.sched.budget;
	bh_rt.meter = (struct bh_meter_run){ .until = UINT32_MAX };
}

__attribute__((noinline)) void polls_yield(int n);
__attribute__((noinline)) void polls_wake(int n);
__attribute__((noinline)) void polls_spawn(int n);

void polls_yield(int n)
{
	while (n--)
		bh_executor_turn();
}

void polls_wake(int n)
{
	while (n--)
		bh_executor_turn();
}

void polls_spawn(int n)
{
	while (n--)
		bh_executor_turn();
}

static int polled(int n)
{
	return bh_ld_rlx(&bh_rt.me->count.polls) == (uint64_t)n ? 0 : 1;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : POLLS, bad;

	begin();
	for (int i = 0; i < YIELDING; i++)
		bh_rt_push_back(task(yield, BH_SCHEDULED));
	polls_yield(n);
	bad = polled(n);
	world_free(&w);

	begin();
	pair[0] = task(ping, BH_SCHEDULED);
	pair[1] = task(ping, BH_WAITING);
	bh_rt_push_back(pair[0]);
	polls_wake(n);
	bad |= polled(n);
	world_free(&w);

	begin();
	bh_rt_push_back(task(spawn, BH_SCHEDULED));
	polls_spawn(n);
	bad |= polled(n);
	world_free(&w);
	if (bad)
		fprintf(stderr, "polls: not all turns polled a task\n");
	return bad;
}
