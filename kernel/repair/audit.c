/* SPDX-License-Identifier: MIT */
/*
 * audit.c: finds garbage in the arenas of running services, and resets a service
 * that cannot be saved.
 *
 * With each housekeeping, up to SLICE entries of a service are looked at, STEP of
 * them in one turn, so that whoever waits for the kernel waits no longer than for
 * a step. A larger arena takes several seconds for a round. An entry costs about
 * 35 ns (measured with 1,000,000 tasks and as many blocks, on a busy 2-CPU machine):
 * a step some 70 us, a full slice 10 ms of each second.
 *
 * A finding is a suspicion: the workers go on while the kernel looks, and may be
 * stopped between two stores. It counts when the same words are found wrong LOOKS
 * times with CONFIRM_MS between them. Then
 *
 *   what recovery can put right (a task held by nobody, an owner that is gone) is
 *   left to a verifying scan, and found again after it, or not;
 *
 *   a task that is scheduled and in no queue is queued, and that is all: a busy one
 *   can look so each time;
 *
 *   for all else the service is reset, and says which audit failed.
 *
 * Beside ipc/repair/audit.h's invariants, those of the board and of words that the kernel alone
 * writes, of which the board has the truth:
 *
 *   slot-process  a slot that is up has a process, which lives; one that has none is
 *                 nobody's in the arena (nobody.c)
 *   slot-start    who was asked for a process has an answer to give still (nobody.c)
 *   worker-word   a worker that is up has its slot
 *   run-state     a service that was not asked to stop is running
 *
 * and one of what a whole round has seen:
 *
 *   lost-tasks    tasks that by the counters have not ended are in the table
 *
 * So garbage that hides its tasks does not end a service, or the system: it is done when
 * the counters say that all have ended and a round has found no task, and nothing else.
 */
#include "kernel/repair/audit.h"

#include <stdio.h>
#include <string.h>

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/watch.h"
#include "kernel/process/request.h"
#include "kernel/process/services.h"
#include "kernel/process/table.h"
#include "kernel/repair/nobody.h"
#include "kernel/repair/verify.h"
#include "kernel/service/reset.h"

enum {
	SLICE = 1 << 18,
	STEP = 2048,
	PAUSE_US = 200, /* between two steps: the workers need the CPU */
	LOOKS = 3,
	CONFIRM_MS = 3,
	OWN_PART = BH_AUDIT_PARTS, /* entries: the slots; run-state; lost-tasks */
};

/* -- what the board knows -------------------------------------------------------------- */

static void check_process(const struct bh_child *c, struct bh_audit *out)
{
	static const char *const what[] = {
		[BH_NOBODY_UP] = "is up and has no process",
		[BH_NOBODY_LIVES] = "has a process that is dead",
		[BH_NOBODY_CAME] = "starts, and no answer to the request for its process will come",
		[BH_NOBODY_KNOWN] = "has no process, and the arena says that it is up",
	};
	enum bh_nobody is = bh_nobody_look(c);

	if (is == BH_NOBODY_NOT)
		return;
	bh_audit_report(out, is == BH_NOBODY_CAME ? "slot-start" : "slot-process",
			(struct bh_audit_finding){ .part = OWN_PART,
						   .idx = c->slot,
						   .nature = BH_AUDIT_MENDED,
						   .words = { is, c->p->epoch } },
			"%s %u %s", bh_child_is_worker(c) ? "worker" : "blocking process",
			bh_child_number(c), what[is]);
}

static void check_word(const struct bh_child *c, struct bh_audit *out)
{
	const struct bh_proc *p = c->p;
	uint64_t word = bh_ld_acq(&c->s->v.workers[c->slot].word);

	if (bh_child_state(c) != BH_PROC_UP || p->pid <= 0 || c->life.gone)
		return;
	if (!bh_slot_has(word, p->epoch) || bh_slot_pid(word) != p->pid)
		bh_audit_report(out, "worker-word",
				(struct bh_audit_finding){
					.part = OWN_PART, .idx = c->slot, .words = { word } },
				"worker %u: %#llx, not epoch %u of pid %d", c->slot,
				(unsigned long long)word, p->epoch, p->pid);
}

