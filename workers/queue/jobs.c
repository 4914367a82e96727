/* SPDX-License-Identifier: MIT */
/* jobs.c: queueing jobs for the processes that run them (ipc/protocol/blocking.h). */
#include "workers/queue/jobs.h"

#include "ipc/protocol/blocking.h"
#include "ipc/protocol/enqueue.h"
#include "workers/base/doorbell.h"
#include "workers/base/rt.h"

/* Asks the kernel for another process, unless somebody has. */
static void want(void)
{
	struct bh_blocking *b = &bh_rt.v.a->blocking;

	if (!bh_xchg(&b->wanted, 1))
		bh_doorbell();
}

void bh_job_queue(uint32_t idx)
{
	if (!bh_blocking_push(&bh_rt.v, idx))
		want();
}

void bh_job_aborted(struct bh_tcb *t, uint32_t idx)
{
	/* Taken since: whoever did looks at the flag. */
	if (bh_state_of(bh_ld_acq(&t->state)) == BH_SCHEDULED) {
		bh_enqueue_shared(&bh_rt.v, idx);
		return;
	}
	bh_st_rel(&bh_rt.v.a->blocking.aborted, 1);
	bh_doorbell();
}
