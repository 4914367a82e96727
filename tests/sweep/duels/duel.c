/* SPDX-License-Identifier: MIT */
/* duel.c: stopping, keeping, putting back and judging, of duel.h. */
#include "tests/sweep/duels/duel.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "workers/base/context.h"
#include "workers/base/rt.h"
#include "workers/executor/executor.h"

#ifndef __x86_64__
int main(void)
{
	puts("interleaving needs the trap flag of x86-64");
	return 77;
}
void duel_register(struct duel *d)
{
	(void)d;
}
struct duel_notes notes;
#else

enum {
	STACK = 64 << 10,
	TRAP_FLAG = 0x100,
	WRITE_FAULT = 2,
	HANG = 60, /* s until a side that does not end is reported */
	SHOWN = 4, /* failures of a duel that are printed */
	/* Of a duel: points of B that are stepped to, all rows taken together, and pairs of
	 * points from which schedules are tried. With BH_WHOLE=1, and in an ordinary run. */
	STEPS = 60000,
	PAIRS = 3000,
	SOME_STEPS = 5000,
	SOME_PAIRS = 200,
};

enum side_id {
	A,
	B
};

struct side {
	struct bh_context at; /* where it stopped, on its stack */
	struct bh_rt rt;
	bool done;
	bool wrote; /* its last point may have changed the arena */
};

/* All there is to put back. */
struct moment {
	struct world w;
	struct duel_notes notes;
	struct side side[2];
	unsigned char stack[2][STACK];
};

struct tally {
	unsigned long points, schedules, bad;
	bool silent;
};

struct duel_notes notes;
static struct duel *duels;
static struct world w;    /* as the sides see it */
static struct world mine; /* the same arena, never without access: the harness's */
static struct side side[2];
static _Alignas(64) unsigned char stacks[2][STACK];
static const struct duel *duel;
static struct bh_context harness;
static struct side *running;
static size_t shared_len;
static char where[200]; /* for the message about a hang */

void duel_register(struct duel *d)
{
	d->next = duels;
	duels = d;
}

/* -- stopping a side at its next point ------------------------------------------ */

/* Not the blocks' contents: nobody but their owner looks at them. */
static void protect(int prot)
{
	if (mprotect(w.v.a, shared_len, prot))
		err(1, "mprotect");
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uintptr_t off = (uintptr_t)info->si_addr - (uintptr_t)w.v.a;

	if (!running || off >= shared_len) {
		signal(sig, SIG_DFL);
		return;
	}
	protect(PROT_READ | PROT_WRITE);
	running->wrote = uc->uc_mcontext.gregs[REG_ERR] & WRITE_FAULT;
	uc->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig, (void)info;
	uc->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
	bh_context_switch(&running->at, &harness);
}

static void on_hang(int sig)
{
	(void)sig;
	if (write(STDERR_FILENO, where, strlen(where)) < 0)
		_exit(2);
	_exit(1);
}

static void handle_signals(void)
{
	/* Not blocked while handled: the other side traps before this one returns. */
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct sigaction trap = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGTRAP, &trap, NULL);
	signal(SIGALRM, on_hang);
}

static void side_main(void *arg)
{
	struct side *s = arg;

	(s == &side[A] ? duel->a : duel->b)(&w);
	duel_end();
}

_Noreturn void duel_end(void)
{
	running->done = true;
	bh_context_switch(&running->at, &harness);
	abort();
}

static void begin(enum side_id id)
{
	struct side *s = &side[id];

	memset(s, 0, sizeof(*s));
	world_become(&w, id == A ? VICTIM : OTHER);
	s->rt = bh_rt;
	bh_context_make(&s->at, stacks[id] + STACK, side_main, s);
}

static void resume(enum side_id id, int prot)
{
	struct side *s = &side[id];

	if (s->done)
		return;
	bh_rt = s->rt;
	running = s;
	s->wrote = false;
	if (prot != PROT_NONE)
		protect(prot);
	bh_context_switch(&harness, &s->at);
	protect(PROT_NONE);
	running = NULL;
	s->rt = bh_rt;
}

static void step(enum side_id id)
{
	resume(id, PROT_NONE);
}

static void finish(enum side_id id)
{
	resume(id, PROT_READ | PROT_WRITE);
}

/* -- keeping and putting back ---------------------------------------------------- */

static void copy_stack(unsigned char to[STACK], const unsigned char from[STACK],
		       const unsigned char *top, const struct side *s)
{
	size_t used = (size_t)(top + STACK - (unsigned char *)s->at.sp);

	memcpy(to + STACK - used, from + STACK - used, used);
}

static void keep(struct moment *m)
{
	world_copy(&m->w, &mine);
	m->notes = notes;
	for (int id = A; id <= B; id++) {
		m->side[id] = side[id];
		copy_stack(m->stack[id], stacks[id], stacks[id], &side[id]);
	}
}

