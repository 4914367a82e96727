/* SPDX-License-Identifier: MIT */
/* clock.c: the service's clock (ipc/base/clock.h), and stopping it for tests. */
#include "workers/base/clock.h"

#include <errno.h>
#include <time.h>

#include "ipc/base/clock.h"
#include "ipc/base/monotonic.h"
#include "workers/base/doorbell.h"
#include "workers/base/rt.h"

int64_t bh_now(void)
{
	/* Also called where there is no arena: in init(), in programs' main(). */
	int64_t word = bh_rt.v.a ? bh_ld_acq(&bh_rt.v.a->clock) : 0;

	return bh_rt.seen_ns = bh_clock_read(word, bh_monotonic_ns());
}

int64_t bh_after(int64_t ns)
{
	int64_t at;

	return __builtin_add_overflow(bh_now(), ns, &at) ? BH_FOREVER : at;
}

/* The kernel looks at the clock when it looks at the timers. */
static int changed(void)
{
	bh_doorbell();
	return 0;
}

/* Commit: the CAS on the clock word. Killed before the bell: the kernel finds out
 * at its next look, and meanwhile nothing is early. */
int bh_clock_pause(int automatic)
{
	int64_t word, flags = BH_CLOCK_PAUSED | (automatic ? BH_CLOCK_AUTO : 0);

	if (!bh_rt.me)
		return bh_rt_no_task(-EPERM);
	word = bh_ld_acq(&bh_rt.v.a->clock);
	while (!bh_cas(&bh_rt.v.a->clock, &word,
		       bh_clock_word(bh_clock_read(word, bh_monotonic_ns()), flags)))
		;
	return changed();
}

/* Commit: the CAS on the clock word; as bh_clock_pause(). */
int bh_clock_advance(int64_t ns)
{
	int64_t word, at;

	if (!bh_rt.me)
		return bh_rt_no_task(-EPERM);
	word = bh_ld_acq(&bh_rt.v.a->clock);
	do {
		at = bh_clock_read(word, 0);
		if (!(word & BH_CLOCK_PAUSED) || ns < 0 || ns > BH_CLOCK_MAX - at)
			return -EINVAL;
	} while (!bh_cas(&bh_rt.v.a->clock, &word,
			 bh_clock_word(at + ns, word & (BH_CLOCK_PAUSED | BH_CLOCK_AUTO))));
	return changed();
}

/* Commit: the CAS on the clock word; as bh_clock_pause(). */
int bh_clock_resume(void)
{
	int64_t word;

	if (!bh_rt.me)
		return bh_rt_no_task(-EPERM);
	word = bh_ld_acq(&bh_rt.v.a->clock);
	do {
		if (!(word & BH_CLOCK_PAUSED))
			return -EINVAL;
	} while (!bh_cas(&bh_rt.v.a->clock, &word,
			 bh_clock_word(bh_clock_read(word, 0) - bh_monotonic_ns(), 0)));
	return changed();
}

uint32_t bh_rt_age_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint32_t)(ts.tv_sec * 1000 + ts.tv_nsec / 1000000 - bh_rt.v.a->made_ns / 1000000);
}
