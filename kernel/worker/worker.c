/* SPDX-License-Identifier: MIT */
/*
 * worker.c: worker slots, from the wish for one to its first turn.
 *
 *   BACKOFF ──▶ STARTING, pid 0 ──FORKED──▶ STARTING, pid ──word is UP──▶ UP
 *                  (asked)
 *
 * The slot's word in the arena decides who the worker is: one process wins the
 * CAS from STARTING(epoch). So the zygote may be asked twice; and a slot whose
 * epoch has moved on is lost to whoever was made for the old one.
 */
#include "kernel/worker/worker.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc/arena/incarnation.h"
#include "ipc/system/evring.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/procfs.h"
#include "kernel/base/watch.h"
#include "kernel/failure/backoff.h"
#include "kernel/failure/crash.h"
#include "kernel/process/request.h"
#include "kernel/process/services.h"
#include "kernel/process/spawn.h"
#include "kernel/process/table.h"
#include "kernel/reactor/events.h"
#include "kernel/service/reset.h"
#include "kernel/service/slot.h"
#include "kernel/service/start.h"
#include "kernel/worker/heir.h"

enum {
	START_LIMIT_S = 10, /* from the wish to the first turn */
};

static const char not_a_worker[] = "a worker slot names a process that is not a worker";

/* @heir may take the slot as soon as its word says so: the entry says before that it
 * starts, for the sake of a successor. */
static void begin(struct bh_child *c, const struct bh_kheir *heir)
{
	struct bh_ksvc *s = c->s;
	struct bh_proc *p = c->p;
	uint32_t slot = c->slot;

	p->pid = 0;
	p->hung = 0;
	p->hung_task = 0;
	p->epoch = heir->epoch ? heir->epoch : bh_epoch_next(s->board->worker_epoch[slot]);
	p->started_ns = heir->epoch ? heir->asked_ns : bh_clock_ns();
	c->life = (struct bh_klife){ 0 };
	s->board->worker_epoch[slot] = p->epoch;
	bh_evring_allow(&s->v.events[slot], BH_EVRING_BURST); /* if it starts while recording */
	bh_st_rel(&p->state, BH_PROC_STARTING);
	bh_incarnation_start(&s->v.workers[slot].word, p->epoch);
}

void bh_worker_go_on(struct bh_child *c)
{
	struct bh_slot *w = &c->s->v.workers[c->slot];

	/* No process can take the slot while its word is of an epoch before. */
	if (bh_slot_epoch(bh_ld_acq(&w->word)) != c->p->epoch)
		bh_incarnation_start(&w->word, c->p->epoch);
}

/* The slot stays empty, until it is wanted again. */
static void vacate(struct bh_child *c)
{
	struct bh_ksvc *s = c->s;

	/* Tasks that were pinned to it before they ran end with the next scan. */
	bh_incarnation_vacate(&s->v.workers[c->slot].word, c->p->epoch);
	s->were_up &= ~(1ull << c->slot);
	c->p->failures = 0;
	bh_st_rel(&c->p->state, BH_PROC_FREE);
	bh_verify_start(s, false);
}

void bh_worker_start(struct bh_child *c)
{
	struct bh_ksvc *s = c->s;

	if (bh_service_ending(s)) {
		bh_heir_drop(c);
		return;
	}
	if (bh_child_is_worker(c) &&
	    (c->slot >= s->board->workers_wanted || c->k->stop == BH_STOP_LEAVE)) {
		bh_heir_drop(c);
		vacate(c);
		return;
	}
	struct bh_kheir heir = bh_heir_take(c);
	begin(c, &heir);
	if (!heir.epoch) {
		bh_worker_ask(c);
		return;
	}
	c->life.asked = c->life.early = true;
	c->life.asked_ns = c->k->now_ns;
	if (heir.pid) {
		bh_child_pid(c, heir.pid, heir.pidfd);
		s->board->worker_pid[c->slot] = heir.pid;
	}
}

