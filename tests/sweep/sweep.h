/* SPDX-License-Identifier: MIT */
/*
 * sweep.h: the crash sweep: every operation on shared memory, killed after each
 * of its instructions.
 *
 * An operation runs in a child as worker 0 (or blocking process 0), under single-step. After each
 * instruction the arena is what a SIGKILL at that moment would leave (the stores
 * that retired, nothing else), so instead of killing and forking anew the
 * harness copies it, recovers the copy as the kernel would, and audits the copy.
 * An instruction that changed nothing in the arena leaves the same wreck as the
 * one before it, and is counted without being audited again.
 *
 * Then once more for each intruder: what worker 1 may do between the victim's
 * last instruction and the recovery (steal from it, wake its tasks, ...). In an ordinary run
 * each wreck has one of all these, nobody in every second; with BH_WHOLE=1 all go to all.
 *
 * Adding an operation:
 *
 *     static void setup(struct world *w) { ... }      // state before it
 *     static void run(struct world *w) { bh_foo(); }  // the operation
 *     SWEEP(foo, .setup = setup, .run = run, .covers = "bh_foo");
 *
 * `covers` names the functions with a commit point that it goes through; a test
 * fails for a function whose comment says "Commit:" and that no operation names.
 */
#ifndef BH_TESTS_SWEEP_H
#define BH_TESTS_SWEEP_H

#include "ipc/arena/extent.h"
#include "ipc/protocol/trim.h"
#include "ipc/repair/audit.h"
#include "ipc/repair/recover.h"

enum {
	VICTIM = 0,
	OTHER = 1,
	SPARE = 2,
	WORKERS = 3,
	WORLD_EPOCH = 7,        /* of all that are up */
	JOBBER = BH_MAX_WORKERS /* a blocking process */
};

/* A small system: three worker slots, of which 0 and 1 are up at epoch 7, and one
 * blocking process, likewise. */
struct world {
	struct bh_view v;
	int fd;
	uint32_t victim;
	uint32_t me;    /* index of the task that runs in it */
	uint32_t child; /* what setups made, for run and check */
	uint32_t other;
	uint32_t io;
	uint32_t budget; /* of recovery, as in bh_recover_ops */
	uint64_t found;  /* the slot's word, as the last recovery found it */
};

struct sweep_op {
	const char *name;
	const char *covers;
	void (*setup)(struct world *w);
	void (*run)(struct world *w);
	/* After recovery of a wreck: what the audit cannot know. NULL: nothing.
	 * Returns what is wrong, or NULL. */
	const char *(*check)(struct world *w);
	uint32_t victim;   /* its slot; VICTIM, or JOBBER */
	bool kernel;       /* the operation is the kernel's: its successor scans, too */
	bool no_intruders; /* what worker 1 does makes no difference */
	struct sweep_op *next;
};

void sweep_register(struct sweep_op *op);

#define SWEEP(id, ...)                                                     \
	static struct sweep_op sweep_##id = { .name = #id, __VA_ARGS__ };  \
	__attribute__((constructor)) static void sweep_register_##id(void) \
	{                                                                  \
		sweep_register(&sweep_##id);                               \
	}

/* -- world.c: building states by hand ------------------------------------------ */

/* A fresh arena, mapped at @base (NULL: anywhere). */
void world_make(struct world *w, void *base);
void world_free(struct world *w);

/* Maps the arena of @from once more, elsewhere. */
void world_alias(struct world *to, const struct world *from);

/* Copies what recovery and audit read: the tables, and the slots of the workers
 * there are; blocks' contents are nobody's business. And compares it. */
void world_copy(struct world *to, const struct world *from);
bool world_same(const struct world *a, const struct world *b);

/* Worker @slot is up. */
void world_start(struct world *w, uint32_t slot);

/* Makes this process worker @slot of the world; the task it holds, if any, is
 * the running one. */
void world_become(struct world *w, uint32_t slot);

/* A task in the given state; held by @slot for RUNNING. Counted as spawned. */
uint32_t world_task(struct world *w, enum bh_state s, uint32_t slot);

/* Epoll instances for this process, and their kicks. */
void world_epoll(void);

/* Makes @child a child of @parent. */
void world_adopt(struct world *w, uint32_t parent, uint32_t child);

/* A block of 256 bytes, or an I/O slot without a descriptor, that @task owns. */
uint32_t world_block(struct world *w, uint32_t task);
uint32_t world_io(struct world *w, uint32_t task);

/* @task, which is a fiber, has a stack. Another one has all blocks of class @cls. */
void world_stack(struct world *w, uint32_t task);
void world_use_up(struct world *w, uint32_t cls);

/* The extents of class @cls up to block @end are charged; no hint says so. Before all else
 * that is done to that class. */
void world_charge(struct world *w, uint32_t cls, uint32_t end);

enum bh_state world_state(struct world *w, uint32_t task);

/* Recovers the victim, or @slot, as the kernel does, whoever of the slot's epochs it was. */
void world_recover(struct world *w);
void world_recover_slot(struct world *w, uint32_t slot);

/* Recovers the victim; what was decided about its task is carried out last. */
void world_recover_held(struct world *w);

/* What a kernel which replaced another one does: it marks all I/O slots, and scans. */
void world_scan(struct world *w);

#endif
