/* SPDX-License-Identifier: MIT */
/* main_task.c: a service's first task: its main(), and what comes of it. */
#include <stdbool.h>
#include <time.h>

#include <bulkhead/cancel.h>
#include <bulkhead/time.h>

#include "workers/run.h"

static int64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* Main crashed, and the kernel wants a pause before it runs again. True: the service is
 * asked to stop meanwhile. */
static bool held_back(void)
{
	int64_t left = bh_ld_acq(&bh_rt.v.a->main_after_ns) - monotonic_ns();

	return left > 0 && !bh_token_wait(bh_stop_token(), bh_after(left));
}

/* The value outlives the task, whose slot is used again. Killed before the task has ended,
 * main has crashed and starts again: the kernel believes these words once it has ended. */
int64_t bh_main_fiber(void *unused)
{
	int64_t value;

	bh_st_rel(&bh_rt.v.a->main_returned_ns, 0);
	if (held_back())
		return 0;
	value = bh_rt.service.main(unused);
	bh_st_rlx(&bh_rt.v.a->main_value, value);
	bh_st_rel(&bh_rt.v.a->main_returned_ns, monotonic_ns());
	return value;
}
