/* SPDX-License-Identifier: MIT */
/* restarts.c: who is started again, and when. */
#include "kernel/system/restarts.h"

#include "kernel/base/watch.h"
#include "kernel/process/table.h"

void bh_phase_restarts(struct bh_kernel *k)
{
	if (k->stop != BH_STOP_NOT && k->stop != BH_STOP_GRACE)
		return;
	bh_for_each_child(c, k, BH_PROCS_ADMIND) {
		if (k->done || bh_child_state(c) != BH_PROC_BACKOFF)
			continue;
		if (c->p->start_at_ns <= k->now_ns)
			bh_kind_of(c)->start(c);
		else
			bh_wake_by(k, c->p->start_at_ns);
	}
}
