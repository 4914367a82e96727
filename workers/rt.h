/* SPDX-License-Identifier: MIT */
/*
 * rt.h: what the files of workers/ share: the state of this worker process and
 * the few calls between executor, tasks, memory and I/O.
 *
 * A worker has one thread. Control passes between the executor's loop (on the
 * process's own stack) and one fiber at a time (on a stack in the arena); a poll
 * task runs on the executor's stack.
 *
 * Everything here is private to the process and dies with it; all that must
 * outlive it is in the arena (rt.v).
 */
#ifndef BH_WORKERS_RT_H
#define BH_WORKERS_RT_H

#include <signal.h>

#include <bulkhead/bulkhead.h>

/* In here names are the caller's to tell. */
#undef bh_spawn
#undef bh_spawn_poll
#undef bh_spawn_on
#undef bh_spawn_poll_on
#undef bh_spawn_blocking
#undef bh_scope_spawn
#undef bh_local_spawn
#undef bh_local_spawn_poll
#undef bh_serve
#undef bh_serve_poll

#include "ipc/arena.h"
#include "workers/context.h"
#include "workers/sched.h"
#include "workers/spin.h"

/* What a fiber asks of the executor when it switches back to it. */
enum bh_after {
	BH_AFTER_END,
	BH_AFTER_SUSPEND,
	BH_AFTER_YIELD
};

/* The timing of polls (meter.h). */
struct bh_meter_run {
	uint32_t until;  /* the next poll that may be timed, counted from here; */
	uint32_t step;   /* and from the last that might have been */
	uint32_t left;   /* from that one to the next that the meter takes */
	uint32_t stride; /* how many polls that stands for */
	int64_t cost_ns;
	uint32_t chance;
};

/* Why what becomes runnable here does not just go into this worker's own queue. One word
 * for both: a wake-up tests it once. */
enum bh_detour {
	BH_DETOUR_SHARED = 1, /* nobody looks at its queues: it goes to the shared ones */
	BH_DETOUR_RECORD = 2, /* it is recorded (trace.h) */
};

enum {
	BH_EH_MAX = 4 /* C++ libraries in one process; more are not looked after */
};

struct bh_rt {
	struct bh_view v;
	struct bh_worker *me; /* v.workers[slot] */
	uint32_t slot, epoch;
	int epfd[BH_MAX_REACTORS]; /* of v.l.reactors instances; -1: there is none */
	int doorbell;
	uint32_t leased;  /* 1 + the instance that it sleeps in, or is about to; 0: none */
	uint32_t look_at; /* the instance whose turn it is */

	uint32_t idx; /* the task that runs; 0: none */
	struct bh_tcb *task;
	uint64_t handle;
	enum bh_after after;
	struct bh_context loop; /* the executor, while a fiber runs */
	struct bh_eh_globals *eh[BH_EH_MAX]; /* of C++ libraries; NULL: of no more (exception.h) */
	uint32_t tick;
	uint32_t detour;   /* enum bh_detour */
	uint32_t lifo_run; /* LIFO polls in a row */
	uint32_t wanted;   /* a->workers_wanted, as this worker last saw it */
	uint32_t budget;   /* operations left to this poll (coop.c) */
	int64_t seen_ns;   /* what bh_now() said last: it is later now */
	bool owes_line;    /* a line of stderr was begun (lines.c) */
	bool owes_look;    /* at who sleeps; and at until when the kernel does, for a timer */
	int64_t owes_ns;   /* posted for then; 0: for none (owed.h) */
	struct bh_sched sched;
	struct bh_spin spin;
	struct bh_meter_run meter;

	int32_t pid; /* of the process in the slot: one with another id is a fork of it */
	bool forked; /* this process was forked by user code: no task runs in it (fork.c) */

	const struct bh_plan *plan;
	const struct bh_plan_service *plan_service;
	struct bh_service service; /* as much of it as the module's header knew */
};

extern struct bh_rt bh_rt;

/* The epoll instance for descriptor @fd. Also one that took over the number knows it. */
static inline int bh_rt_epfd(int fd)
{
	return bh_rt.epfd[bh_reactor_of(fd, bh_rt.v.l.reactors)];
}

/* Why there is no running task: @otherwise, or -BH_EFORKED. */
static inline int bh_rt_no_task(int otherwise)
{
	return bh_rt.forked ? -BH_EFORKED : otherwise;
}

