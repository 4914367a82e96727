/* SPDX-License-Identifier: MIT */
/*
 * blocking.h: the queue of jobs (BH_KIND_BLOCKING), and the processes that run them.
 *
 * Jobs wait in a queue of their own, FIFO, made like the inject queue. A blocking
 * process takes the oldest, runs it to its end, and takes the next; without one it
 * sets its bit in `parked` and sleeps on its futex, for the time it is kept.
 *
 * No job is left lying while a process is available, by three rules:
 *
 *   process going to sleep           pusher of a job
 *   D1 set my bit in `parked`        D2 push the job
 *      full fence                       full fence
 *      look at the queue                take a bit of `parked`, wake its process
 *
 *   R  a process that goes for good takes its own bit first: then no pusher has picked
 *      it, and later pushers do not find it idle. (The kernel would find the job all the
 *      same when it sees the process's end, but later.)
 *   W  a pusher that finds no idle process sets `wanted`, and rings the kernel if it was
 *      not set. The kernel clears it only before it looks at the queue and finds it
 *      empty; while there are jobs the kernel looks again by itself, and makes processes.
 *
 * So with `wanted` set no further ring is needed: the kernel watches the queue.
 * tests/models/blocking.pml searches all interleavings.
 *
 * Abort. An aborted job that waits in the queue never begins, so any taker may end it: a
 * hint to it goes to the inject queue, too, and a worker ends it at once. The flag in
 * the state word is set first, and every taker checks it; so a job taken from the one
 * queue while it is put in the other is ended all the same. The hint that stays behind
 * is skipped when its turn comes.
 *
 * A running job cannot be asked to end: its process is killed. The kernel
 * stores the process's epoch in `doomed`, and kills the process if the job is then still
 * RUNNING there; the process checks `doomed` when a job has ended, and exits. Kernel or
 * process sees the other's store, so that the kill never hits the next job.
 *
 * Crash. A waker killed after it took a bit and before futex_wake leaves a sleeper
 * without its bit: bh_blocking_rouse(), after every death, wakes such sleepers. The
 * kernel clears the bit of a dead process.
 */
#ifndef BH_IPC_BLOCKING_H
#define BH_IPC_BLOCKING_H

#include "ipc/arena/arena.h"

/* Queues job @idx and wakes a process for it. False: no process is idle (see W).
 * Commit: the CAS on the queue's cell. */
bool bh_blocking_push(const struct bh_view *v, uint32_t idx);

/* Wakes the idle process with the lowest slot (so that the others may go when
 * there is little to do). False: no process is idle. Commit: the AND that takes its
 * bit. */
bool bh_blocking_pick(const struct bh_view *v);

/* The process in @slot announces that it goes to sleep. True: sleep until unparked;
 * false: there is a job. Commit: the OR that sets its bit. */
bool bh_blocking_park_begin(const struct bh_view *v, uint32_t slot);

/* Takes the bit of @slot away. False: a waker took it, and is about to unpark the process. */
bool bh_blocking_unmark(const struct bh_view *v, uint32_t slot);

/* Wakes processes that sleep without their bits: their wakers may be dead. */
void bh_blocking_rouse(const struct bh_view *v);

#endif
