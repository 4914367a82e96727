/* SPDX-License-Identifier: MIT */
/* work_time.c: timers. A timer belongs to a task; there is one for each. */
#include <errno.h>

#include "tools/bench/bench.h"

enum {
	HANDFUL = 128 /* woken or spawned before the others get a turn */
};

static const uint64_t seed_start = 88172645463325252u;

static int64_t deadline_after(int64_t base, uint64_t *seed)
{
	return base + BH_S(10) + BH_US((int64_t)(bench_random(seed) % 60000000));
}

/* -- timer_churn: one task, one timer at a time ------------------------------- */

/* As the peers do it, deadlines are random, and few are earlier than all before:
 * the kernel need not hear of the others. Falling, it must hear of each one. */
struct churn {
	uint64_t n;
	bool falling;
};

static int64_t churn_deadline(const struct churn *c, int64_t base, uint64_t left, uint64_t *seed)
{
	return c->falling ? base + BH_S(5) + BH_US((int64_t)left) : deadline_after(base, seed);
}

static enum bh_poll churn_poll(struct bh_cx *cx, void *state)
{
	const struct churn *c = state;
	uint64_t seed = seed_start;
	int64_t base = bh_now();

	for (uint64_t left = c->n; left; left--) {
		bh_poll_at(cx, churn_deadline(c, base, left, &seed));
		bh_poll_at(cx, BH_FOREVER);
	}
	bench_one_done();
	return BH_READY;
}

/* A fiber has a timer while it waits: what it waits for has happened already. */
static int64_t churn_fiber(void *arg)
{
	const struct churn *c = arg;
	uint64_t seed = seed_start;
	int64_t base = bh_now();

	for (uint64_t left = c->n; left; left--) {
		bh_wake(bh_self());
		if (bh_suspend(churn_deadline(c, base, left, &seed)))
			break;
	}
	bench_one_done();
	return 0;
}

static int churn(void)
{
	struct churn c = { .n = bench_n() };

	return bench_spawn(churn_poll, churn_fiber, &c, sizeof(c));
}

/* The worst there is: each deadline is earlier than the last. */
static int churn_earlier(void)
{
	struct churn c = { .n = bench_n(), .falling = true };
	int64_t t = bh_now();

	atomic_store(&page->left, 1);
	int err = bench_spawn(churn_poll, churn_fiber, &c, sizeof(c));
	if (!err)
		err = bench_wait_left();
	page->earlier_ns = (double)(bh_now() - t) / (double)c.n;
	return err;
}

int run_timer_churn(void)
{
	int err = bench_measure(bench_n(), 1, churn);

	return err ? err : churn_earlier();
}

/* -- timer_insert_cancel: n tasks arm a timer each, then all disarm it -------- */

struct holder {
	uint64_t slot;
	int64_t deadline;
	uint32_t turn;
};

/* The handles by which holders are woken lie in the samples' room: each process reads
 * that option once. */
static _Atomic uint64_t *handles(void)
{
	static _Atomic uint64_t *at;

	if (!at)
		at = (_Atomic uint64_t *)(void *)(page->sample + bench_key("iters", 1));
	return at;
}

/* Counted by each worker for itself: Tokio's loop over its timers counts nothing that
 * two processors share. */
static void polled(void)
{
	_Atomic uint64_t *n = &page->polled[bh_worker() % 64].n;

	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1,
			      memory_order_release);
}

static uint64_t all_polled(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < bh_workers() && i < 64; i++)
		sum += atomic_load_explicit(&page->polled[i].n, memory_order_acquire);
	return sum;
}

/* Until all @n were polled since @before. */
static int wait_polled(uint64_t before, uint64_t n)
{
	int err = 0;

	while (!err && all_polled() - before < n)
		err = bh_yield();
	return err;
}

static enum bh_poll holder_poll(struct bh_cx *cx, void *state)
{
	struct holder *h = state;

	switch (h->turn++) {
	case 0:
		handles()[h->slot] = bh_self();
		break;
	case 1:
		bh_poll_at(cx, h->deadline);
		break;
	default:
		bh_poll_at(cx, BH_FOREVER);
		polled();
		return BH_READY;
	}
	polled();
	return BH_PENDING;
}

static int64_t holder_fiber(void *arg)
{
	struct holder *h = arg;

	handles()[h->slot] = bh_self();
	polled();
	if (bh_suspend(BH_FOREVER))
		return 0;
	polled(); /* counted before it is armed: the fiber cannot say it after */
	if (bh_suspend(h->deadline))
		return 0;
	polled();
	return 0;
}

static int wake_all(uint64_t n, double *ns)
{
	uint64_t before = all_polled();
	int64_t t = bh_now();

	for (uint64_t i = 0; i < n; i++) {
		bh_wake(handles()[i]);
		if (i % HANDFUL == HANDFUL - 1)
			bh_yield();
	}
	int err = wait_polled(before, n);

	*ns = (double)(bh_now() - t) / (double)n;
	return err;
}

