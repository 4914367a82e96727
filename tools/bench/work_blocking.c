/* SPDX-License-Identifier: MIT */
/* work_blocking.c: spawn_blocking: a job that does nothing, from its spawn to the
 * end of its join, one at a time. */
#include <errno.h>

#include "tools/bench/bench.h"

enum {
	WARM_UP = 1000
};

static int64_t nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void sampled(uint64_t i, int64_t since)
{
	if (i >= WARM_UP)
		page->sample[page->samples++] = (double)(bh_now() - since);
}

static int64_t driver_fiber(void *arg)
{
	(void)arg;
	for (uint64_t i = 0, n = bench_n(); i < n + WARM_UP; i++) {
		int64_t t = bh_now();
		bh_task job;
		int err = bh_spawn_blocking(&job, nothing, NULL, 0, NULL);

		if (!err)
			err = bh_join(job, NULL, BH_FOREVER);
		if (err)
			return err;
		sampled(i, t);
	}
	return 0;
}

struct driver {
	uint64_t i, n;
	int64_t since;
	bh_task job;
};

static enum bh_poll driver_poll(struct bh_cx *cx, void *state)
{
	struct driver *d = state;
	int err = 0;

	for (; d->i < d->n + WARM_UP; d->i++, d->job = 0) {
		if (!d->job) {
			d->since = bh_now();
			err = bh_spawn_blocking(&d->job, nothing, NULL, 0, NULL);
		}
		if (!err)
			err = bh_poll_join(cx, d->job, NULL);
		if (err == -EAGAIN)
			return BH_PENDING;
		if (err)
			break;
		sampled(d->i, d->since);
	}
	bh_poll_result(cx, err);
	return BH_READY;
}

int run_spawn_blocking(void)
{
	struct driver d = { .n = bench_n() };
	struct bh_result res;
	bh_task driver;
	int err = bench_fibers() ? bh_spawn(&driver, driver_fiber, NULL, 0, NULL) :
				   bh_spawn_poll(&driver, driver_poll, &d, sizeof(d), NULL);

	page->ops = 1;
	bench_ask(ASK_BEGIN);
	if (!err)
		err = bh_join(driver, &res, BH_FOREVER);
	bench_ask(ASK_END);
	return err ? err : (int)res.value;
}
