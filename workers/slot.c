/* SPDX-License-Identifier: MIT */
/* slot.c: how a process becomes the one in its slot, as worker or for jobs, and ceases
 * to be. */
#include <errno.h>
#include <unistd.h>

#include "workers/meter.h"
#include "workers/run.h"

/* The CAS is what makes this process the one in @slot. */
int bh_slot_take(uint32_t slot, uint32_t epoch)
{
	struct bh_worker *me = &bh_rt.v.workers[slot];
	uint64_t expected = bh_worker_word(BH_WORKER_STARTING, epoch, 0);

	if (!bh_cas(&me->word, &expected, bh_worker_word(BH_WORKER_UP, epoch, (uint32_t)getpid())))
		return -ESTALE;
	bh_rt.slot = slot;
	bh_rt.epoch = epoch & BH_EPOCH_MASK;
	bh_rt.me = me;
	bh_sched_init(&bh_rt.sched, bh_rt.plan_service, bh_rt.v.l.workers, slot, epoch);
	bh_rt.budget = bh_rt.sched.budget;
	bh_spin_init(&bh_rt.spin, bh_rt.plan_service);
	bh_crash_handlers();
	bh_meter_start();
	bh_st_rel(&me->ready_ns, bh_rt_clock());
	bh_doorbell();
	return 0;
}

/* Commit: the CAS on the slot's word. Killed before it, it is a process that died;
 * after it, one that went, however long it takes to learn its exit status. */
bool bh_slot_leave(void)
{
	uint64_t word = bh_ld_rlx(&bh_rt.me->word);

	bh_st_rlx(&bh_rt.me->current, 0);
	return bh_cas(&bh_rt.me->word, &word, (word & ~0xffffull) | BH_WORKER_VACANT);
}
