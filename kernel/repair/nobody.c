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
#include "kernel/worker/worker.h"

enum {
	ANSWER_MS = 1000, /* a fork of a large zygote on a busy machine takes its time, and a
			     process for nothing is all that it costs to ask too early */
};

/* Nothing is on its way, either way, and the zygote sleeps: it waits to be asked. One that
 * is stopped or at work may answer yet. */
static bool zygote_idle(const struct bh_ksvc *s)
{
	const struct bh_child *z = bh_zygote_child(s, BH_PROC_ZYGOTE);
	int ctl = z->p->ctl, unread = 0, answers = 0;

	return bh_child_state(z) == BH_PROC_UP && !z->life.gone && !ioctl(ctl, SIOCOUTQ, &unread) &&
	       !ioctl(ctl, FIONREAD, &answers) && !unread && !answers &&
	       bh_procfs_state(z->p->pid) == 'S';
}

static bool unanswered(const struct bh_child *c)
{
	const struct bh_klife *l = &c->life;

	return l->asked && !l->again && c->k->now_ns - l->asked_ns > ANSWER_MS * BH_NS_PER_MS &&
	       zygote_idle(c->s);
}

enum bh_nobody bh_nobody_look(const struct bh_child *c)
{
	uint32_t state = bh_child_state(c);
	uint64_t word = bh_ld_acq(&c->s->v.workers[c->slot].word);

	if (state == BH_PROC_FREE || state == BH_PROC_BACKOFF)
		return bh_slot_is_up(word) ? BH_NOBODY_KNOWN : BH_NOBODY_NOT;
	if (c->p->pid > 0)
		return state != BH_PROC_DEAD && !c->life.gone && bh_child_dead(c) ?
			       BH_NOBODY_LIVES :
			       BH_NOBODY_NOT;
	if (state == BH_PROC_UP)
		return BH_NOBODY_UP;
	return state == BH_PROC_STARTING && unanswered(c) ? BH_NOBODY_CAME : BH_NOBODY_NOT;
}

/* Of a slot that is up. No process has taken it in its epoch if its word names none. */
static void find_process(struct bh_child *c)
{
	struct bh_proc *p = c->p;
	uint64_t word = bh_ld_acq(&c->s->v.workers[c->slot].word);
	int32_t pid = (int32_t)(word >> 32);
	int pidfd = p->pidfd;

	p->pidfd = -1;
	bh_drop_fd(c->k, pidfd);
	if (bh_slot_epoch(word) == p->epoch && pid > 0) {
		bh_worker_adopt(c, pid);
	} else if (!bh_slot_is_up(word)) {
		bh_st_rel(&p->state, BH_PROC_STARTING);
		if (bh_worker_bump(c))
			bh_worker_ask(c);
	}
}

/* Of a slot that has no process. The CAS fails if its word has changed since. */
static void disown(struct bh_child *c)
{
	_Atomic uint64_t *word = &c->s->v.workers[c->slot].word;
	uint64_t w = bh_ld_acq(word);
	int pidfd = bh_pid_stray(c->k, bh_slot_pid(w));

	if (pidfd >= 0)
		close(pidfd);
	else if (pidfd == -ESRCH)
		bh_incarnation_disown(word, w);
}

void bh_nobody_mend(struct bh_child *c)
{
	switch (bh_nobody_look(c)) {
	case BH_NOBODY_UP:
		find_process(c);
		break;
	case BH_NOBODY_LIVES:
		c->life.gone = true;
		bh_wake_by(c->k, c->k->now_ns);
		break;
	case BH_NOBODY_CAME:
		if (bh_worker_bump(c))
			bh_worker_ask(c);
		c->life.again = true;
		break;
	case BH_NOBODY_KNOWN:
		disown(c);
		break;
	case BH_NOBODY_NOT:
		break;
	}
}