static int insert_cancel(uint64_t n, double *insert, double *cancel)
{
	uint64_t seed = seed_start, before = all_polled();
	int64_t base = bh_now();
	int err = 0;

	for (uint64_t i = 0; i < n && !err; i++) {
		struct holder h = { .slot = i, .deadline = deadline_after(base, &seed) };

		err = bench_spawn(holder_poll, holder_fiber, &h, sizeof(h));
		if (i % HANDFUL == HANDFUL - 1)
			bh_yield();
	}
	if (!err)
		err = wait_polled(before, n);
	/* All of them wait now, the last ones after a moment. */
	if (!err)
		err = bh_sleep(BH_MS(20));
	if (!err)
		err = wake_all(n, insert);
	if (!err)
		err = bh_sleep(BH_MS(20));
	return err ? err : wake_all(n, cancel);
}

int run_timer_insert_cancel(void)
{
	uint64_t iters = bench_key("iters", 1), n = bench_n();
	double insert = 0, cancel = 0;

	page->ops = n;
	for (uint64_t i = 0; i <= iters; i++) {
		if (i == 1)
			bench_ask(ASK_BEGIN);
		int err = insert_cancel(n, &insert, &cancel);

		if (err)
			return err;
		if (i) {
			page->sample[page->samples++] = insert + cancel;
			page->insert_ns += insert / (double)iters;
			page->cancel_ns += cancel / (double)iters;
		}
	}
	bench_ask(ASK_END);
	return 0;
}

/* -- sleep_lateness: n tasks, each to its own deadline ------------------------ */

struct sleeper {
	uint64_t slot;
	int64_t deadline;
};

static void late(const struct sleeper *s)
{
	page->sample[s->slot] = (double)(bh_now() - s->deadline);
	bench_one_done();
}

static enum bh_poll sleeper_poll(struct bh_cx *cx, void *state)
{
	const struct sleeper *s = state;

	if (bh_now() >= s->deadline) {
		late(s);
		return BH_READY;
	}
	bh_poll_at(cx, s->deadline);
	return BH_PENDING;
}

static int64_t sleeper_fiber(void *arg)
{
	const struct sleeper *s = arg;

	if (!bh_sleep_until(s->deadline))
		late(s);
	return 0;
}

int run_sleep_lateness(void)
{
	uint64_t n = bench_n(), seed = seed_start;
	int64_t base;
	int err = 0;

	page->ops = 1;
	atomic_store(&page->left, n);
	bench_ask(ASK_BEGIN);
	base = bh_after(BH_MS(500));
	for (uint64_t i = 0; i < n && !err; i++) {
		struct sleeper s = { .slot = i };

		s.deadline = base + BH_US(1000 + (int64_t)(bench_random(&seed) % 999000));
		err = bench_spawn(sleeper_poll, sleeper_fiber, &s, sizeof(s));
		if (i % HANDFUL == HANDFUL - 1)
			bh_yield();
	}
	page->not_stolen = bh_now() > base; /* reported as setup_overran */
	if (!err)
		err = bench_wait_left();
	page->samples = n;
	bench_ask(ASK_END);
	return err;
}

/* -- mem_*: n idle tasks ------------------------------------------------------ */

static enum bh_poll pending_poll(struct bh_cx *cx, void *state)
{
	(void)cx;
	(void)state;
	atomic_fetch_add(&page->up, 1);
	return BH_PENDING;
}

static int64_t pending_fiber(void *arg)
{
	(void)arg;
	atomic_fetch_add(&page->up, 1);
	return bh_suspend(BH_FOREVER);
}

static enum bh_poll hour_poll(struct bh_cx *cx, void *state)
{
	(void)state;
	atomic_fetch_add(&page->up, 1);
	bh_poll_at(cx, bh_after(BH_S(3600)));
	return BH_PENDING;
}

static int64_t hour_fiber(void *arg)
{
	(void)arg;
	atomic_fetch_add(&page->up, 1);
	return bh_sleep(BH_S(3600));
}

static int memory(bh_poll_fn poll, bh_fiber_fn fiber)
{
	uint64_t n = bench_n();
	int err = 0;

	bench_ask(ASK_BEGIN);
	int64_t t = bh_now();

	for (uint64_t i = 0; i < n && !err; i++) {
		err = bench_spawn(poll, fiber, NULL, 0);
		if (i % HANDFUL == HANDFUL - 1)
			bh_yield();
	}
	while (!err && atomic_load(&page->up) < n)
		err = bh_sleep(BH_MS(5));
	page->sample[page->samples++] = (double)(bh_now() - t) / (double)n;
	page->ops = n;
	if (!err)
		err = bh_sleep(BH_MS(200));
	if (!err)
		bench_ask(ASK_END);
	return err;
}

int run_mem_pending(void)
{
	return memory(pending_poll, pending_fiber);
}

int run_mem_sleeping(void)
{
	return memory(hour_poll, hour_fiber);
}
