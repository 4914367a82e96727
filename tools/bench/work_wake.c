/* SPDX-License-Identifier: MIT */
/*
 * work_wake.c: wake_cross_worker: a task that does not yield wakes another one,
 * which the other worker, idle for gap_us, must take. A spawn after it pushes
 * the woken one out of the slot that only its waker's worker looks into.
 */
#include <errno.h>

#include "tools/bench/bench.h"

static void taken(void)
{
	atomic_store_explicit(&page->woken_ns, (uint64_t)bh_now(), memory_order_relaxed);
	atomic_fetch_add_explicit(&page->seq, 1, memory_order_release);
}

static enum bh_poll target_poll(struct bh_cx *cx, void *state)
{
	bool *started = state;

	(void)cx;
	if (*started)
		taken();
	*started = true;
	return BH_PENDING;
}

static int64_t target_fiber(void *arg)
{
	(void)arg;
	while (!bh_suspend(BH_FOREVER))
		taken();
	return 0;
}

static enum bh_poll nothing_poll(struct bh_cx *cx, void *state)
{
	(void)cx;
	(void)state;
	return BH_READY;
}

static int64_t nothing_fiber(void *arg)
{
	(void)arg;
	return 0;
}

static void spin(int64_t ns)
{
	for (int64_t end = bh_now() + ns; bh_now() < end;)
		atomic_signal_fence(memory_order_seq_cst);
}

/* True if another worker took it. */
static bool taken_elsewhere(uint64_t want, int64_t t)
{
	bool mine = false;

	while (atomic_load_explicit(&page->seq, memory_order_acquire) < want) {
		if (bh_now() - t > BH_MS(5)) {
			mine = true;
			bh_yield();
		}
	}
	return !mine;
}

int run_wake_cross_worker(void)
{
	page->gap_us = bench_key("gap_us", 100);
	int64_t gap = BH_US((int64_t)page->gap_us);
	bool started = false;
	bh_task target;
	int err = bench_fibers() ?
			  bh_spawn(&target, target_fiber, NULL, 0, NULL) :
			  bh_spawn_poll(&target, target_poll, &started, sizeof(started), NULL);

	page->ops = 1;
	if (err)
		return err;
	if ((err = bh_sleep(BH_MS(10))))
		return err;
	bench_ask(ASK_BEGIN);
	for (uint64_t i = 0, n = bench_n(); i < n && !err; i++) {
		spin(gap);
		uint64_t want = atomic_load_explicit(&page->seq, memory_order_acquire) + 1;
		int64_t t = bh_now();

		err = bh_wake(target);
		if (!err)
			err = bench_spawn(nothing_poll, nothing_fiber, NULL, 0);
		if (err)
			break;
		if (!taken_elsewhere(want, t))
			page->not_stolen++;
		else if (i > 20 || n <= 20)
			page->sample[page->samples++] = (double)((int64_t)page->woken_ns - t);
	}
	bench_ask(ASK_END);
	return err;
}