void bh_worker_ask(struct bh_child *c)
{
	int err = bh_slot_ask(c, c->p->epoch);

	c->life.asked = !err;
	if (!err)
		c->life.asked_ns = c->k->now_ns;
	else if (err != -ENOTCONN) /* else its successor, or its death, brings us here again */
		bh_wake_by(c->k, c->k->now_ns + BH_NS_PER_MS);
}

void bh_worker_adopt(struct bh_child *c, int32_t pid)
{
	if (bh_slot_adopt(c, pid))
		bh_service_reset(c->s, not_a_worker);
}

bool bh_worker_bump(struct bh_child *c)
{
	int got = bh_slot_bump(c);

	if (got < 0)
		bh_service_reset(c->s, not_a_worker);
	return got > 0;
}

/* What is known of the process that the zygote tells of: 0: who it is; -ESRCH: it has
 * come and gone; other errors: that none was made, or that nobody can say which it is. */
static int who(struct bh_kernel *k, const struct bh_ctl *m, int pidfd)
{
	int32_t is;

	if (m->forked.pid < 0)
		return m->forked.pid;
	/* A message that a dead kernel acted upon comes again, and zygotes may lie. */
	if (!m->forked.pid || bh_pid_taken(k, m->forked.pid))
		return -EEXIST;
	is = pidfd < 0 ? -EBADF : bh_pidfd_pid(k, pidfd);
	if (is == m->forked.pid)
		return 0;
	return is < 0 ? is : -EEXIST;
}

/* The answer to what the slot waits for. No other will come, so each outcome leads on: to a
 * process, to another request, or to a pause and then another. True: @pidfd is kept. */
static bool answered(struct bh_child *c, const struct bh_ctl *m, int pidfd, int err)
{
	struct bh_ksvc *s = c->s;
	bool made = m->forked.pid >= 0;

	if (!err || (made && err == -ESRCH)) {
		bh_child_pid(c, m->forked.pid, pidfd);
		s->board->worker_pid[c->slot] = m->forked.pid;
		return true;
	}
	if (bh_service_ending(s))
		return false; /* it is looked for when the slot is taken from it */
	if (!made && c->life.early) {
		c->life.early = false; /* the dead one is out of the way now */
		bh_worker_ask(c);
		return false;
	}
	/* One that was made may have the slot, and its word says who it is; if not, it never
	 * will. Even if none was: a message that a dead kernel acted upon comes again. */
	if (!bh_worker_bump(c))
		return false;
	bh_log("service %s: cannot make %s %u: %s%s; trying again", s->plan->name,
	       bh_child_is_worker(c) ? "worker" : "blocking process", bh_child_number(c),
	       made ? "nobody can tell which process it is" : strerror(-err), bh_proc_hint(err));
	bh_restart_later(c, c->p->failures + 1, s->plan->backoff_min_ms, s->plan->backoff_max_ms);
	return false;
}

/* The slot that @m names; NULL: there is none of that number. */
static struct bh_child *slot_of(struct bh_ksvc *s, const struct bh_ctl *m)
{
	bool known = m->forked.slot < s->workers ||
		     (m->forked.slot >= BH_MAX_WORKERS &&
		      m->forked.slot - BH_MAX_WORKERS < s->board->blocking_mark);

	return known ? bh_slot_child(s, m->forked.slot) : NULL;
}

void bh_worker_forked(struct bh_ksvc *s, const struct bh_ctl *m, int *pidfd)
{
	struct bh_child *c = slot_of(s, m);
	bool kept = false;
	int err = who(s->kernel, m, *pidfd);

	if (c && bh_heir_forked(c, m, *pidfd, !err))
		kept = true;
	else if (c && bh_child_state(c) == BH_PROC_STARTING && m->forked.epoch == c->p->epoch &&
		 c->p->pid == 0)
		kept = answered(c, m, *pidfd, err);
	else if (c && !err) /* made for an epoch that has passed: it will find its slot taken */
		syscall(SYS_pidfd_send_signal, *pidfd, SIGKILL, NULL, 0);
	if (kept)
		*pidfd = -1;
}