static void check_run_state(struct bh_ksvc *s, struct bh_audit *out)
{
	uint32_t is = bh_ld_acq(&s->v.a->run_state);

	if (is != BH_RUN_RUNNING &&
	    bh_child_state(bh_zygote_child(s, BH_PROC_ZYGOTE)) == BH_PROC_UP)
		bh_audit_report(out, "run-state",
				(struct bh_audit_finding){
					.part = OWN_PART, .idx = BH_SLOTS, .words = { is } },
				"it is %u", is);
}

/* A worker may be between a task's end and the counting of it. */
static bool in_between(const struct bh_ksvc *s)
{
	bh_for_each_slot(c, s)
		if (bh_ld_acq(&s->v.workers[c->slot].journal.op) != BH_OP_NONE)
			return true;
	return bh_worker_unrecovered(s);
}

/* No task began since the last round did, and that saw none: there is none, for a task
 * that spawns one counts it before it ends. */
static void check_lost(struct bh_ksvc *s, struct bh_audit *out)
{
	const struct bh_kaudit *a = &s->look;
	uint64_t began, ended;

	bh_audit_count(&s->v, &began, &ended);
	if (!a->empty || began != a->empty_began || (began && began == ended) || in_between(s))
		return;
	bh_audit_report(out, "lost-tasks",
			(struct bh_audit_finding){ .part = OWN_PART,
						   .idx = BH_SLOTS + 1,
						   .nature = BH_AUDIT_PASSING,
						   .words = { began, ended } },
			"%llu began, %llu ended, and there is none", (unsigned long long)began,
			(unsigned long long)ended);
}

static void check_own(struct bh_ksvc *s, uint32_t idx, struct bh_audit *out)
{
	if (idx < BH_SLOTS)
		check_process(bh_slot_child(s, idx), out);
	if (idx < s->workers)
		check_word(bh_slot_child(s, idx), out);
	else if (idx == BH_SLOTS)
		check_run_state(s, out);
	else if (idx > BH_SLOTS)
		check_lost(s, out);
}

/* -- suspects -------------------------------------------------------------------------------- */

static bool same(const struct bh_audit_finding *a, const struct bh_audit_finding *b)
{
	return a->part == b->part && a->idx == b->idx && !strcmp(a->invariant, b->invariant) &&
	       !memcmp(a->words, b->words, sizeof(a->words));
}

/* One that finds no place is found again in the next round. */
static void suspect(struct bh_ksvc *s, const struct bh_audit_finding *f)
{
	struct bh_suspect *place = NULL;

	for (uint32_t i = 0; i < BH_SUSPECTS; i++) {
		struct bh_suspect *p = &s->look.suspect[i];

		if (p->looks && same(&p->finding, f))
			return;
		/* The first place, so that what was found first is named; what recovery
		 * mends makes way for what it cannot. */
		if (!p->looks ? !place || place->looks :
				!place && p->finding.nature >= BH_AUDIT_MENDED &&
					f->nature < BH_AUDIT_MENDED)
			place = p;
	}
	if (place)
		*place = (struct bh_suspect){ .finding = *f,
					      .looks = 1,
					      .next_ns = s->kernel->now_ns +
							 CONFIRM_MS * BH_NS_PER_MS };
}

static bool still_so(struct bh_ksvc *s, const struct bh_audit_finding *f)
{
	struct bh_audit now;

	now.found = 0;
	memset(now.tasks, 0, sizeof(now.tasks));
	if (f->part == OWN_PART)
		check_own(s, f->idx, &now);
	else
		bh_audit_entry(&s->v, f->part, f->idx, &now);
	for (uint32_t i = 0; i < now.found && i < BH_AUDIT_MAX; i++)
		if (same(&now.finding[i], f))
			return true;
	return false;
}

/* Everything that recovery can do about @p: a scan, and a look around by everybody. */
static void mend(struct bh_ksvc *s, struct bh_suspect *p)
{
	const struct bh_audit_finding *f = &p->finding;

	if (f->part == OWN_PART && f->idx < BH_SLOTS) {
		bh_log("service %s: audit '%s' failed: %s; it is put right", s->plan->name,
		       f->invariant, f->text);
		bh_nobody_mend(bh_slot_child(s, f->idx));
		if (bh_service_resetting(s))
			return;
	}
	p->mended = true;
	p->looks = p->finding.nature == BH_AUDIT_HINT ? 0 : 1;
	bh_verify_start(s, true);
	bh_unpark_all(&s->v);
}

