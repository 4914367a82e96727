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
#include "kernel/service/worker.h"

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
#include "kernel/process/backoff.h"
#include "kernel/process/crash.h"
#include "kernel/process/request.h"
#include "kernel/process/spawn.h"
#include "kernel/process/table.h"
#include "kernel/process/wire.h"
#include "kernel/service/events.h"
#include "kernel/service/heir.h"
#include "kernel/service/reset.h"
#include "kernel/service/slot.h"
#include "kernel/service/start.h"

enum {
	START_LIMIT_S = 10, /* from the wish to the first turn */
};

static const char not_a_worker[] = "a worker slot names a process that is not a worker";

/* @heir may take the slot as soon as its word says so: the entry says before that it
 * starts, for the sake of a successor. */
static void begin(struct bh_ksvc *s, uint32_t slot, const struct bh_kheir *heir)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_worker_proc(s, slot);
	struct bh_proc *p = bh_proc_at(k, idx);

	p->pid = 0;
	p->hung = 0;
	p->hung_task = 0;
	p->epoch = heir->epoch ? heir->epoch : bh_epoch_next(s->board->worker_epoch[slot]);
	p->started_ns = heir->epoch ? heir->asked_ns : bh_clock_ns();
	k->proc[idx] = (struct bh_kproc){ 0 };
	s->board->worker_epoch[slot] = p->epoch;
	bh_evring_allow(&s->v.events[slot], BH_EVRING_BURST); /* if it starts while recording */
	bh_st_rel(&p->state, BH_PROC_STARTING);
	bh_incarnation_start(&s->v.workers[slot], p->epoch);
}

void bh_worker_go_on(struct bh_ksvc *s, uint32_t slot)
{
	uint32_t epoch = bh_proc_at(s->kernel, bh_worker_proc(s, slot))->epoch;

	/* Nobody can take the slot while its word is of an epoch before. */
	if (((bh_ld_acq(&s->v.workers[slot].word) >> 16) & 0xffff) != epoch)
		bh_incarnation_start(&s->v.workers[slot], epoch);
}

/* The slot stays empty, until it is wanted again. */
static void vacate(struct bh_ksvc *s, uint32_t slot)
{
	struct bh_proc *p = bh_proc_at(s->kernel, bh_worker_proc(s, slot));

	/* Tasks that were pinned to it before they ran end with the next scan. */
	bh_st_rel(&s->v.workers[slot].word, bh_worker_word(BH_WORKER_VACANT, p->epoch, 0));
	s->were_up &= ~(1ull << slot);
	p->failures = 0;
	bh_st_rel(&p->state, BH_PROC_FREE);
	bh_verify_start(s, false);
}

void bh_worker_start(struct bh_ksvc *s, uint32_t slot)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_worker_proc(s, slot);
	struct bh_kheir heir = k->proc[idx].heir;

	if (bh_service_resetting(s) || k->stop >= BH_STOP_KILL) {
		bh_heir_drop(k, idx);
		return;
	}
	if (slot < BH_MAX_WORKERS &&
	    (slot >= s->board->workers_wanted || k->stop == BH_STOP_LEAVE)) {
		bh_heir_drop(k, idx);
		vacate(s, slot);
		return;
	}
	begin(s, slot, &heir);
	if (!heir.epoch) {
		bh_worker_ask(s, slot);
		return;
	}
	k->proc[idx].asked = k->proc[idx].early = true;
	k->proc[idx].asked_ns = k->now_ns;
	if (heir.pid) {
		bh_proc_pid(k, idx, heir.pid, heir.pidfd);
		s->board->worker_pid[slot] = heir.pid;
	}
}

void bh_worker_ask(struct bh_ksvc *s, uint32_t slot)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_worker_proc(s, slot);
	struct bh_proc *z = bh_proc_at(k, bh_zygote_proc(s, BH_PROC_ZYGOTE));
	struct bh_ctl m = { .op = BH_CTL_FORK_WORKER,
			    .slot = slot,
			    .epoch = bh_proc_at(k, idx)->epoch };

	k->proc[idx].asked = false;
	if (bh_ld_acq(&z->state) != BH_PROC_UP)
		return; /* its successor, or its death, brings us here again */
	if (bh_ctl_send(z->ctl, &m, -1)) {
		bh_wake_by(k, k->now_ns + BH_NS_PER_MS);
		return;
	}
	k->proc[idx].asked = true;
	k->proc[idx].asked_ns = k->now_ns;
}

void bh_worker_adopt(struct bh_ksvc *s, uint32_t slot, int32_t pid)
{
	if (bh_slot_adopt(s, slot, pid))
		bh_service_reset(s, not_a_worker);
}

bool bh_worker_bump(struct bh_ksvc *s, uint32_t slot)
{
	int got = bh_slot_bump(s, slot);

	if (got < 0)
		bh_service_reset(s, not_a_worker);
	return got > 0;
}

/* What is known of the process that the zygote tells of: 0: who it is; -ESRCH: it has
 * come and gone; other errors: that none was made, or that nobody can say which it is. */
static int who(struct bh_kernel *k, const struct bh_ctl *m, int pidfd)
{
	int32_t is;

	if (m->value < 0)
		return m->value;
	/* A message that a dead kernel acted upon comes again, and zygotes may lie. */
	if (!m->value || bh_proc_taken(k, m->value))
		return -EEXIST;
	is = pidfd < 0 ? -EBADF : bh_pidfd_pid(k, pidfd);
	if (is == m->value)
		return 0;
	return is < 0 ? is : -EEXIST;
}

