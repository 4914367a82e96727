/* SPDX-License-Identifier: MIT */
/* slot.c: how a process becomes the one in its slot, as worker or for jobs, and ceases
 * to be. */
#include "workers/executor/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "ipc/arena/incarnation.h"
#include "ipc/base/monotonic.h"
#include "workers/base/doorbell.h"
#include "workers/base/rt.h"
#include "workers/base/sched.h"
#include "workers/base/spin.h"
#include "workers/crash/crash.h"
#include "workers/crash/lines.h"
#include "workers/executor/worker_init.h"
#include "workers/libc/next.h"
#include "workers/libc/reclocks.h"
#include "workers/owned/files.h"
#include "workers/queue/meter.h"
#include "workers/queue/trace.h"
#include "workers/strict/strict.h"

/* A program that opens nothing itself may be linked with libraries that do: the runtime's
 * open() and close() come with it. */
__attribute__((used)) static void *const linked[] = { (void *)open, (void *)close };

int bh_slot_take(uint32_t slot, uint32_t epoch)
{
	struct bh_slot *me = &bh_rt.v.workers[slot];

	if (!bh_incarnation_take(&me->word, epoch))
		return -ESTALE;
	bh_rt.slot = slot;
	bh_rt.epoch = epoch & BH_EPOCH_MASK;
	bh_rt.me = me;
	bh_rt.pid = getpid();
	bh_sched_init(&bh_rt.sched, bh_rt.plan_service, bh_rt.v.l.workers, slot, epoch);
	bh_rt.budget = bh_rt.sched.budget;
	bh_spin_init(&bh_rt.spin, bh_rt.plan_service);
	bh_next_find();
	bh_reclocks_forget(); /* the zygote's */
	bh_files_enter();
	bh_lines_enter();
	bh_crash_handlers();
	bh_meter_start();
	bh_meter_refresh(); /* its first poll may be its last, and is to be recorded */
	bh_strict_enter();
	bh_worker_init();
	bh_strict_begin();
	bh_st_rel(&me->ready_ns, bh_monotonic_ns());
	bh_doorbell();
	return 0;
}

/* Commit: bh_incarnation_leave(). */
bool bh_slot_leave(void)
{
	bh_st_rlx(&bh_rt.me->current, 0);
	return bh_incarnation_leave(&bh_rt.me->word, bh_rt.epoch, getpid());
}

_Noreturn void bh_slot_exit(void)
{
	fflush(NULL);
	bh_lines_end();
	_exit(0);
}
