/* SPDX-License-Identifier: MIT */
/*
 * heir.c: the process that takes over a dead worker's slot is asked for as soon as the
 * death is certain. It is made while the guardian says how the worker died and the
 * slot is recovered, and waits until its epoch starts (ipc/arena/incarnation.h), which is
 * the last that recovery does.
 *
 * Only this kernel knows of it. A successor recovers the slot again, and gives it an
 * epoch beyond: the last that anybody was asked for stands on the board. So there are
 * never two processes for one epoch, and the heir of a dead kernel goes when it sees
 * another epoch start.
 */
#include "kernel/service/heir.h"

#include "ipc/arena/incarnation.h"
#include "kernel/process/table.h"
#include "kernel/process/wire.h"

void bh_heir_ask(struct bh_ksvc *s, uint32_t slot)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_worker_proc(s, slot);
	struct bh_proc *z = bh_proc_at(k, bh_zygote_proc(s, BH_PROC_ZYGOTE));
	struct bh_ctl m = { .op = BH_CTL_FORK_WORKER,
			    .slot = slot,
			    .epoch = bh_epoch_next(bh_proc_at(k, idx)->epoch) };

	if (slot >= s->board->workers_wanted || k->stop != BH_STOP_NOT ||
	    bh_ld_acq(&z->state) != BH_PROC_UP)
		return;
	s->board->worker_epoch[slot] = m.epoch;
	bh_compiler_barrier();
	if (!bh_ctl_send(z->ctl, &m, -1))
		k->proc[idx].heir = (struct bh_kheir){ .epoch = m.epoch, .asked_ns = k->now_ns };
}

bool bh_heir_forked(struct bh_kernel *k, uint32_t idx, const struct bh_ctl *m, int pidfd, bool real)
{
	struct bh_kheir *h = &k->proc[idx].heir;

	if (!h->epoch || m->epoch != h->epoch || h->pid)
		return false;
	if (real) {
		h->pid = m->value;
		h->pidfd = pidfd;
		return true;
	}
	/* There was no room for it beside the dead one, or it has come and gone. */
	h->epoch = 0;
	return false;
}

void bh_heirs_lost(struct bh_ksvc *s)
{
	for (uint32_t i = 0; i < s->workers; i++) {
		struct bh_kheir *h = &s->kernel->proc[bh_worker_proc(s, i)].heir;

		if (!h->pid)
			h->epoch = 0;
	}
}
