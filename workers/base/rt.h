/* SPDX-License-Identifier: MIT */
/*
 * rt.h: what the files of workers/ share: the state of this worker process.
 *
 * A worker has one thread. Control passes between the executor's loop (on the
 * process's own stack) and one fiber at a time (on a stack in the arena); a poll
 * task runs on the executor's stack.
 *
 * Everything here is private to the process and dies with it; all that must
 * outlive it is in the arena (rt.v).
 */
#ifndef BH_WORKERS_BASE_RT_H
#define BH_WORKERS_BASE_RT_H

#include <signal.h>

#include <bulkhead/bulkhead.h>

#include "ipc/arena/arena.h"
#include "workers/base/context.h"
#include "workers/base/sched.h"
#include "workers/base/spin.h"

/* In here names are the caller's to tell. */
#undef bh_spawn
#undef bh_spawn_poll
#undef bh_spawn_on
#undef bh_spawn_poll_on
#undef bh_spawn_blocking
#undef bh_scope_spawn
#undef bh_local_set_spawn
#undef bh_local_set_spawn_poll
#undef bh_serve
#undef bh_serve_poll

/* What a fiber asks of the executor when it switches back to it. */
enum bh_switched {
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
enum bh_slow_path {
	BH_SLOW_SHARED = 1, /* nobody looks at its queues: it goes to the shared ones */
	BH_SLOW_RECORD = 2, /* it is recorded (trace.h) */
};

enum {
	BH_EH_MAX = 4 /* C++ libraries in one process; more are not looked after */
};

struct bh_rt {
	struct bh_view v;
	struct bh_slot *me; /* v.workers[slot] */
	uint32_t slot, epoch;
	int epfd[BH_MAX_REACTORS]; /* of v.l.reactors instances; -1: there is none */
	int doorbell;
	uint32_t leased;  /* 1 + the instance that it sleeps in, or is about to; 0: none */
	uint32_t look_at; /* the instance whose turn it is */

	uint32_t idx; /* the task that runs; 0: none */
	struct bh_tcb *task;
	uint64_t handle;
	enum bh_switched after;
	struct bh_context loop;              /* the executor, while a fiber runs */
	struct bh_eh_globals *eh[BH_EH_MAX]; /* of C++ libraries; NULL: of no more (exception.h) */
	uint32_t tick;
	uint32_t slow_path;   /* enum bh_slow_path */
	uint32_t lifo_run;    /* LIFO polls in a row */
	uint32_t wanted;      /* a->workers_wanted, as this worker last saw it */
	uint32_t budget;      /* operations left to this poll (coop.c) */
	int64_t seen_ns;      /* what bh_now() said last: it is later now */
	bool line_begun;      /* a line of stderr was begun (lines.c) */
	bool notify_deferred; /* at who sleeps; and at until when the kernel does, for a timer */
	int64_t doorbell_deferred_ns; /* posted for then; 0: for none (deferred_fence.h) */
	struct bh_sched sched;
	struct bh_spin spin;
	struct bh_meter_run meter;

	int32_t pid; /* of the process in the slot: one with another id is a fork of it */
	bool forked; /* this process was forked by user code: no task runs in it (fork.c) */

	const struct bh_plan *plan;
	const struct bh_plan_service *plan_service;
	struct bh_service service; /* as much of it as the module's header knew */
};

/* What a poll task is given. */
struct bh_cx {
	struct bh_tcb *task;
	int64_t value;
	bool valued; /* bh_poll_result() was called, with `value` */
	bool again;  /* bh_poll_again() was called */
};

/* Hidden, so that its address is a constant of the image: no register is spent on it. */
extern struct bh_rt bh_rt __attribute__((visibility("hidden")));

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

#endif
