/* SPDX-License-Identifier: MIT */
/*
 * stall.h: the work that a stalled living worker keeps from other workers, and how the
 * kernel hands it to them.
 *
 * A worker may be in one poll for a long time, or be stopped (SIGSTOP, a debugger,
 * a page that does not come) between any two instructions. Its ring is open to
 * thieves all the while; this is about the rest. The worker may go on at any moment
 * and keeps all that it holds: queues are hints, so a second hint to the same task is
 * all that is ever needed.
 *
 * Called by the kernel alone, which names the moved task in its own journal
 * (arena->waking). Hostile input as in recover.h.
 */
#ifndef BH_IPC_STALL_H
#define BH_IPC_STALL_H

#include "ipc/arena/arena.h"

/*
 * For worker @slot, which has been in one turn for some time. Its LIFO slot goes to the
 * inject queue, and its batch is queued there, too. Its searching bit is cleared, for
 * while the bit stands pushers wake no worker: a picker that was stopped between its two
 * steps may have set it late (idle.h). So are the searching bits of sleeping workers, for
 * the stopped picker may be @slot. If the worker sleeps without its `parked` bit, its
 * picker was stopped: the kernel wakes the worker. And another worker is woken for entries
 * that @slot may have queued without a wake-up. To be called again and again while the
 * worker does not turn. Commit: the CAS on the slot.
 */
void bh_stall_relieve(const struct bh_view *v, uint32_t slot);

/*
 * For worker @slot with a process that does not run: tasks that it was about to queue or to
 * run stand in no queue. Each SCHEDULED task that its journal, its ring's cells or its
 * batch name is queued (again), and the parent of the task that it was ending is woken.
 * The worker itself is woken, in case its waker was stopped before the system call. No
 * task is queued while the inject queue has entries, so that hints do not pile up.
 */
void bh_stall_requeue(const struct bh_view *v, uint32_t slot);

#endif
