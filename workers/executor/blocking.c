/* SPDX-License-Identifier: MIT */
/*
 * blocking.c: jobs that block: how they are spawned, and the process that runs
 * them. The protocol is in ipc/protocol/blocking.h.
 *
 * A blocking process has a slot of the worker table and what hangs from it, but is
 * no worker: nobody steals from it, so what it wakes or spawns goes to the shared
 * queues, and its own ring and LIFO slot stay empty.
 */
#include "workers/executor/blocking.h"

#include <errno.h>
#include <unistd.h>

#include "ipc/base/monotonic.h"
#include "ipc/protocol/blocking.h"
#include "workers/base/rt.h"
#include "workers/crash/fork.h"
#include "workers/executor/executor.h"
#include "workers/executor/slot.h"
#include "workers/os/fs_call.h"
#include "workers/queue/meter.h"
#include "workers/queue/queue.h"
#include "workers/queue/trace.h"

enum {
	KEEP_MS = 10000,
	SETTLE_MS = 100, /* until it looks again whether what was opened here has been taken */
};

/* If the slot's word was changed just now, it is the kernel's to say what became of it. */
static _Noreturn void leave(void)
{
	bh_slot_leave();
	bh_slot_exit();
}

bool bh_job_turn(void)
{
	struct bh_slot *me = bh_rt.me;
	uint32_t idx = bh_inject_pop(&bh_rt.v.blocking, &me->journal.popped);

	if (!idx)
		return false;
	bh_count(&me->heartbeat, 1);
	bh_meter_refresh();
	bh_task_run(idx);
	bh_fs_settle();
	bh_st_rlx(&me->current, 0);
	/* The kernel stores `doomed`, then looks at the job's state word; this has
	 * stored the job's end, and looks at `doomed`. */
	bh_fence();
	if (bh_ld_rlx(&me->doomed) == bh_rt.epoch)
		leave();
	return true;
}

/* Sleeps until it is woken. Ends the process at @until if nobody has picked it. */
static void park(struct bh_slot *me, int64_t until)
{
	bool mine = true; /* the bit may still be set */

	if (!bh_blocking_park_begin(&bh_rt.v, bh_rt.slot))
		return;
	bh_count(&me->count.parks, 1);
	bh_meter_end(&me->meter, bh_monotonic_ns());
	while (bh_ld_acq(&me->park) == BH_PARKED) {
		int64_t left = mine ? until - bh_monotonic_ns() : -1;

		if (bh_fs_settle())
			left = BH_MS(SETTLE_MS);
		if (mine && left <= 0) {
			if (bh_blocking_unmark(&bh_rt.v, bh_rt.slot))
				leave(); /* R */
			mine = false;
			continue;
		}
		bh_futex_wait(&me->park, BH_PARKED, left);
	}
	bh_meter_begin(&me->meter, bh_monotonic_ns());
	bh_count(&me->count.unparks, 1);
}

int bh_blocking_run(uint32_t slot, uint32_t epoch)
{
	uint32_t keep = bh_rt.plan_service ? bh_rt.plan_service->blocking_keep_ms : 0;
	int err = slot - BH_MAX_WORKERS < bh_rt.v.l.blocking ? bh_slot_take(slot, epoch) : -EINVAL;

	if (err)
		return err;
	bh_rt.slow_path |= BH_SLOW_SHARED;
	struct bh_slot *me = bh_rt.me;
	int64_t idle_since = bh_monotonic_ns();
	for (;;)
		if (bh_job_turn())
			idle_since = bh_monotonic_ns();
		else if (!bh_ld_rlx(&bh_rt.v.a->workers_wanted))
			leave(); /* the system ends */
		else
			park(me, idle_since + BH_MS(keep ? keep : KEEP_MS));
}

int64_t bh_block_in_place(bh_fiber_fn fn, void *arg)
{
	uint32_t before = bh_rt.slow_path & BH_SLOW_SHARED;

	if (!before)
		bh_hand_over();
	bh_rt.slow_path |= BH_SLOW_SHARED;
	int64_t value = fn(arg);

	bh_rt.slow_path &= before | ~(uint32_t)BH_SLOW_SHARED;
	return value;
}
