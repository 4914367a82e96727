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
#include "kernel/worker/heir.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc/arena/incarnation.h"
#include "kernel/process/table.h"
#include "kernel/service/slot.h"

void bh_heir_ask(struct bh_child *c)
{
	struct bh_ksvc *s = c->s;
	uint32_t epoch = bh_epoch_next(c->p->epoch);

	if (c->slot >= s->board->workers_wanted || c->k->stop != BH_STOP_NOT ||
	    bh_child_state(bh_zygote_child(s, BH_PROC_ZYGOTE)) != BH_PROC_UP)
		return;
	s->board->worker_epoch[c->slot] = epoch;
	bh_compiler_barrier();
	if (!bh_slot_ask(c, epoch))
		s->heir[c->slot] = (struct bh_kheir){ .epoch = epoch, .asked_ns = c->k->now_ns };
}

bool bh_heir_forked(struct bh_child *c, const struct bh_ctl *m, int pidfd, bool real)
{
	struct bh_kheir *h = bh_child_is_worker(c) ? &c->s->heir[c->slot] : NULL;

	if (!h || !h->epoch || m->forked.epoch != h->epoch || h->pid)
		return false;
	if (real) {
		h->pid = m->forked.pid;
		h->pidfd = pidfd;
		return true;
	}
	/* There was no room for it beside the dead one, or it has come and gone. */
	h->epoch = 0;
	return false;
}

struct bh_kheir bh_heir_take(struct bh_child *c)
{
	struct bh_kheir heir = { 0 };

	if (bh_child_is_worker(c)) {
		heir = c->s->heir[c->slot];
		c->s->heir[c->slot] = (struct bh_kheir){ 0 };
	}
	return heir;
}

void bh_heir_drop(struct bh_child *c)
{
	struct bh_kheir heir = bh_heir_take(c);

	/* An heir that is not known yet is ended when it is (bh_worker_forked()). */
	if (!heir.pid)
		return;
	syscall(SYS_pidfd_send_signal, heir.pidfd, SIGKILL, NULL, 0);
	close(heir.pidfd);
}

void bh_heirs_lost(struct bh_ksvc *s)
{
	for (uint32_t i = 0; i < s->workers; i++)
		if (!s->heir[i].pid)
			s->heir[i].epoch = 0;
}
