/* SPDX-License-Identifier: MIT */
/* time.c: the service's clock. */
#include "tests/sweep/sweep.h"

#include <stdlib.h>

#include <bulkhead/time.h>

#include "ipc/base/clock.h"

static void run_clock(struct world *w)
{
	(void)w;
	if (bh_clock_pause(1) || bh_clock_advance(BH_S(1)) || bh_clock_resume())
		_Exit(3);
}

/* Whatever step it was killed after, the word is one of the four that were meant. */
static const char *check_clock(struct world *w)
{
	int64_t word = bh_ld_acq(&w->v.a->clock);

	if (word && (word & 3) != 0 && (word & 3) != (BH_CLOCK_PAUSED | BH_CLOCK_AUTO))
		return "the clock word is none that was stored";
	return NULL;
}
SWEEP(clock, .run = run_clock, .check = check_clock, .no_intruders = true,
      .covers = "bh_clock_pause bh_clock_advance bh_clock_resume");
