/* SPDX-License-Identifier: MIT */
/* run.h: between the executor (executor.c) and the life of a task (task.c, wait.c). */
#ifndef BH_WORKERS_RUN_H
#define BH_WORKERS_RUN_H

#include "workers/rt.h"

struct bh_cx {
	struct bh_tcb *task;
	int64_t value;
	bool valued; /* bh_poll_result() was called, with `value` */
	bool again;  /* bh_poll_again() was called */
};

/* One turn of the executor: finds a task and runs it until it ends or waits.
 * False: there was none. */
bool bh_executor_turn(void);

/* Makes this process the incarnation @epoch of @slot: handlers, and a ring of the
 * bell. -ESTALE: the slot is no longer ours. */
int bh_slot_take(uint32_t slot, uint32_t epoch);

/* Gives up the slot; the process must end then. False: its word has just been changed,
 * and the slot is not left. */
bool bh_slot_leave(void);

/* Ends a process that has left, or never had, a slot: what was printed is written out. */
_Noreturn void bh_slot_exit(void);

/* Runs the task that hint @idx names until it ends or waits, if it is to be run and
 * of a kind that this process runs. */
void bh_task_run(uint32_t idx);

/* Where a pinned task is to run. Epoch 0: in any incarnation of that worker slot. */
struct bh_home {
	uint32_t worker, epoch;
};

/* bh_spawn() and bh_spawn_poll(), by the address of the function. @home: NULL, the task
 * is not pinned. */
int bh_task_spawn(bh_task *out, enum bh_task_kind kind, uint64_t fn, const void *arg, size_t len,
		  const struct bh_spawn_opts *o, const struct bh_home *home);

/* Ends the running task: releases what it owns, commits, tells its parent. */
void bh_task_finish(enum bh_end end);

/* Drops child @idx of the running task: frees it if it has ended, else lets it go on
 * detached, aborted unless @keep. */
void bh_child_drop(struct bh_tcb *t, uint32_t idx, bool keep);

/* Runs the clean-ups of the running task, the newest first. */
void bh_defers_run(struct bh_tcb *t);

/* Forgets a clean-up that was registered and is no longer needed. */
void bh_defer_drop(void (*fn)(void *arg), const void *arg);

/* Queues a hint that task @idx is SCHEDULED at the end of the own ring, and wakes
 * nobody. */
void bh_rt_push_back(uint32_t idx);

/* Puts the running task at the end of the own ring. */
void bh_task_requeue(void);

/* Spends one of the poll's budget. False: it is spent, and the task is to let others
 * run (a poll task: to ask for another poll). */
bool bh_coop_spend(void);

/* The same for a fiber, which then yields, before an operation that may not wait: 0, or
 * -BH_ECANCELED, -BH_ETIMEDOUT (bh_timeout()). Does nothing in a poll task. */
int bh_coop(void);

/* The same for a poll task: -EAGAIN, and it is polled again. */
int bh_coop_poll(struct bh_cx *cx);

/* -- blocking.c -- */

/* Queues a hint that job @idx is SCHEDULED. */
void bh_job_queue(uint32_t idx);

/* Job @idx was aborted: sees to it that it ends. Commit: the CAS on the queue's cell, if
 * it waits; a ring of the bell, if it runs. */
void bh_job_aborted(struct bh_tcb *t, uint32_t idx);

/* Takes the oldest job and runs it. False: there is none. */
bool bh_job_turn(void);

/* Runs the job that this process holds to its end. */
void bh_job_run(struct bh_tcb *t);

/* More workers are up than wanted, and this is one of those too many. */
bool bh_surplus(void);

/* Between two polls: gives up the slot of this worker, which is surplus, if no task is
 * pinned to it: true, and the process must end. Without @idle it looks only now and
 * then. */
bool bh_retire(bool idle);

/* Gives away what is queued at this worker (but for tasks that are pinned to it).
 * Commit of each: the push. */
void bh_hand_over(void);

/* -- reactor.c: epoll, by the worker itself ------------------------------------- */

/* A busy worker looks once at the instance whose turn it is, unless another one does. */
void bh_reactor_look(void);

/* An idle one takes a lease to sleep in epoll_wait (bh_rt.leased). False: somebody has
 * each of them, or there is no epoll instance. */
bool bh_reactor_lease(void);
void bh_reactor_unlease(void);

/* Parked, with a lease: sleeps until events have woken tasks or it is unparked,
 * and gives the lease back. */
void bh_reactor_sleep(void);

/* Rings the kernel's doorbell. */
void bh_doorbell(void);

#endif
