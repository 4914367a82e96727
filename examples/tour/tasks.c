/* SPDX-License-Identifier: MIT */
/* tasks.c: task.h: fibers, their ends, and what passes between them. */
#include "tour.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static int64_t add_up(void *arg)
{
	const int *numbers = arg; /* the task's own copy */

	return numbers[0] + numbers[1] + numbers[2];
}

static int64_t answer_at_length(void *unused)
{
	(void)unused;
	MUST(bh_reply("a longer answer", sizeof("a longer answer")));
	return 0;
}

static int64_t crash(void *unused)
{
	(void)unused;
	raise(SIGSEGV);
	return 0;
}

/* Crashes the first time, and not when it is started again. */
static int64_t crash_once(void *arg)
{
	_Atomic int *starts = *(_Atomic int **)arg;

	if (++*starts == 1)
		abort();
	return *starts;
}

static int64_t wait_for_a_wake_up(void *arg)
{
	_Atomic bh_task *told = *(_Atomic bh_task **)arg;

	*told = bh_self();
	while (*told)
		if (bh_suspend(BH_FOREVER)) /* wake-ups may be spurious: look again */
			return -1;
	return 1;
}

static int64_t where(void *unused)
{
	(void)unused;
	return bh_worker();
}

static void ends(void)
{
	struct bh_spawn_opts again = BH_SPAWN_OPTS_INIT, tenant = BH_SPAWN_OPTS_INIT;
	int numbers[3] = { 1, 2, 3 };
	_Atomic int *starts = bh_calloc(1, sizeof(*starts));
	struct bh_result res;
	bh_task t;

	MUST(bh_spawn(&t, add_up, numbers, sizeof(numbers), NULL));
	MUST(bh_join(t, &res, BH_FOREVER));
	say("a value: %d", (int)res.value);

	MUST(bh_spawn(&t, answer_at_length, NULL, 0, NULL));
	MUST(bh_join(t, &res, BH_FOREVER));
	say("a reply: %s", (char *)res.data);
	bh_free(res.data);

	/* Whom it is counted against: if tasks of this type crash too often for one tenant,
	 * that tenant's are refused, and nobody else's. */
	tenant.crash_key = bh_crash_key("a tenant", strlen("a tenant"));
	MUST(bh_spawn(&t, crash, NULL, 0, &tenant));
	MUST(bh_join(t, &res, BH_FOREVER));
	say("a crash: signal %d", res.crash.signal);
	MUST(bh_crash_wait(&res.crash, bh_after(BH_S(10))));
	say("and its worker is back");

	again.on_crash = BH_CRASH_RESTART;
	again.restarts = 3;
	MUST(bh_spawn(&t, crash_once, &starts, sizeof(starts), &again));
	MUST(bh_join(t, &res, BH_FOREVER));
	say("it took %d starts", (int)res.value);
}

static void wake_up(void)
{
	_Atomic bh_task *told = bh_calloc(1, sizeof(*told));
	struct bh_result res;
	bh_task t;

	MUST(bh_spawn(&t, wait_for_a_wake_up, &told, sizeof(told), NULL));
	while (!*told)
		MUST(bh_yield()); /* lets others run */
	*told = 0;
	MUST(bh_wake(t));
	MUST(bh_join(t, &res, BH_FOREVER));
	say("woken: %d", (int)res.value);
}

static void abort_one(void)
{
	_Atomic bh_task *told = bh_calloc(1, sizeof(*told));
	struct bh_result res;
	bh_task t;

	MUST(bh_spawn(&t, wait_for_a_wake_up, &told, sizeof(told), NULL));
	MUST(bh_abort(t));
	MUST(bh_join(t, &res, BH_FOREVER));
	say("aborted: %s", res.end == BH_END_CANCELED ? "canceled" : "?");

	MUST(bh_spawn(&t, answer_at_length, NULL, 0, NULL));
	MUST(bh_detach(t)); /* it goes on, and nobody will join it */
	say("detached: %s", bh_join(t, &res, BH_FOREVER) ? "no handle any more" : "?");
}

void tour_tasks(void)
{
	uint32_t last = bh_workers() - 1;
	struct bh_result res;
	bh_task t;

	ends();
	wake_up();
	abort_one();
	MUST(bh_spawn_on(last, &t, where, NULL, 0, NULL));
	MUST(bh_join(t, &res, BH_FOREVER));
	say("on the worker it was spawned on: %s", res.value == last ? "yes" : "no");
}