static void confirmed(struct bh_ksvc *s, struct bh_suspect *p)
{
	const struct bh_audit_finding *f = &p->finding;
	char why[sizeof(s->board->last_reset)];

	if (f->nature >= BH_AUDIT_MENDED && !p->mended) {
		mend(s, p);
		return;
	}
	snprintf(why, sizeof(why), "audit '%s' failed: %s", f->invariant, f->text);
	bh_service_reset(s, why);
}

static void look_again(struct bh_ksvc *s, struct bh_suspect *p)
{
	struct bh_kernel *k = s->kernel;
	bool wait =
		p->finding.nature >= BH_AUDIT_MENDED && (s->scanning || bh_worker_unrecovered(s));

	if (k->now_ns >= p->next_ns && !wait) {
		p->looks = still_so(s, &p->finding) ? p->looks + 1 : 0;
		if (p->looks >= LOOKS)
			confirmed(s, p);
	}
	if (k->now_ns >= p->next_ns)
		p->next_ns = k->now_ns + CONFIRM_MS * BH_NS_PER_MS;
	if (p->looks)
		bh_wake_by(k, p->next_ns);
}

/* -- the round ---------------------------------------------------------------------------------- */

static void step(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	struct bh_kaudit *a = &s->look;
	struct bh_audit out;
	uint64_t ended;
	uint32_t own = 0;

	out.found = 0;
	memset(out.tasks, 0, sizeof(out.tasks));
	if (a->round.part == 0 && a->round.at == 0) {
		bh_for_each_slot(c, s)
			check_own(s, c->slot, &out);
		check_own(s, BH_SLOTS, &out);
		check_own(s, BH_SLOTS + 1, &out);
		bh_audit_count(&s->v, &a->began, &ended);
		a->seen = 0;
		own = out.found;
	}
	a->left -= a->left < STEP ? a->left : STEP;
	bool end = bh_audit_step(&s->v, &a->round, STEP, &out);
	for (uint32_t i = BH_FREE + 1; i < BH_STATE_COUNT; i++)
		a->seen += i == BH_DONE ? 0 : out.tasks[i];
	a->seen += out.found - own;
	if (end) {
		a->round = (struct bh_audit_round){ 0 };
		a->left = 0; /* the next round begins with the next slice */
		a->empty = !a->seen;
		a->empty_began = a->began;
		a->hasty = false;
	}
	for (uint32_t i = 0; i < out.found && i < BH_AUDIT_MAX; i++)
		suspect(s, &out.finding[i]);
	a->next_ns = k->now_ns + PAUSE_US * 1000;
	if (end && a->empty)
		bh_system_changed(k);
}

bool bh_audit_all_ended(const struct bh_ksvc *s)
{
	uint64_t began, ended;

	bh_audit_count(&s->v, &began, &ended);
	return began == ended;
}

bool bh_audit_done(struct bh_ksvc *s)
{
	struct bh_kaudit *a = &s->look;
	uint64_t began, ended;

	bh_audit_count(&s->v, &began, &ended);
	if (!began || began != ended)
		return false;
	for (uint32_t i = 0; i < BH_SUSPECTS; i++)
		if (a->suspect[i].looks)
			return false;
	if (a->empty && a->empty_began == began)
		return true;
	/* A round of its own, all in one slice. */
	if (!a->hasty)
		a->round = (struct bh_audit_round){ 0 };
	a->hasty = true;
	a->left = UINT32_MAX;
	bh_wake_by(s->kernel, s->kernel->now_ns);
	return false;
}

static void audit(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	struct bh_kaudit *a = &s->look;

	if (k->now_ns >= k->next_look_ns && a->left < SLICE)
		a->left = SLICE;
	/* After an attach, deadlines and sleepers come first: each turn takes its share. */
	if (a->left && k->now_ns >= a->next_ns && !s->rearm_at && !s->ready_at)
		step(s);
	if (a->left)
		bh_wake_by(k, a->next_ns);
	for (uint32_t i = 0; i < BH_SUSPECTS && !bh_service_resetting(s); i++)
		if (a->suspect[i].looks)
			look_again(s, &a->suspect[i]);
}

void bh_phase_audit(struct bh_kernel *k)
{
	bh_for_each_running_service(s, k)
		if (k->stop == BH_STOP_NOT && !bh_service_loading(s))
			audit(s);
}
