/* SPDX-License-Identifier: MIT */
/* times.c: time.h: sleeping, limits, intervals, and a clock that tests can stop. */
#include "tour.h"

static int64_t sleep_an_hour(void *unused)
{
	(void)unused;
	return bh_sleep(BH_S(3600));
}

struct ticker {
	struct bh_interval every;
	int ticks;
};

static enum bh_poll ticker(struct bh_cx *cx, void *state)
{
	struct ticker *t = state;

	while (bh_poll_interval_tick(cx, &t->every, NULL) == 0)
		if (++t->ticks == 3)
			return BH_READY;
	return BH_PENDING;
}

static void intervals(void)
{
	struct bh_interval iv;
	struct ticker t = { 0 };
	int64_t tick, before;
	bh_task task;

	MUST(bh_interval_init(&iv, bh_now(), BH_MS(2), BH_MISSED_SKIP));
	MUST(bh_interval_tick(&iv, &before)); /* at once */
	MUST(bh_interval_tick(&iv, &tick));
	say("a tick every 2 ms: %s", (tick - before) % BH_MS(2) == 0 ? "on time" : "off");
	bh_interval_reset(&iv); /* the next one is a whole period from now */

	MUST(bh_interval_init(&t.every, bh_now(), BH_MS(1), BH_MISSED_BURST));
	MUST(bh_spawn_poll(&task, ticker, &t, sizeof(t), NULL));
	MUST(bh_join(task, NULL, BH_FOREVER));
	say("three ticks in a poll task");
}

static void stopped_clock(void)
{
	struct bh_result res;
	int64_t now;
	bh_task t;

	MUST(bh_clock_pause(1)); /* jumps to the next deadline when nobody works */
	now = bh_now();
	MUST(bh_spawn(&t, sleep_an_hour, NULL, 0, NULL));
	MUST(bh_join(t, &res, BH_FOREVER));
	say("an hour went by: %s", bh_now() - now >= BH_S(3600) ? "yes" : "no");

	MUST(bh_clock_pause(0)); /* moves by hand alone */
	now = bh_now();
	MUST(bh_clock_advance(BH_S(60)));
	say("a minute by hand: %s", bh_now() - now == BH_S(60) ? "yes" : "no");
	MUST(bh_clock_resume());
}

void tour_time(void)
{
	int64_t end = bh_after(BH_MS(3)), value;

	MUST(bh_sleep(BH_MS(1)));
	MUST(bh_sleep_until(end));
	say("never early: %s", bh_now() >= end ? "yes" : "no");
	if (bh_run_until(sleep_an_hour, NULL, &value, bh_after(BH_MS(5))) == -BH_ETIMEDOUT)
		say("an hour's sleep, limited: %s", bh_strerror((int)value));
	intervals();
	stopped_clock();
}
