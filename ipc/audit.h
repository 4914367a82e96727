/* SPDX-License-Identifier: MIT */
/*
 * audit.h: reads an arena and names every invariant that does not hold.
 *
 * Two depths. A quiet arena (no worker runs: after recovery in a test, or all
 * stopped) is checked for everything. A busy one is checked for what holds at
 * every instant, so a finding there is real however the workers race with it:
 * only words that say something wrong by themselves are reported.
 *
 *   name            what must hold                                       busy
 *   state-valid     every state word is one of enum bh_state              yes
 *   holder-alive    RUNNING and RESERVED name a live incarnation
 *   no-cleanup      no task is in CLEANUP
 *   hint            every SCHEDULED task stands in a queue
 *   done-parent     every DONE task has a live parent that lists it
 *   detached-done   no DONE task is DETACHED                              yes
 *   child-list      every child listed names its parent, once
 *   join-woken      nobody waits to join a task that has ended
 *   block-owner     every block's owner is alive and reaches it
 *   io-owner        every I/O slot's owner is alive and lists it
 *   io-woken        nobody waits on a direction that is marked ready
 *   task-pool       every free task slot below the mark is in the pool
 *   block-pool      likewise blocks
 *   io-pool         likewise I/O slots
 *   pool-mark       marks lie within their table                          yes
 *   runq            head <= tail <= head + 256                            yes
 *   inject          head and tail are at most a ring apart                yes
 *   idle-mask       bits stand for slots in use                           yes
 *   pinned-home     a pinned task's home is a slot in use                 yes
 *   type            every task's type is in the table                     yes
 *   counts          spawned - ended = tasks that are not free
 */
#ifndef BH_IPC_AUDIT_H
#define BH_IPC_AUDIT_H

#include "arena.h"

enum {
	BH_AUDIT_MAX = 64
};

struct bh_audit_finding {
	char invariant[20];
	char text[108];
};

struct bh_audit {
	uint32_t found; /* all violations; the first BH_AUDIT_MAX are kept */
	uint32_t tasks[BH_STATE_COUNT];
	uint64_t blocks, ios; /* in use */
	struct bh_audit_finding finding[BH_AUDIT_MAX];
};

/* Audits @v, which is only read. 0, or -ENOMEM (the marks it makes are private
 * memory: about one byte for each slot ever used). */
int bh_audit_run(const struct bh_view *v, bool quiet, struct bh_audit *out);

#endif
