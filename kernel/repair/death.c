/* SPDX-License-Identifier: MIT */
/*
 * death.c: the death of a worker, from its confirmation to its replacement.
 *
 * Every step may be the kernel's last: the entry stands at DEAD until all are
 * done, and a successor does them again from the first (recover.h says why that
 * is safe).
 */
#include "kernel/repair/death.h"

#include <bulkhead/task.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "ipc/protocol/files.h"
#include "ipc/queue/lease.h"
#include "ipc/queue/meter.h"
#include "ipc/system/control.h"
#include "kernel/base/clock.h"
#include "kernel/base/oom.h"
#include "kernel/base/text.h"
#include "kernel/failure/backoff.h"
#include "kernel/failure/crash.h"
#include "kernel/failure/facts.h"
#include "kernel/process/request.h"
#include "kernel/process/table.h"
#include "kernel/reactor/epoll.h"
#include "kernel/reactor/events.h"
#include "kernel/repair/mains.h"
#include "kernel/repair/quarantine.h"
#include "kernel/service/hold.h"
#include "kernel/service/slot.h"
#include "kernel/service/start.h"
#include "kernel/worker/heir.h"
#include "kernel/worker/worker.h"

enum {
	HEALTHY_MS = 100,  /* a worker that lived so long started well */
	FREE_RESTARTS = 3, /* short lives without a task in a row before there is a pause */
};

/* What the dead said of itself, if it is this incarnation's. */
static bool last_words(const struct bh_last_words *w, uint32_t epoch, struct bh_last_words *out)
{
	if (bh_ld_acq(&w->valid) != epoch + 1)
		return false;
	*out = *w;
	return out->signal > 0 && out->signal < NSIG;
}

/* For the joiners, who see the arena alone. */
static void record_in_arena(struct bh_ksvc *s, const struct bh_board_crash *c)
{
	struct bh_arena_crash *a = &s->v.a->crash[c->id % BH_ARENA_CRASHES];

	bh_st_rel(&a->id, 0);
	bh_fence();
	a->address = c->address;
	a->instruction = c->instruction;
	a->task = c->task;
	a->signal = c->signal;
	a->exit_code = c->exit_code;
	a->pid = c->pid;
	a->worker = c->worker;
	a->stack_overflow = c->stack_overflow;
	bh_st_rlx(&a->restart_us, 0);
	memcpy(a->task_name, c->task_name, sizeof(a->task_name));
	bh_st_rel(&a->id, c->id);
}

/* Records the crash and decides about the task; returns the crash's id. */
static uint64_t record(struct bh_child *c, const struct bh_dead_task *dead,
		       struct bh_crash_facts *f, bool *restart)
{
	struct bh_ksvc *s = c->s;
	struct bh_kernel *k = c->k;
	bool poison = false;

	f->recorded = bh_crash_recorded(c);
	if (dead->task) {
		f->task = dead->task;
		/* Once its end is decided, the record alone knows. */
		f->key = f->recorded ? k->board->crash[f->recorded % BH_BOARD_CRASHES].crash_key :
				       dead->key;
		f->type = dead->type % BH_TYPES;
		bh_type_name(s, f->type, f->task_name);
		poison = dead->task != BH_MAIN_TASK && bh_quarantine(s, f);
		f->type_crashes = bh_ld_rlx(&s->v.types[f->type].crashes) + 1;
	}
	f->worker_crashes = s->board->worker_crashes[c->slot] + 1;
	*restart = dead->can_restart && k->stop == BH_STOP_NOT && !poison;
	uint64_t id = bh_crash_record(c, f);
	bh_crash_count(c);
	record_in_arena(s, &k->board->crash[id % BH_BOARD_CRASHES]);
	bh_record_crash(c, &k->board->crash[id % BH_BOARD_CRASHES]);
	if (dead->task == BH_MAIN_TASK && *restart)
		bh_main_crashed(s, f, id);
	return id;
}

static void replace(struct bh_child *c)
{
	struct bh_ksvc *s = c->s;
	uint32_t failures = c->p->failures;

	bh_child_forget(c);
	s->board->worker_pid[c->slot] = 0;
	if (failures > FREE_RESTARTS) {
		bh_heir_drop(c);
		bh_restart_later(c, failures, s->plan->backoff_min_ms, s->plan->backoff_max_ms);
	} else if (bh_child_is_worker(c)) {
		bh_worker_start(c);
	} else {
		bh_st_rel(&c->p->state, BH_PROC_FREE); /* until there is demand */
	}
}

/* A blocking process that was killed because its job was aborted (by which kernel, the
 * job's state tells). */
static bool ended_well(const struct bh_child *c, const struct bh_dead_task *dead,
		       const struct bh_crash_facts *f)
{
	if (bh_child_is_worker(c))
		return false;
	if (dead->task)
		return dead->aborted && bh_crash_signal(f) == SIGKILL;
	return c->life.killed;
}