/* -- watching ------------------------------------------------------------------------ */

static void is_up(struct bh_child *c, int64_t ready_ns)
{
	struct bh_ksvc *s = c->s;

	if (c->p->died_ns) {
		c->p->restarts++;
		s->board->worker_restarts[c->slot]++;
		bh_record_restart(c);
	}
	bh_crash_replaced(c, ready_ns);
	bh_st_rel(&c->p->state, BH_PROC_UP);
	if (bh_child_is_worker(c))
		s->were_up |= 1ull << c->slot;
	else
		s->blocking_came++;
}

static void look(struct bh_child *c)
{
	struct bh_slot *w = &c->s->v.workers[c->slot];
	struct bh_proc *p = c->p;

	if (bh_child_state(c) != BH_PROC_STARTING)
		return;
	if (p->pid == 0) {
		if (!c->life.asked)
			bh_worker_ask(c);
		return;
	}
	uint64_t word = bh_ld_acq(&w->word);
	if (!bh_slot_has(word, p->epoch) || bh_slot_pid(word) != p->pid)
		return;
	int64_t ready = bh_ld_acq(&w->ready_ns);
	if (ready >= p->started_ns)
		is_up(c, ready);
}

/* A process that never comes up is ended: the worker if there is one, else the
 * zygote, which does not answer (it has a twin). */
static void look_late(struct bh_child *c)
{
	struct bh_child *z = bh_zygote_child(c->s, BH_PROC_ZYGOTE);
	const char *name = c->s->plan->name;

	if (bh_child_state(c) != BH_PROC_STARTING || !c->life.asked || c->life.killed ||
	    c->k->now_ns - c->life.asked_ns < START_LIMIT_S * BH_NS_PER_S)
		return;
	if (c->p->pid > 0) {
		bh_log("service %s: the process in slot %u (pid %d) has not come up in %d s%s: it "
		       "is ended",
		       name, c->slot, c->p->pid, START_LIMIT_S,
		       bh_start_in_init(c) ? ", for its worker_init() has not returned" : "");
		bh_child_kill(c);
	} else if (!z->life.killed) {
		bh_log("service %s: the zygote (pid %d) has not answered for %d s: it is ended",
		       name, z->p->pid, START_LIMIT_S);
		bh_child_kill(z);
	}
}

static void come_up(struct bh_ksvc *s)
{
	struct bh_board_service *b = s->board;

	if (b->start_failures)
		bh_log("service %s has started, after %u failed starts", s->plan->name,
		       b->start_failures);
	b->start_failures = 0;
	b->start_error[0] = '\0';
	b->came_up = 1;
	b->since_ns = s->kernel->now_ns;
	b->state = BH_PROC_UP;
}

static void look_all(struct bh_ksvc *s, bool housekeeping)
{
	struct bh_kernel *k = s->kernel;
	uint32_t n = s->board->workers_wanted;
	uint64_t all = n < 64 ? (1ull << n) - 1 : ~0ull, rings;

	if (s->bell && read((int)s->board->doorbell, &rings, sizeof(rings)) < 0 && errno != EAGAIN)
		bh_log("service %s: its doorbell cannot be read: %s", s->plan->name,
		       strerror(errno));
	s->bell = false;
	bh_for_each_slot(c, s) {
		look(c);
		if (housekeeping)
			look_late(c);
	}
	if ((s->were_up & all) == all && s->board->state == BH_PROC_STARTING) {
		come_up(s);
		bh_system_changed(k);
	}
	if (bh_ld_rlx(&s->v.a->rescan) && bh_xchg(&s->v.a->rescan, 0))
		bh_verify_start(s, true);
}

void bh_phase_workers(struct bh_kernel *k)
{
	bool housekeeping = k->now_ns >= k->next_look_ns;

	bh_for_each_running_service(s, k)
		look_all(s, housekeeping);
}
