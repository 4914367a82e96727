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
 *   sync-owner      likewise sync objects                                steps
 *   sync-links      kinds and lists can be                               busy
 *   sync-lock       who serves is a slot in use                          busy
 *   sync-served     nobody serves, nothing is left to do                 quiet
 *   sync-list       the list is one, both ways, of claims that wait      quiet
 *   sync-count      what is taken out is what claims hold                quiet
 *   claim-word      states, slots and links can be                       busy
 *   claim-owner     who asks, or holds, is alive                         steps
 *   task-pool       every free task slot below the mark is in the pool   quiet
 *   block-pool      likewise blocks                                      quiet
 *   io-pool         likewise I/O slots                                   quiet
 *   token-pool      likewise tokens                                      quiet
 *   sync-pool, claim-pool   likewise those                               quiet
 *   pool-mark       marks lie within their table, and are even           busy
 *   pool-cache      workers' caches name what is in the table            busy
 *   runq            head <= tail <= head + 256, entries in the table     busy
 *   batch           fewer than 8 are left, entries in the table          busy
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

#include "ipc/repair/audit_step.h"

/* Audits @v, which is only read. 0, or -ENOMEM (the marks it makes for a quiet
 * one are private memory: about one byte for each slot ever used). */
int bh_audit_run(const struct bh_view *v, bool quiet, struct bh_audit *out);

#endif
