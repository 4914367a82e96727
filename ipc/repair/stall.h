/* SPDX-License-Identifier: MIT */
/*
 * stall.h: what a living worker that does not turn keeps from the others, and how
 * the kernel hands it to them.
 *
 * A worker may be in one poll for a long time, or be stopped (SIGSTOP, a debugger,
 * a page that does not come) between any two instructions. Its ring is open to
 * thieves all the while; this is about the rest. Nothing is taken back from it
 * (it may go on at any moment, and still holds what it holds): queues are hints,
 * so a second hint to the same task is all that is ever needed.
 *
 * Called by the kernel alone, which names what it moves in its own journal
 * (arena->waking). Hostile input as in recover.h.
 */
#ifndef BH_IPC_STALL_H
#define BH_IPC_STALL_H

#include "ipc/arena/arena.h"

/*
 * For worker @slot, which has been in one turn for some time. Its LIFO slot goes to
 * the inject queue, and what it has in its batch is queued there, too. Its searching
 * bit is cleared, for while it stands nobody is woken: a picker that was stopped
 * between its two steps may have set it late (idle.h); so is that of each worker which sleeps,
 * for the picker may be this one. If it sleeps and no `parked`
 * bit says so, its picker was stopped: it is woken. And somebody is woken for what it
 * may have queued without saying so. To be called again and again while it does not
 * turn. Commit: the CAS on the slot.
 */
void bh_stall_relieve(const struct bh_view *v, uint32_t slot);

/*
 * For worker @slot, whose process does not run: tasks that it was about to queue or
 * to run stand in no queue. Each one that its journal, its ring's cells or its batch
 * name and that is SCHEDULED is queued (again), and the parent of the task that it was
 * ending is woken. It is woken itself, if its waker was stopped before it did. Does nothing while the inject queue has something, so that
 * hints do not pile up.
 */
void bh_stall_requeue(const struct bh_view *v, uint32_t slot);

#endif