/* The answer to what @slot waits for. No other will come, so each outcome leads on: to a
 * process, to another request, or to a pause and then another. True: @pidfd is kept. */
static bool answered(struct bh_ksvc *s, uint32_t slot, const struct bh_ctl *m, int pidfd, int err)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_worker_proc(s, slot);
	bool made = m->value >= 0, worker = slot < BH_MAX_WORKERS;

	if (!err || (made && err == -ESRCH)) {
		bh_proc_pid(k, idx, m->value, pidfd);
		s->board->worker_pid[slot] = m->value;
		return true;
	}
	if (!made && k->proc[idx].early) {
		k->proc[idx].early = false; /* the dead one is out of the way now */
		bh_worker_ask(s, slot);
		return false;
	}
	/* One that was made may have the slot, and its word says who it is; if not, it never
	 * will. Even if none was: a message that a dead kernel acted upon comes again. */
	if (!bh_worker_bump(s, slot))
		return false;
	bh_log("service %s: cannot make %s %u: %s%s; trying again", s->plan->name,
	       worker ? "worker" : "blocking process", worker ? slot : slot - BH_MAX_WORKERS,
	       made ? "nobody can tell which process it is" : strerror(-err), bh_proc_hint(err));
	bh_restart_later(k, idx, bh_proc_at(k, idx)->failures + 1, s->plan->backoff_min_ms,
			 s->plan->backoff_max_ms);
	return false;
}

void bh_worker_forked(struct bh_ksvc *s, const struct bh_ctl *m, int pidfd)
{
	struct bh_kernel *k = s->kernel;
	uint32_t slot = m->slot, idx = bh_worker_proc(s, slot);
	bool known = slot < s->workers ||
		     (slot >= BH_MAX_WORKERS && slot - BH_MAX_WORKERS < s->board->blocking_mark);
	struct bh_proc *p = known ? bh_proc_at(k, idx) : NULL;
	bool kept = false;
	int err = who(k, m, pidfd);

	if (p && bh_heir_forked(k, idx, m, pidfd, !err))
		return;
	if (p && bh_ld_acq(&p->state) == BH_PROC_STARTING && m->epoch == p->epoch && p->pid == 0)
		kept = answered(s, slot, m, pidfd, err);
	else if (p && !err) /* made for an epoch that has passed: it will find its slot taken */
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	if (pidfd >= 0 && !kept)
		close(pidfd);
}

/* -- watching ------------------------------------------------------------------------ */

static void is_up(struct bh_ksvc *s, uint32_t slot, int64_t ready_ns)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_worker_proc(s, slot);
	struct bh_proc *p = bh_proc_at(k, idx);

	if (p->died_ns) {
		p->restarts++;
		s->board->worker_restarts[slot]++;
		bh_record_restart(s, slot);
	}
	bh_crash_replaced(k, idx, ready_ns);
	bh_st_rel(&p->state, BH_PROC_UP);
	if (slot < BH_MAX_WORKERS)
		s->were_up |= 1ull << slot;
	else
		s->blocking_came++;
}

static void look(struct bh_ksvc *s, uint32_t slot)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_worker_proc(s, slot);
	struct bh_proc *p = bh_proc_at(k, idx);
	struct bh_worker *w = &s->v.workers[slot];

	if (bh_ld_acq(&p->state) != BH_PROC_STARTING)
		return;
	if (p->pid == 0) {
		if (!k->proc[idx].asked)
			bh_worker_ask(s, slot);
		return;
	}
	if (bh_ld_acq(&w->word) != bh_worker_word(BH_WORKER_UP, p->epoch, (uint32_t)p->pid))
		return;
	int64_t ready = bh_ld_acq(&w->ready_ns);
	if (ready >= p->started_ns)
		is_up(s, slot, ready);
}

/* A process that never comes up is ended: the worker if there is one, else the
 * zygote, which does not answer (it has a twin). */
static void look_late(struct bh_ksvc *s, uint32_t slot)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_worker_proc(s, slot), z = bh_zygote_proc(s, BH_PROC_ZYGOTE);
	struct bh_proc *p = bh_proc_at(k, idx);
	struct bh_kproc *kp = &k->proc[idx];

	if (bh_ld_acq(&p->state) != BH_PROC_STARTING || !kp->asked || kp->killed ||
	    k->now_ns - kp->asked_ns < START_LIMIT_S * BH_NS_PER_S)
		return;
	if (p->pid > 0) {
		bh_log("service %s: the process in slot %u (pid %d) has not come up in %d s%s: it "
		       "is ended",
		       s->plan->name, slot, p->pid, START_LIMIT_S,
		       bh_start_in_init(s, slot) ? ", for its worker_init() has not returned" : "");
		bh_proc_kill(k, idx);
	} else if (!k->proc[z].killed) {
		bh_log("service %s: the zygote (pid %d) has not answered for %d s: it is ended",
		       s->plan->name, bh_proc_at(k, z)->pid, START_LIMIT_S);
		bh_proc_kill(k, z);
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
	for (uint32_t i = 0; i < BH_SLOTS; i = bh_slot_next(s, i)) {
		look(s, i);
		if (housekeeping)
			look_late(s, i);
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

	for (uint32_t i = 0; i < k->plan->n_services; i++)
		if (k->svc[i].mapped && !bh_service_resetting(&k->svc[i]))
			look_all(&k->svc[i], housekeeping);
}
