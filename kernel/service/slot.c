/* SPDX-License-Identifier: MIT */
/* slot.c: see slot.h. */
#include "kernel/service/slot.h"

#include <errno.h>

#include "ipc/arena/incarnation.h"
#include "kernel/base/watch.h"
#include "kernel/process/table.h"

int bh_slot_adopt(struct bh_ksvc *s, uint32_t slot, int32_t pid)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_worker_proc(s, slot);
	int pidfd = bh_proc_stray(k, pid);

	if (pidfd == -ESRCH) {
		/* Dead and reaped: if the guardian's ring has it still, that says how. */
		bh_proc_at(k, idx)->pid = pid;
		s->board->worker_pid[slot] = pid;
		bh_wake_by(k, k->now_ns);
		return 0;
	}
	if (pidfd < 0)
		return pidfd;
	bh_proc_pid(k, idx, pid, pidfd);
	s->board->worker_pid[slot] = pid;
	return 0;
}

int bh_slot_bump(struct bh_ksvc *s, uint32_t slot)
{
	struct bh_proc *p = bh_proc_at(s->kernel, bh_worker_proc(s, slot));
	_Atomic uint64_t *word = &s->v.workers[slot].word;
	uint64_t w = bh_ld_acq(word), up = bh_worker_word(BH_WORKER_UP, p->epoch, 0);
	uint32_t next = bh_epoch_next(p->epoch);

	do {
		if ((uint32_t)w == (uint32_t)up)
			return bh_slot_adopt(s, slot, (int32_t)(w >> 32));
	} while (!bh_cas(word, &w, bh_worker_word(BH_WORKER_STARTING, next, 0)));
	s->board->worker_epoch[slot] = p->epoch = next;
	return 1;
}

bool bh_slot_retired(const struct bh_ksvc *s, uint32_t slot)
{
	const struct bh_proc *p = bh_proc_at(s->kernel, bh_worker_proc(s, slot));

	return bh_ld_acq(&s->v.workers[slot].word) ==
	       bh_worker_word(BH_WORKER_VACANT, p->epoch, (uint32_t)p->pid);
}