/* Maps this process's view of the arena and takes worker slot @slot at @epoch,
 * then runs tasks until killed. -ESTALE: the slot is no longer ours. Never
 * returns otherwise. */
int bh_executor_run(uint32_t slot, uint32_t epoch);

/* The same for blocking slot @slot and jobs (blocking.c). */
int bh_blocking_run(uint32_t slot, uint32_t epoch);

/* -- executor.c: the running task ------------------------------------------ */

/*
 * Suspends the running fiber until it is woken, aborted, or @deadline; may return
 * in another worker. 0: woken (perhaps spuriously), -BH_ETIMEDOUT,
 * -BH_ECANCELED, -EDEADLK (not in a fiber). BH_NOWAIT: -BH_ETIMEDOUT at once.
 */
int bh_rt_suspend(enum bh_wait why, uint64_t on, int64_t deadline);

/* True if the running task was aborted. */
bool bh_rt_aborted(void);

/* Queues a hint that task @idx is SCHEDULED, where this worker finds it first,
 * and wakes a worker if the idle rules ask for it. @how it came to be, for the record:
 * BH_EV_SPAWN or BH_EV_WAKE. */
void bh_rt_schedule(uint32_t idx, enum bh_event_kind how);

/* bh_state_wake() and the queueing that follows it, by this worker. */
int bh_rt_wake(uint32_t idx, uint32_t gen, uint64_t flags);

/* Sets the running task's deadline and tells the kernel. INT64_MAX: none. */
void bh_rt_deadline(struct bh_tcb *t, uint32_t idx, int64_t deadline);

/* -- clock.c ----------------------------------------------------------------- */

/* CLOCK_MONOTONIC in ns, whatever the service's clock shows: for what the kernel or
 * people are told. */
int64_t bh_rt_clock(void);

/* ms since the arena was made, by the coarse clock: to compare, and to show people. */
uint32_t bh_rt_age_ms(void);

/* -- blocks.c: memory blocks of a task -------------------------------------- */

/* Takes a block of class @cls for the task with handle @owner and puts its
 * reference in *@slot (one of the task's single-block fields) or, when @slot is
 * NULL, at the head of its list. 0: no memory. Commit: the CAS on the owner. */
uint32_t bh_block_take(struct bh_tcb *t, uint64_t owner, uint32_t cls, _Atomic uint32_t *slot);

/* Frees one block that @owner has, which must be in no list any more. */
void bh_block_free(uint32_t ref, uint64_t owner);

/* Frees all blocks in the list of @t, its argument and its stack (not its
 * reply: @reply says so). */
void bh_blocks_release(struct bh_tcb *t, uint64_t owner, bool reply);

/* Which block of data the address lies in; 0: none. */
uint32_t bh_block_containing(const void *p);

/* -- net.c: I/O slots of a task --------------------------------------------- */

/* Closes every I/O slot in the list of @t. */
void bh_ios_release(struct bh_tcb *t, uint64_t owner);

/* Moves I/O slot handle @io from the running task to @to, a task that it holds
 * in RESERVED with handle @owner. -BH_ESTALE: not the caller's. Commit: the
 * store of the slot's owner word; until then it is the caller's. */
int bh_io_give(bh_io io, struct bh_tcb *to, uint64_t owner);

/* -- types.c: task types ------------------------------------------------------ */

/* The index of type {fn, name}; registers it on first use. When the table is
 * full: the last entry, "other". */
uint32_t bh_type_of(uint64_t fn, const char *name);

/* -- crash.c ------------------------------------------------------------------ */

/* Installs the handlers that write this worker's last words. */
void bh_crash_handlers(void);

/* The handler of fatal signals, for who stands before it. Their action is the default when
 * it runs. */
void bh_crash_fatal(int sig, siginfo_t *info, void *context);

/* -- zygote.c ----------------------------------------------------------------- */

/* The life of a zygote whose service code is @service: maps, init, the service's
 * first task, then forks workers and twins on request. Does not return. */
_Noreturn void bh_zygote_run(const struct bh_service *service);

/* -- task.c: for the zygote --------------------------------------------------- */

/* Spawns the service's main as a task with no parent, by the zygote. */
int bh_spawn_main(const struct bh_service *service);

/* worker_init.c: the service's worker_init(), in the process that has taken its slot. Ends
 * the process if that fails. */
void bh_worker_init(void);

/* main_task.c: the fiber that is: runs bh_rt.service's main(). */
int64_t bh_main_fiber(void *unused);

#endif
