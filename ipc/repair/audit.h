/* SPDX-License-Identifier: MIT */
/*
 * audit.h: reads an arena and names every invariant that does not hold.
 *
 * Three depths. A quiet arena (no worker runs: after recovery in a test, or all
 * stopped) is checked for all invariants. A busy arena is checked for invariants that
 * hold at every instant, so a finding is real however the workers race with the audit:
 * only words that are wrong by themselves are reported. And the kernel steps through
 * the arena of a running service (bh_audit_step), for these and for invariants that may
 * fail for a moment: such findings are checked again (kernel/repair/audit.c).
 *
 *   name            what must hold                                      depth
 *   header          the header is as it was when the arena was made      busy
 *   guard           likewise the guards at the ends of the parts         busy
 *   state-valid     every state word is one of enum bh_state             busy
 *   holder-valid    its holder is possible in this state                 busy
 *   holder-alive    RUNNING and RESERVED name a live incarnation         steps
 *   holder-current  its slot says that it runs or makes this task        steps
 *   no-cleanup      no task is in CLEANUP                                steps
 *   hint            every SCHEDULED task stands in a queue; a job in     steps
 *                   the queue of jobs
 *   done-parent     every DONE task has a live parent (quiet: in whose   steps
 *                   list it is)
 *   detached-done   no DONE task is DETACHED                             busy
 *   task-links      all links of a task lead into the tables             busy
 *   child-list      every child listed names its parent, once            quiet
 *   job-waits       no job of a blocking process is WAITING                busy
 *   join-woken      no task waits to join a task that has ended          quiet
 *   block-owner     every block's owner is in the table (busy), alive    steps
 *                   (steps), and reaches it (quiet)
 *   block-link      its next block is in a table                         busy
 *   block-extent    the extent of a block in use, or free, is charged;   steps
 *                   the extent of a block kept from use is uncharged,
 *                   or a worker is about to uncharge it
 *   charge          the sum of all charges is below the limit (busy),
 *                   and equals the sum of the extents' words (quiet)
 *   io-owner        likewise I/O slots                                   steps
 *   io-slot         links, waiters and descriptors are possible          busy
 *   io-woken        no task waits on a direction that is marked ready    quiet
 *   token-owner     likewise tokens                                      steps
 *   token-cell      every listener of a token is in a table              busy
 *   sync-owner      likewise sync objects                                steps
 *   sync-links      kinds and lists are possible                         busy
 *   sync-lock       the server is a slot in use                          busy
 *   sync-served     there is no server, and nothing left to do           quiet
 *   sync-list       the list is consistent both ways, of waiting claims  quiet
 *   sync-count      the permits taken out are the permits held           quiet
 *   claim-word      states, slots and links are possible                 busy
 *   claim-owner     the task that asks, or holds, is alive               steps
 *   task-pool       every free task slot below the mark is in the pool   quiet
 *   block-pool      likewise blocks                                      quiet
 *   io-pool         likewise I/O slots                                   quiet
 *   token-pool      likewise tokens                                      quiet
 *   sync-pool, claim-pool   likewise sync objects, and claims            quiet
 *   pool-mark       marks lie within their table, and are even           busy
 *   pool-cache      entries of workers' caches are in the table          busy
 *   runq            head <= tail <= head + 256, entries in the table     busy
 *   batch           fewer than 8 entries are left, all in the table      busy
 *   inject          head and tail are at most a ring apart               busy
 *   inject-cell     every cell is of this lap or the next; likewise      steps
 *                   in the workers' rings for pinned tasks
 *   idle-mask       bits stand for slots in use                          busy
 *   park            a parker is one of enum bh_park                      busy
 *   spinner         the spinner, if any, is a worker                     busy
 *   current         the task a worker holds is in the table              busy
 *   journal         likewise the entries of its journal                  busy
 *   pinned-home     a pinned task's home is a slot in use                busy
 *   lease           each reactor's holder, if any, is a worker (busy), and
 *                   a live incarnation (quiet)
 *   type            every task's type is in the table                    busy
 *   evring          the newest event of a ring bears its number          busy
 *   counts          spawned - ended = tasks that are not free            quiet
 */
#ifndef BH_IPC_AUDIT_H
#define BH_IPC_AUDIT_H

#include "ipc/repair/audit_step.h"

/* Audits @v, which is only read. 0, or -ENOMEM (a quiet audit keeps marks in private
 * memory: about a byte for each slot ever used). */
int bh_audit_run(const struct bh_view *v, bool quiet, struct bh_audit *out);

#endif
