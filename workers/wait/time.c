/* SPDX-License-Identifier: MIT */
/* time.c: sleeping, time limits, intervals: all of them made of deadlines. */
#include <errno.h>

#include "workers/base/rt.h"
#include "workers/wait/coop.h"
#include "workers/wait/fiber.h"
#include "workers/wait/suspend.h"

int bh_sleep_until(int64_t deadline)
{
	int err = bh_coop();

	if (err)
		return err;
	do {
		err = bh_rt_suspend(BH_WAIT_SLEEP, 0, deadline);
	} while (err == 0);
	/* Either its own deadline or the limit of a bh_run_until() ended it. */
	return err == -BH_ETIMEDOUT && deadline <= bh_now() ? 0 : err;
}

int bh_sleep(int64_t ns)
{
	return bh_sleep_until(bh_after(ns));
}

int bh_run_until(int64_t (*fn)(void *arg), void *arg, int64_t *value, int64_t deadline)
{
	struct bh_fiber *f = bh_fiber_self();
	int64_t outer, got;

	if (!f)
		return bh_rt_no_task(-EDEADLK);
	outer = f->limit;
	if (deadline < outer)
		f->limit = deadline;
	got = fn(arg);
	f->limit = outer;
	if (value)
		*value = got;
	return deadline <= bh_now() ? -BH_ETIMEDOUT : 0;
}

/* -- intervals ------------------------------------------------------------------ */

int bh_interval_init(struct bh_interval *iv, int64_t start, int64_t period, enum bh_missed missed)
{
	if (period < 1 || missed > BH_MISSED_SKIP)
		return -EINVAL;
	*iv = (struct bh_interval){ .next = start, .period = period, .missed = missed };
	return 0;
}

/* @base plus a period, for ever far away if it must. */
static int64_t one_on(int64_t base, int64_t period)
{
	int64_t at;

	return __builtin_add_overflow(base, period, &at) ? BH_FOREVER : at;
}

/* Uses up the tick that is due at @now. */
static void advance(struct bh_interval *iv, int64_t now, int64_t *tick)
{
	if (tick)
		*tick = iv->next;
	switch (iv->missed) {
	case BH_MISSED_BURST:
		iv->next = one_on(iv->next, iv->period);
		break;
	case BH_MISSED_DELAY:
		/* Lateness of less than a tick's resolution is no missed tick: the
		 * schedule would drift by it each time. */
		iv->next = one_on(now - iv->next < BH_MS(5) ? iv->next : now, iv->period);
		break;
	case BH_MISSED_SKIP:
		iv->next = one_on(iv->next, iv->period);
		if (iv->next <= now)
			iv->next = one_on(now - (now - iv->next) % iv->period, iv->period);
		break;
	}
}

int bh_interval_tick(struct bh_interval *iv, int64_t *tick)
{
	int err = bh_sleep_until(iv->next);

	if (!err)
		advance(iv, bh_now(), tick);
	return err;
}

int bh_poll_interval_tick(struct bh_cx *cx, struct bh_interval *iv, int64_t *tick)
{
	int64_t now = bh_now();
	int err = bh_coop_poll(cx);

	if (err)
		return err;
	if (iv->next > now) {
		bh_poll_at(cx, iv->next);
		return -EAGAIN;
	}
	advance(iv, now, tick);
	return 0;
}

void bh_interval_reset(struct bh_interval *iv)
{
	iv->next = bh_after(iv->period);
}