static void put_back(const struct moment *m)
{
	world_copy(&mine, &m->w);
	notes = m->notes;
	for (int id = A; id <= B; id++) {
		side[id] = m->side[id];
		copy_stack(stacks[id], m->stack[id], stacks[id], &side[id]);
	}
}

/* -- judging --------------------------------------------------------------------- */

struct schedule {
	const char *name;
	unsigned i, j, k;
	unsigned kill;
};

static void complain(const struct schedule *s, struct tally *t, const char *what, const char *text)
{
	if (t->silent)
		return;
	fprintf(stderr,
		"%s: A stopped after point %u, B after %u, then %s (k %u): %s: %s\n"
		"    again: interleave %s %u %u\n",
		duel->name, s->i, s->j, s->name, s->k, what, text, duel->name, s->i, s->j);
}

static void recover(unsigned killed)
{
	if (killed & KILLED_B && duel->kernel) {
		bh_recover_kernel(&mine.v);
		if (duel->heir)
			duel->heir(&mine);
		world_scan(&mine);
	} else if (killed & KILLED_B) {
		world_recover_slot(&mine, OTHER);
	}
	if (killed & KILLED_A)
		world_recover_slot(&mine, VICTIM);
}

static void run_all_of(uint32_t slot)
{
	world_become(&mine, slot);
	for (int i = 0; i < 2000 && bh_executor_turn(); i++)
		;
}

/* Those that are left run what there is; the third worker takes what is in the
 * shared queues. Each task has run once, but for those that died on their CPU. */
static const char *drain(unsigned killed)
{
	unsigned missing = 0;

	world_start(&mine, SPARE);
	if (!(killed & KILLED_A))
		run_all_of(VICTIM);
	if (!(killed & KILLED_B) && !duel->kernel)
		run_all_of(OTHER);
	run_all_of(SPARE);
	for (uint32_t i = 0; i < NOTED; i++) {
		if (notes.ran[i] > 1)
			return "a task ran twice";
		missing += notes.counts[i] && !notes.ran[i];
	}
	if (missing > (killed & KILLED_A ? 1u : 0) + (killed & KILLED_B ? 1u : 0))
		return "a task never ran";
	return NULL;
}

static void judge(const struct schedule *s, struct tally *t)
{
	struct bh_audit audit;
	const char *wrong = NULL;

	if (bh_audit_run(&mine.v, true, &audit))
		errx(1, "audit: no memory");
	for (uint32_t k = 0; k < audit.found && k < 3; k++)
		complain(s, t, audit.finding[k].invariant, audit.finding[k].text);
	if (duel->check)
		wrong = duel->check(&mine, s->kill);
	if (!wrong && duel->drain)
		wrong = drain(s->kill);
	if (wrong)
		complain(s, t, "check", wrong);
	t->bad += audit.found || wrong;
	t->schedules++;
}

/* -- schedules ------------------------------------------------------------------- */

static void follow(const struct moment *at, const struct schedule *s, struct tally *t)
{
	put_back(at);
	snprintf(where, sizeof(where),
		 "%s: no end: A stopped after point %u, B after %u, then %s (k %u)\n", duel->name,
		 s->i, s->j, s->name, s->k);
	for (unsigned k = 0; k < s->k; k++)
		step(A);
	if (s->k)
		finish(B);
	if (!(s->kill & KILLED_A))
		finish(A);
	if (!(s->kill & KILLED_B))
		finish(B);
	recover(s->kill);
	judge(s, t);
}

/* All that can come after A's point i and B's point j. Killed after a point that
 * wrote nothing, a side leaves what it left after the one before. */
static void branch(const struct moment *at, unsigned i, unsigned j, struct tally *t)
{
	bool a = !side[A].done && (side[A].wrote || !i), b = !side[B].done && side[B].wrote;
	bool later = !side[A].done && !side[B].done && j;
	unsigned k = 1 + (i * 7 + j * 13) % 11;

	follow(at, &(struct schedule){ "both go on", i, j, 0, 0 }, t);
	if (a)
		follow(at, &(struct schedule){ "A is killed", i, j, 0, KILLED_A }, t);
	if (b)
		follow(at, &(struct schedule){ "B is killed", i, j, 0, KILLED_B }, t);
	if (a && b)
		follow(at, &(struct schedule){ "both are killed", i, j, 0, KILLED_A | KILLED_B },
		       t);
	if (later)
		follow(at, &(struct schedule){ "A goes on, then B", i, j, k, 0 }, t);
	if (later)
		follow(at, &(struct schedule){ "A is killed later", i, j, k, KILLED_A }, t);
}

/* -- the walk over the points ---------------------------------------------------- */

struct choice {
	unsigned rows, every; /* of A's points, and of the pairs: one in so many */
	bool some;            /* fewer of them, an ordinary run's */
	unsigned from;        /* which of them: by seed */
	long i, j;            /* this one alone; -1: all */
};

/* Odd, so as not to fall in step with a loop of two or four. */
static unsigned one_in(unsigned long n, unsigned long most)
{
	return n <= most ? 1 : (unsigned)(n / most + 1) | 1;
}

