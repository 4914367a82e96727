/* SPDX-License-Identifier: MIT */
/*
 * wake_none.c: wake_load.h for builds without BPF. There is no handle, so of the
 * functions that take one only those are here that traced.c is linked with.
 */
#include "wake_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int bh_wake_start(struct bh_wake **wake, char why[BH_WAKE_REASON_BYTES])
{
	*wake = NULL;
	snprintf(why, BH_WAKE_REASON_BYTES,
		 "built without BPF; a build with -DBH_WITH_BPF=ON would measure wake-ups");
	return -EOPNOTSUPP;
}

void bh_wake_stop(struct bh_wake *wake)
{
	(void)wake;
}

int bh_wake_track(struct bh_wake *wake, int32_t pid, uint32_t entry)
{
	(void)wake, (void)pid, (void)entry;
	return -EOPNOTSUPP;
}

void bh_wake_untrack(struct bh_wake *wake, int32_t pid)
{
	(void)wake, (void)pid;
}

const struct bh_wake_counts *bh_wake_counts(const struct bh_wake *wake, uint32_t entry)
{
	(void)wake, (void)entry;
	abort();
}

int bh_wake_shed(struct bh_wake *wake)
{
	(void)wake;
	return 0;
}
