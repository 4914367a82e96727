/* SPDX-License-Identifier: MIT */
/*
 * audit_slots.c: slots without a process, and tasks that run in no process: for bhctl audit.
 *
 * The kernel checks the same (kernel/repair/audit.c) and repairs it; this check is for faults
 * that the kernel missed, and for a kernel that hangs. Each fault may be there for a moment
 * while a death is handled: it counts if the same text is found in all ROUNDS.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "tools/admind/answer/answer.h"

enum {
	ROUNDS = 6,
	PAUSE_MS = 50,
	START_S = 5, /* the kernel asks again after one */
};

enum {
	SLOTS = BH_AUDIT_PARTS, /* a part of its own */
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* Other errors mean that there is one, of another user. */
static bool no_such_process(int32_t pid)
{
	return kill(pid, 0) && errno == ESRCH;
}

#define report(p, a, ...)                                                                        \
	bh_audit_report(out, "slot-process",                                                     \
			(struct bh_audit_finding){                                               \
				.part = SLOTS, .idx = (p)->slot, .words = { (p)->epoch, (a) } }, \
			__VA_ARGS__)

static void check_slot(const struct bh_proc *p, struct bh_audit *out)
{
	bool worker = p->kind == BH_PROC_WORKER;
	const char *kind = worker ? "worker" : "blocking process";
	uint32_t n = worker ? p->slot : p->slot - BH_MAX_WORKERS, state = bh_ld_acq(&p->state);
	int32_t pid = p->pid;

	if (state == BH_PROC_UP && pid <= 0)
		report(p, 0, "%s %u is up and has no process", kind, n);
	else if (state == BH_PROC_UP && no_such_process(pid))
		report(p, (uint32_t)pid, "%s %u is up and its process %d is dead", kind, n, pid);
	else if (state == BH_PROC_STARTING && pid <= 0 &&
		 now_ns() - p->started_ns > START_S * 1000000000ll)
		report(p, 1, "%s %u starts for more than %d s and has no process", kind, n,
		       START_S);
}

static void check_slots(const struct bh_board *b, uint32_t service, struct bh_audit *out)
{
	for (uint32_t i = 0; i < BH_BOARD_PROCS; i++) {
		const struct bh_proc *p = &b->procs[i];

		if (p->service == service &&
		    (p->kind == BH_PROC_WORKER || p->kind == BH_PROC_BLOCKING))
			check_slot(p, out);
	}
}

/* Adds the audit's "holder-alive" findings about task @idx, and no others. */
static void check_holder(const struct bh_view *v, uint32_t idx, struct bh_audit *out)
{
	struct bh_audit step;

	step.found = 0;
	memset(step.tasks, 0, sizeof(step.tasks));
	bh_audit_entry(v, BH_AUDIT_TASKS, idx, &step);
	for (uint32_t i = 0; i < step.found && i < BH_AUDIT_MAX; i++)
		if (!strcmp(step.finding[i].invariant, "holder-alive"))
			bh_audit_report(out, "holder-alive", step.finding[i], "%s",
					step.finding[i].text);
}

static bool held(const struct bh_view *v, uint32_t idx)
{
	enum bh_state s = bh_state_of(bh_ld_acq(&v->tasks[idx].state));

	return s == BH_RUNNING || s == BH_RESERVED;
}

static void check_holders(const struct bh_view *v, struct bh_audit *out)
{
	uint32_t mark = bh_ld_acq(&v->task_pool.pool->mark);

	for (uint32_t i = 1; i < mark && i < v->l.tasks; i++)
		if (held(v, i))
			check_holder(v, i, out);
}

static bool same(const struct bh_audit_finding *a, const struct bh_audit_finding *b)
{
	return a->part == b->part && a->idx == b->idx && !strcmp(a->invariant, b->invariant) &&
	       !memcmp(a->words, b->words, sizeof(a->words));
}

/* Keeps the faults of @all that were found in @now, too. */
static void keep(struct bh_audit *all, const struct bh_audit *now)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < all->found; i++)
		for (uint32_t j = 0; j < now->found && j < BH_AUDIT_MAX; j++)
			if (same(&all->finding[i], &now->finding[j])) {
				all->finding[n++] = all->finding[i];
				break;
			}
	all->found = n;
}

void bh_audit_slots(const struct bh_system *s, uint32_t i, struct bh_audit *out)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000l };
	struct bh_audit all = { 0 }, now;

	check_slots(s->board, i, &all);
	check_holders(bh_system_arena(s, i), &all);
	if (all.found > BH_AUDIT_MAX)
		all.found = BH_AUDIT_MAX;
	for (int round = 1; round < ROUNDS && all.found; round++) {
		nanosleep(&pause, NULL);
		memset(&now, 0, sizeof(now));
		check_slots(s->board, i, &now);
		check_holders(bh_system_arena(s, i), &now);
		keep(&all, &now);
	}
	for (uint32_t f = 0; f < all.found; f++)
		bh_audit_report(out, all.finding[f].invariant, all.finding[f], "%s",
				all.finding[f].text);
}