static bool visited(const struct choice *c, unsigned i)
{
	return c->i >= 0 ? i == (unsigned)c->i : (i + c->from) % c->rows == 0;
}

static bool chosen(const struct choice *c, unsigned i, unsigned j)
{
	if (c->i >= 0)
		return i == (unsigned)c->i && j == (unsigned)c->j;
	return visited(c, i) && (i * 31 + j + c->from) % c->every == 0;
}

static unsigned length(enum side_id id, const struct moment *start)
{
	unsigned n = 0;

	put_back(start);
	for (; !side[id].done; n++)
		step(id);
	put_back(start);
	return n;
}

static void walk(const struct choice *c, struct moment m[2], struct tally *t)
{
	for (unsigned i = 0; t->bad < SHOWN; i++) {
		keep(&m[0]);
		alarm(HANG);
		for (unsigned j = 0; visited(c, i) && t->bad < SHOWN; j++) {
			if (chosen(c, i, j)) {
				keep(&m[1]);
				branch(&m[1], i, j, t);
				put_back(&m[1]);
				t->points++;
			}
			if (side[B].done)
				break;
			step(B);
		}
		put_back(&m[0]);
		if (side[A].done)
			break;
		step(A);
	}
	alarm(0);
}

static void fight(const struct duel *d, struct choice c, struct moment m[3], struct tally *t)
{
	struct tally now = { .silent = t->silent };
	unsigned a, b;

	duel = d;
	memset(&notes, 0, sizeof(notes));
	world_make(&w, (void *)BH_ARENA_BASE);
	shared_len = w.v.l.off_data[0];
	w.me = world_task(&w, BH_RUNNING, VICTIM);
	if (d->setup)
		d->setup(&w);
	begin(A);
	begin(B);
	world_alias(&mine, &w);
	protect(PROT_NONE);
	keep(&m[2]);
	a = length(A, &m[2]);
	b = length(B, &m[2]);
	if (!c.every) {
		c.rows = one_in((a + 1) * (b + 1), c.some ? SOME_STEPS : STEPS);
		c.every = one_in((a + 1) * (b + 1) / c.rows, c.some ? SOME_PAIRS : PAIRS);
	}
	if (d->mutant) { /* what fails without a duel proves nothing */
		follow(&m[2], &(struct schedule){ "both go on", 0, 0, 0, 0 }, &now);
		if (now.bad)
			errx(1, "%s: wrong even if A and B do not meet", d->name);
		put_back(&m[2]);
	}
	walk(&c, m, &now);
	printf("%-24s %4u x %4u points, %6lu pairs, %7lu schedules%s\n", d->name, a, b, now.points,
	       now.schedules, now.bad ? ", bad" : "");
	fflush(stdout);
	t->points += now.points;
	t->schedules += now.schedules;
	t->bad += now.bad;
	world_free(&w);
	world_free(&mine);
}

static struct moment *moments(void)
{
	struct moment *m = calloc(3, sizeof(*m));

	if (!m)
		err(1, "moments");
	for (int i = 0; i < 3; i++)
		world_make(&m[i].w, NULL);
	return m;
}

/* An ordinary run tries some pairs, not always the same: BH_SEED, which it prints, repeats
 * them. */
static void choose_some(struct choice *c)
{
	const char *seed = getenv("BH_SEED");

	c->some = true;
	c->from = seed ? (unsigned)strtoul(seed, NULL, 0) : (unsigned)getpid();
	printf("BH_SEED=%u\n", c->from);
}

/* interleave [--dense | --mutants] [DUEL [I J]] */
int main(int argc, char **argv)
{
	struct choice c = { .i = -1, .j = -1 };
	struct tally t = { 0 };
	struct moment *m = moments();
	unsigned n = 0, missed = 0;
	const char *only;
	bool mutants = argc > 1 && !strcmp(argv[1], "--mutants");
	bool dense = argc > 1 && !strcmp(argv[1], "--dense");

	argv += mutants || dense;
	only = argv[1];
	if (only && argv[2] && argv[3]) {
		c.i = atol(argv[2]);
		c.j = atol(argv[3]);
	}
	c.rows = c.every = dense;
	if (!dense && !mutants && !getenv("BH_WHOLE"))
		choose_some(&c);
	t.silent = mutants;
	handle_signals();
	for (struct duel *d = duels; d; d = d->next) {
		unsigned long before = t.bad;

		if (only ? strcmp(only, d->name) != 0 : d->mutant != mutants)
			continue;
		fight(d, c, m, &t);
		missed += t.bad == before;
		n++;
	}
	printf("%u %s, %lu pairs of points, %lu schedules audited, %lu bad\n", n,
	       mutants ? "mutants" : "duels", t.points, t.schedules, t.bad);
	if (mutants && missed)
		fprintf(stderr, "%u mutants were not found out\n", missed);
	return !n || (mutants ? missed : t.bad);
}
#endif
