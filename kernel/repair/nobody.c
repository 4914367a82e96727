/* SPDX-License-Identifier: MIT */
/*
 * nobody.c: slots in which nobody is and nobody will be, whatever the board says of
 * them. No event tells of one: the audit looks for them (audit.c), and so does a new
 * kernel.
 *
 *   up, without a process      the slot's word in the arena says who has it. A process
 *                              that lives is taken up; one that is dead and reaped is
 *                              recovered as after any other death
 *   its process is dead        the event was lost: recovered as after any other death
 *   starting, not answered     the zygote has read all that it was sent, and sent all
 *                              that it had to say: it is asked again, for another epoch.
 *                              Once: if nothing comes of that either, worker.c ends it
 *   none, and the word says    the word is DEAD if that process is; then the scan ends
 *   that somebody is up        what it was running
 *
 * One that starts and of which nobody was asked yet is none of these: worker.c asks in
 * each of its turns. Nothing is done about a process that may live: what this cannot
 * put right without that, the audit finds again, and resets the service.
 */
#include "kernel/repair/nobody.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kernel/base/clock.h"
#include "kernel/base/procfs.h"
#include "kernel/base/watch.h"
#include "kernel/process/table.h"
#include "kernel/service/worker.h"

enum {
	ANSWER_MS = 1000, /* a fork of a large zygote on a busy machine takes its time, and a
			     process for nothing is all that it costs to ask too early */
};

/* Nothing is on its way, either way, and the zygote sleeps: it waits to be asked. One that
 * is stopped or at work may answer yet. */
static bool zygote_idle(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_zygote_proc(s, BH_PROC_ZYGOTE);
	const struct bh_proc *z = bh_proc_at(k, idx);
	int unread = 0, answers = 0;

	return bh_ld_acq(&z->state) == BH_PROC_UP && !k->proc[idx].gone &&
	       !ioctl(z->ctl, SIOCOUTQ, &unread) && !ioctl(z->ctl, FIONREAD, &answers) && !unread &&
	       !answers && bh_procfs_state(z->pid) == 'S';
}

static bool unanswered(struct bh_ksvc *s, uint32_t idx)
{
	struct bh_kernel *k = s->kernel;
	const struct bh_kproc *kp = &k->proc[idx];

	return kp->asked && !kp->again && k->now_ns - kp->asked_ns > ANSWER_MS * BH_NS_PER_MS &&
	       zygote_idle(s);
}

enum bh_nobody bh_nobody_look(struct bh_ksvc *s, uint32_t slot)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_worker_proc(s, slot);
	const struct bh_proc *p = bh_proc_at(k, idx);
	uint32_t state = bh_ld_acq(&p->state);

	if (state == BH_PROC_FREE || state == BH_PROC_BACKOFF)
		return (bh_ld_acq(&s->v.workers[slot].word) & 0xffff) == BH_WORKER_UP ?
			       BH_NOBODY_KNOWN :
			       BH_NOBODY_NOT;
	if (p->pid > 0)
		return state != BH_PROC_DEAD && !k->proc[idx].gone && bh_proc_dead(k, idx) ?
			       BH_NOBODY_LIVES :
			       BH_NOBODY_NOT;
	if (state == BH_PROC_UP)
		return BH_NOBODY_UP;
	return state == BH_PROC_STARTING && unanswered(s, idx) ? BH_NOBODY_CAME : BH_NOBODY_NOT;
}

/* Of a slot that is up. Nobody has taken it in its epoch if its word names nobody. */
static void find_process(struct bh_ksvc *s, uint32_t slot)
{
	struct bh_proc *p = bh_proc_at(s->kernel, bh_worker_proc(s, slot));
	uint64_t word = bh_ld_acq(&s->v.workers[slot].word);
	int32_t pid = (int32_t)(word >> 32);
	int pidfd = p->pidfd;

	p->pidfd = -1;
	bh_drop_fd(s->kernel, pidfd);
	if (((word >> 16) & 0xffff) == p->epoch && pid > 0) {
		bh_worker_adopt(s, slot, pid);
	} else if ((word & 0xffff) != BH_WORKER_UP) {
		bh_st_rel(&p->state, BH_PROC_STARTING);
		if (bh_worker_bump(s, slot))
			bh_worker_ask(s, slot);
	}
}

/* Of a slot that has no process. The CAS fails if its word has changed since. */
static void disown(struct bh_ksvc *s, uint32_t slot)
{
	_Atomic uint64_t *word = &s->v.workers[slot].word;
	uint64_t w = bh_ld_acq(word);
	int pidfd = bh_proc_stray(s->kernel, (int32_t)(w >> 32));

	if (pidfd >= 0)
		close(pidfd);
	else if (pidfd == -ESRCH)
		bh_cas(word, &w, (w & ~0xffffull) | BH_WORKER_DEAD);
}

void bh_nobody_mend(struct bh_ksvc *s, uint32_t slot)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_worker_proc(s, slot);

	switch (bh_nobody_look(s, slot)) {
	case BH_NOBODY_UP:
		find_process(s, slot);
		break;
	case BH_NOBODY_LIVES:
		k->proc[idx].gone = true;
		bh_wake_by(k, k->now_ns);
		break;
	case BH_NOBODY_CAME:
		if (bh_worker_bump(s, slot))
			bh_worker_ask(s, slot);
		k->proc[idx].again = true;
		break;
	case BH_NOBODY_KNOWN:
		disown(s, slot);
		break;
	case BH_NOBODY_NOT:
		break;
	}
}