/* What is done with the task that the dead worker was running. */
static void settle(struct bh_child *c, struct bh_crash_facts *f)
{
	struct bh_ksvc *s = c->s;
	struct bh_dead_task dead;
	bool restart = false;

	bh_recover_begin(&s->v, c->slot, c->p->epoch, &dead);
	/* Before the task may run again, under the same handle. */
	s->files |= bh_files_lose(&s->v, dead.task) != 0;
	if (ended_well(c, &dead, f)) {
		c->p->failures = 0;
		bh_recover_task(&s->v, dead.task, false, BH_END_CANCELED, -BH_ECANCELED, &s->ops);
		return;
	}
	uint64_t id = record(c, &dead, f, &restart);
	bool hung = f->hung && dead.task == c->p->hung_task;
	uint8_t end = hung ? BH_END_HOG : BH_END_CRASHED;
	if (bh_hold(s, f))
		bh_recover_decide(&s->v, dead.task, restart, end, (int64_t)id);
	else
		bh_recover_task(&s->v, dead.task, restart, end, (int64_t)id, &s->ops);
}

static void recover(struct bh_child *c, struct bh_crash_facts *f)
{
	struct bh_ksvc *s = c->s;
	struct bh_slot *w = &s->v.workers[c->slot];

	s->audit |= bh_ld_rlx(&w->journal.accepting) != 0;
	bh_incarnation_end(&w->word, c->p->epoch, c->p->pid);
	if (bh_lease_any_held_by(s->v.a->idle.lease, c->slot))
		bh_reactor_lost(s);
	settle(c, f);
	s->look_aborted = true;
	bh_recover_worker(&s->v, c->slot, c->p->epoch, &s->ops);
	bh_verify_start(s, false);
	if (!bh_child_is_worker(c)) /* its place is free again: nothing waits for more */
		bh_crash_replaced(c, bh_clock_ns());
	replace(c);
}

/* A worker that went by itself: no crash, but what it left is the same. */
static void let_go(struct bh_child *c)
{
	struct bh_ksvc *s = c->s;
	struct bh_dead_task dead;

	bh_recover_begin(&s->v, c->slot, c->p->epoch, &dead);
	s->files |= bh_files_lose(&s->v, dead.task) != 0;
	if (dead.task && !bh_recover_task(&s->v, dead.task, false, BH_END_CRASHED, 0, &s->ops))
		bh_verify_start(s, false);
	bh_recover_worker(&s->v, c->slot, c->p->epoch, &s->ops);
	c->p->failures = 0;
	replace(c);
}

/* Marks the entry, once, and counts short lives. A life that ended in a task is none of
 * them: the slot did start, and a pause would punish all tasks for that one.
 * True: that was now. */
static bool mark_dead(struct bh_child *c)
{
	struct bh_proc *p = c->p;
	uint32_t was = bh_child_state(c);

	if (was == BH_PROC_DEAD)
		return false;
	/* A worker that never was up has failed, however long it took. */
	if ((was == BH_PROC_UP && p->died_ns - p->started_ns > HEALTHY_MS * BH_NS_PER_MS) ||
	    bh_recover_blames(&c->s->v, c->slot, p->epoch))
		p->failures = 0;
	else
		p->failures++;
	bh_st_rel(&p->state, BH_PROC_DEAD);
	return true;
}

/* Trusts the slot's word, where any worker can write, as far as the guardian's status agrees. */
static bool went(const struct bh_child *c, const struct bh_crash_facts *f)
{
	bool by_itself =
		f->status_known ? WIFEXITED(f->status) && !WEXITSTATUS(f->status) : !f->words;

	return by_itself && bh_slot_retired(c);
}

bool bh_worker_died(struct bh_child *c)
{
	struct bh_ksvc *s = c->s;
	struct bh_slot *w = &s->v.workers[c->slot];
	struct bh_proc *p = c->p;
	struct bh_crash_facts f = { .service = s->id, .worker = c->slot };
	struct bh_last_words words = { 0 };
	char in_init[160];

	bool first = mark_dead(c);
	bh_meter_end(&w->meter, c->k->now_ns);
	if (first && p->failures <= FREE_RESTARTS && bh_child_is_worker(c) && !bh_slot_retired(c))
		bh_heir_ask(c);
	f.status_known = bh_child_status(c, &f.status);
	if (last_words(&w->last_words, p->epoch, &words))
		f.words = &words;
	if (!f.status_known && !f.words && bh_child_status_due(c))
		return false;
	/* Words of a signal that it survived, or forged: how it died is certain. */
	if (f.words && f.status_known &&
	    !(WIFSIGNALED(f.status) && WTERMSIG(f.status) == words.signal))
		f.words = NULL;
	/* One that dumped core was there until it had: without it the slot is from here on. */
	if (f.words && words.time_ns > p->started_ns && words.time_ns < p->died_ns)
		p->died_ns = words.time_ns;
	if (went(c, &f)) {
		let_go(c);
		return true;
	}
	f.hung = p->hung && bh_crash_signal(&f) == SIGKILL;
	if (f.hung && last_words(&w->sample, p->epoch, &words)) {
		words.signal = SIGKILL;
		f.words = &words;
	}
	f.oom = f.status_known && bh_crash_signal(&f) == SIGKILL && !c->life.killed &&
		bh_oom_killed(c->k);
	bh_start_init_text(c, &f, in_init);
	recover(c, &f);
	bh_start_init_judge(s, &f, in_init);
	bh_main_judge(s);
	return true;
}
