/* SPDX-License-Identifier: MIT */
/* slot.c: see slot.h. */
#include "kernel/service/slot.h"

#include <errno.h>

#include "ipc/arena/incarnation.h"
#include "ipc/system/control.h"
#include "kernel/base/watch.h"
#include "kernel/process/table.h"
#include "kernel/process/wire.h"

int bh_slot_ask(struct bh_child *c, uint32_t epoch)
{
	const struct bh_child *z = bh_zygote_child(c->s, BH_PROC_ZYGOTE);
	struct bh_ctl m = { .op = BH_CTL_FORK_WORKER, .fork_worker = { c->slot, epoch } };

	return bh_child_state(z) == BH_PROC_UP ? bh_ctl_send(z->p->ctl, &m, -1) : -ENOTCONN;
}

int bh_slot_adopt(struct bh_child *c, int32_t pid)
{
	int pidfd = bh_pid_stray(c->k, pid);

	if (pidfd == -ESRCH) {
		/* Dead and reaped: if the guardian's ring has it still, that says how. */
		c->p->pid = pid;
		c->s->board->worker_pid[c->slot] = pid;
		bh_wake_by(c->k, c->k->now_ns);
		return 0;
	}
	if (pidfd < 0)
		return pidfd;
	bh_child_pid(c, pid, pidfd);
	c->s->board->worker_pid[c->slot] = pid;
	return 0;
}

int bh_slot_bump(struct bh_child *c)
{
	_Atomic uint64_t *word = &c->s->v.workers[c->slot].word;
	uint32_t next = bh_epoch_next(c->p->epoch);
	int32_t pid;

	if (!bh_incarnation_next(word, c->p->epoch, next, &pid))
		return bh_slot_adopt(c, pid);
	c->s->board->worker_epoch[c->slot] = c->p->epoch = next;
	return 1;
}

bool bh_slot_retired(const struct bh_child *c)
{
	return bh_incarnation_left(bh_ld_acq(&c->s->v.workers[c->slot].word), c->p->epoch,
				   c->p->pid);
}
