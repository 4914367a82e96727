/* SPDX-License-Identifier: MIT */
/*
 * duel.h: two operations at once on one arena, in every order that one switch
 * there and one switch back can make.
 *
 * Side A (worker 0) and side B (worker 1, or the kernel) are two contexts with a
 * stack and a private state (bh_rt) each. A point is an instruction that touches
 * the shared part of the arena: between two of them it makes no difference where
 * a switch is made. The arena is mapped without access, so each such instruction
 * faults; it is let through alone, under the trap flag, and the side stops there.
 * For each point i of A and each point j of B that follows it, the state of both
 * is kept, and from there:
 *
 *   nobody      A runs to its end, then B
 *   A           A is killed there, B runs to its end, A is recovered
 *   B           B is killed there, A runs to its end, B is recovered
 *   both        both are killed there and recovered
 *   back        A runs k points more, B to its end, then A
 *   A later     A runs k points more and is killed there, B runs to its end
 *
 * After each the arena is audited, the duel's own check is made, and where the
 * duel says so, whoever is left runs all there is to run: each task exactly once.
 *
 * Adding a duel:
 *
 *     DUEL(pop_steal, .setup = setup_ring, .a = run_turn, .b = run_turn, .drain = true);
 *
 * x86-64 alone: the trap flag in a process's own hands is needed.
 */
#ifndef BH_TESTS_DUEL_H
#define BH_TESTS_DUEL_H

#include "tests/sweep/sweep.h"

enum {
	KILLED_A = 1,
	KILLED_B = 2
};

struct duel {
	const char *name;
	void (*setup)(struct world *w);
	void (*a)(struct world *w);
	void (*b)(struct world *w);
	/* After recovery: what is wrong, or NULL. @killed: KILLED_A | KILLED_B. */
	const char *(*check)(struct world *w, unsigned killed);
	bool kernel;                   /* B is the kernel's */
	void (*heir)(struct world *w); /* what a killed kernel's successor does before its scan */
	bool drain;                    /* every SCHEDULED task is of counted() */
	bool mutant;                   /* A or B is wrong on purpose, and must be found out */
	struct duel *next;
};

void duel_register(struct duel *d);

#define DUEL(id, ...)                                                     \
	static struct duel duel_##id = { .name = #id, __VA_ARGS__ };      \
	__attribute__((constructor)) static void duel_register_##id(void) \
	{                                                                 \
		duel_register(&duel_##id);                                \
	}

enum {
	NOTED = 704
};

/* Memory that both sides see and that is no part of the arena: put back with it. */
struct duel_notes {
	uint8_t ran[NOTED]; /* how often counted() ran, by task index */
	bool counts[NOTED]; /* is a counted() task */
	bool flag;          /* what a waker did before it woke */
};
extern struct duel_notes notes;

/* A SCHEDULED poll task that counts how often it ran; it is in no queue yet. */
uint32_t duel_counted(struct world *w);

/* A RUNNING task of worker 1. */
uint32_t duel_other_task(struct world *w);

/* Ends the running side, from whichever context it is in. */
_Noreturn void duel_end(void);

/* One turn of the executor. */
void duel_turn(struct world *w);

#endif
