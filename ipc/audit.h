/* SPDX-License-Identifier: MIT */
/*
 * audit.h: reads an arena and names every invariant that does not hold.
 *
 * Three depths. A quiet arena (no worker runs: after recovery in a test, or all
 * stopped) is checked for everything. A busy one is checked for what holds at
 * every instant, so a finding there is real however the workers race with it:
 * only words that say something wrong by themselves are reported. And the kernel
 * steps through the arena of a running service (bh_audit_step), for these and for
 * what may be false for a moment: that, it looks at again (kernel/repair/audit.c).
 *
 *   name            what must hold                                      depth
 *   header          what was written when the arena was made stands      busy
 *   guard           likewise the guards at the ends of the parts         busy
 *   state-valid     every state word is one of enum bh_state             busy
 *   holder-valid    its holder is one that such a state can have         busy
 *   holder-alive    RUNNING and RESERVED name a live incarnation         steps
 *   holder-current  which says that it runs or makes this task           steps
 *   no-cleanup      no task is in CLEANUP                                steps
 *   hint            every SCHEDULED task stands in a queue; a job in     steps
 *                   that of jobs
 *   done-parent     every DONE task has a live parent (quiet: that       steps
 *                   lists it)
 *   detached-done   no DONE task is DETACHED                             busy
 *   task-links      what a task names lies in the tables                 busy
 *   child-list      every child listed names its parent, once            quiet
 *   job-waits       no job of a blocking process is WAITING                busy
 *   join-woken      nobody waits to join a task that has ended           quiet
 *   block-owner     every block's owner is in the table (busy), alive    steps
 *                   (steps), and reaches it (quiet)
 *   block-link      the block it names as next is in a table             busy
 *   block-extent    the extent of a block in use, or free, is charged;   steps
 *                   that of one which is kept from use is not, or a
 *                   worker is about to uncharge it
 *   charge          the sum of what is charged is below the limit (busy),
 *                   and what the extents' words add up to (quiet)
 *   io-owner        likewise I/O slots                                   steps
 *   io-slot         links, waiters and descriptors can be                busy
 *   io-woken        nobody waits on a direction that is marked ready     quiet
 *   token-owner     likewise tokens                                      steps
 *   token-cell      whom a token is to tell is in a table                busy
 *   task-pool       every free task slot below the mark is in the pool   quiet
 *   block-pool      likewise blocks                                      quiet
 *   io-pool         likewise I/O slots                                   quiet
 *   token-pool      likewise tokens                                      quiet
 *   pool-mark       marks lie within their table, and are even           busy
 *   pool-cache      workers' caches name what is in the table            busy
 *   runq            head <= tail <= head + 256, entries in the table     busy
 *   hand            fewer than 8 are left, entries in the table          busy
 *   inject          head and tail are at most a ring apart               busy
 *   inject-cell     every cell is of this lap or the next; likewise      steps
 *                   in the workers' rings for pinned tasks
 *   idle-mask       bits stand for slots in use                          busy
 *   park            a parker is one of enum bh_park                      busy
 *   spinner         who spins is a worker, or nobody does                busy
 *   current         the task a worker holds is in the table              busy
 *   journal         likewise what its journal names                      busy
 *   pinned-home     a pinned task's home is a slot in use                busy
 *   lease           each reactor's is a worker's or nobody's (busy); quiet:
 *                   a live incarnation's
 *   type            every task's type is in the table                    busy
 *   evring          the newest event of a ring bears its number          busy
 *   counts          spawned - ended = tasks that are not free            quiet
 */
#ifndef BH_IPC_AUDIT_H
#define BH_IPC_AUDIT_H

#include "arena.h"

enum {
	BH_AUDIT_MAX = 64
};

/* What is to be thought of a finding in an arena that is in use. */
enum bh_audit_nature {
	BH_AUDIT_CERTAIN, /* it can never be so */
	BH_AUDIT_PASSING, /* it may be so for a moment */
	BH_AUDIT_MENDED,  /* likewise, and bh_verify_step() puts it right */
	BH_AUDIT_HINT,    /* likewise, and it may come again at once */
};

/* Parts of an arena, as bh_audit_step() goes through them. */
enum bh_audit_part {
	BH_AUDIT_HEADER, /* entry 0: the header; then the guards */
	BH_AUDIT_WORKERS,
	BH_AUDIT_INJECT, /* an entry: the 8 cells of a cache line */
	BH_AUDIT_JOBS,   /* likewise */
	BH_AUDIT_PINNED, /* likewise, the workers' rings one after the other */
	BH_AUDIT_TASKS,
	BH_AUDIT_IOS,
	BH_AUDIT_TOKENS,
	BH_AUDIT_BLOCKS, /* and so on, by size class */
	BH_AUDIT_PARTS = BH_AUDIT_BLOCKS + BH_CLASSES
};

/* The same entry, invariant and words again is the same finding again. */
struct bh_audit_finding {
	char invariant[20];
	char text[108];
	enum bh_audit_nature nature;
	uint32_t part, idx;
	uint64_t words[2]; /* what was seen */
};

struct bh_audit {
	uint32_t found; /* all violations; the first BH_AUDIT_MAX are kept */
	uint32_t tasks[BH_STATE_COUNT];
	uint64_t blocks, ios; /* in use; quiet only */
	struct bh_audit_finding finding[BH_AUDIT_MAX];
};

/* Audits @v, which is only read. 0, or -ENOMEM (the marks it makes for a quiet
 * one are private memory: about one byte for each slot ever used). */
int bh_audit_run(const struct bh_view *v, bool quiet, struct bh_audit *out);

/* Where a round of bh_audit_step() stands. Start with a zeroed struct. */
struct bh_audit_round {
	uint32_t part, at;
};

/* Looks at the next @n entries and adds what it finds to @out; true: that was the
 * end of the round. */
bool bh_audit_step(const struct bh_view *v, struct bh_audit_round *round, uint32_t n,
		   struct bh_audit *out);

/* How many tasks began and ended, by the counters. A task counts those it spawns before it
 * ends, and the ends are read first: when both are the same, no task is left. */
void bh_audit_count(const struct bh_view *v, uint64_t *began, uint64_t *ended);

/* Looks at one entry. */
void bh_audit_entry(const struct bh_view *v, uint32_t part, uint32_t idx, struct bh_audit *out);

/* Adds a finding; for audits of what more a caller knows. */
void bh_audit_report(struct bh_audit *out, const char *invariant, struct bh_audit_finding about,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
