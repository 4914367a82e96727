/* SPDX-License-Identifier: MIT */
/* fail.c: see fail.h. */
#include "kernel/failure/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "ipc/base/out.h"
#include "kernel/base/log.h"
#include "kernel/base/watch.h"

void bh_fail(struct bh_kernel *k, const char *fmt, ...)
{
	char why[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (bh_ld_acq(&k->board->system_state) == BH_SYSTEM_STARTING)
		bh_outf(STDERR_FILENO, "bulkhead: %s\n", why);
	else
		bh_log("fatal: %s", why);
	k->exit_code = 111;
	bh_st_rel(&k->board->system_state, BH_SYSTEM_FAILED);
	if (k->stop < BH_STOP_KILL)
		k->stop = BH_STOP_KILL;
	bh_wake_by(k, k->now_ns);
}
