/* SPDX-License-Identifier: MIT */
/* sweep.c: the stepping and judging of sweep.h. */
#include "tests/sweep/sweep.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/repair/stall.h"
#include "workers/queue/queue.h"
#include "workers/task/claims.h"

enum {
	MAX_STEPS = 400000
};

static struct sweep_op *ops;
static unsigned long seed;
static bool whole;

void sweep_register(struct sweep_op *op)
{
	op->next = ops;
	ops = op;
}

/* -- intruders: worker 1, between the victim's last instruction and recovery --- */

static void intrude_nothing(struct world *w)
{
	(void)w;
}

static void intrude_steal(struct world *w)
{
	uint32_t n, idx;
	struct bh_slot *me = &w->v.workers[OTHER];

	idx = bh_runq_steal(&w->v.workers[VICTIM].runq, &me->runq, &n);
	if (idx)
		bh_inject_push(&w->v.inject, idx);
}

static void intrude_wake(struct world *w)
{
	for (uint32_t i = 1; i < 8; i++)
		if (i != w->me)
			bh_rt_wake(i, 0, 0);
}

static void intrude_spawn(struct world *w)
{
	uint32_t idx = world_task(w, BH_SCHEDULED, OTHER);

	bh_inject_push(&w->v.inject, idx);
}

static void intrude_pop(struct world *w)
{
	uint32_t idx = bh_inject_pop(&w->v.inject, &w->v.workers[OTHER].journal.popped);

	if (idx)
		bh_runq_push(&w->v.workers[OTHER].runq, idx);
}

/* The kernel, which takes the victim for one that does not turn. (With something in
 * its journal, the kernel is the victim, and there is no second one.) */
static void intrude_relieve(struct world *w)
{
	if (bh_ld_rlx(&w->v.a->waking))
		return;
	bh_stall_relieve(&w->v, VICTIM);
	bh_stall_requeue(&w->v, VICTIM);
}

/* Wants something of each object that an operation has prepared, and lets go of it. */
static void intrude_claim(struct world *w)
{
	for (uint32_t i = 1; bh_rt.task && i < 64; i++) {
		uint64_t word = bh_ld_acq(&w->v.syncs[i].word);
		uint64_t claim;

		if (!bh_sync_kind(word) || (word & BH_SYNC_CLOSED))
			continue;
		claim = bh_claims_ask(bh_handle((uint32_t)(word >> 32), i), 1);
		if (!bh_claims_leave(claim))
			bh_claims_back(claim);
	}
}

static const struct {
	const char *name;
	void (*act)(struct world *w);
} intruders[] = {
	{ "nobody", intrude_nothing },   { "a thief", intrude_steal },
	{ "a waker", intrude_wake },     { "a spawner", intrude_spawn },
	{ "a consumer", intrude_pop },   { "the kernel", intrude_relieve },
	{ "a claimant", intrude_claim },
};

/* -- judging ------------------------------------------------------------------- */

struct tally {
	unsigned long steps, judged, wrecks, bad;
};

/* Nobody to every second wreck, the intruders in turn to those between; with BH_WHOLE=1 each
 * to every wreck. Which begins is up to the seed. */
static bool comes(const struct sweep_op *op, size_t intruder, unsigned long judged)
{
	size_t n = sizeof(intruders) / sizeof(*intruders) - 1;
	unsigned long turn = judged + seed;

	if (whole || op->no_intruders)
		return true;
	return turn % 2 ? intruder && turn / 2 % n == intruder - 1 : !intruder;
}

static void complain(const struct sweep_op *op, unsigned long step, const char *who,
		     const char *what, const char *text)
{
	fprintf(stderr, "%s: killed after instruction %lu, then %s: %s: %s\n", op->name, step, who,
		what, text);
}

static void judge(const struct sweep_op *op, const struct world *wreck, struct world *scratch,
		  unsigned long step, struct tally *t)
{
	struct bh_audit audit;
	size_t n = op->no_intruders ? 1 : sizeof(intruders) / sizeof(*intruders);

	for (size_t i = 0; i < n; i++) {
		if (!comes(op, i, t->judged))
			continue;
		world_copy(scratch, wreck);
		world_become(scratch, OTHER);
		intruders[i].act(scratch);
		world_recover(scratch);
		if (op->kernel)
			world_scan(scratch);
		if (bh_audit_run(&scratch->v, true, &audit))
			errx(1, "audit: no memory");
		for (uint32_t k = 0; k < audit.found && k < 3; k++)
			complain(op, step, intruders[i].name, audit.finding[k].invariant,
				 audit.finding[k].text);
		const char *wrong = op->check ? op->check(scratch) : NULL;
		if (wrong)
			complain(op, step, intruders[i].name, "check", wrong);
		t->bad += audit.found || wrong;
		t->wrecks++;
	}
	t->judged++;
}

/* -- stepping ------------------------------------------------------------------ */

static pid_t start(const struct sweep_op *op, struct world *w)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return pid;
	world_become(w, w->victim);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(2);
	raise(SIGSTOP);
	op->run(w);
	_exit(0);
}

static void sweep(const struct sweep_op *op, struct tally *t)
{
	struct world w, before, scratch;
	unsigned long step = 0, bad = t->bad;
	int status;

	world_make(&w, (void *)BH_ARENA_BASE);
	world_make(&before, NULL);
	world_make(&scratch, NULL);
	w.victim = op->victim;
	w.me = world_task(&w, BH_RUNNING, w.victim);
	if (op->setup)
		op->setup(&w);
	pid_t pid = start(op, &w);
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		errx(1, "%s: did not stop", op->name);
	world_copy(&before, &w);
	judge(op, &w, &scratch, 0, t);
	while (step < MAX_STEPS) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
			err(1, "ptrace");
		if (waitpid(pid, &status, 0) != pid || WIFEXITED(status))
			break;
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
			errx(1, "%s: stopped by signal %d after %lu instructions", op->name,
			     WIFSTOPPED(status) ? WSTOPSIG(status) : WTERMSIG(status), step);
		step++;
		if (world_same(&w, &before))
			continue;
		world_copy(&before, &w);
		judge(op, &w, &scratch, step, t);
		if (t->bad - bad > 8)
			break; /* enough to read */
	}
	if (step >= MAX_STEPS)
		errx(1, "%s: more than %d instructions", op->name, MAX_STEPS);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		errx(1, "%s: exited with %d", op->name, WEXITSTATUS(status));
	t->steps += step;
	printf("%-24s %6lu instructions\n", op->name, step);
	world_free(&w);
	world_free(&before);
	world_free(&scratch);
}

/* --covers: the functions that operations go through, for the completeness test. */
static int print_covers(void)
{
	for (struct sweep_op *op = ops; op; op = op->next)
		puts(op->covers);
	return 0;
}

int main(int argc, char **argv)
{
	struct tally t = { 0 };
	const char *again = getenv("BH_SEED");
	unsigned n = 0;

	if (argc > 1 && !strcmp(argv[1], "--covers"))
		return print_covers();
	whole = getenv("BH_WHOLE");
	seed = again ? strtoul(again, NULL, 0) : (unsigned long)getpid();
	if (!whole)
		printf("BH_SEED=%lu\n", seed);
	for (struct sweep_op *op = ops; op; op = op->next) {
		if (argc > 1 && strcmp(argv[1], op->name))
			continue;
		sweep(op, &t);
		n++;
	}
	printf("%u operations, %lu kill points, %lu wrecks recovered and audited, %lu bad\n", n,
	       t.steps, t.wrecks, t.bad);
	return t.bad || !n;
}
