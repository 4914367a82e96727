/* SPDX-License-Identifier: MIT */
/*
 * worker.h: the worker table: everything about one worker slot that must be
 * readable after its process is dead. Slots from BH_MAX_WORKERS on are those of
 * blocking processes (blocking.h), so that one recovery serves both; they use
 * neither run queue nor timers, and untouched pages cost nothing.
 *
 * Written by the worker in the slot, but for `word` (see below), `runq.head`
 * (thieves too), `park` and `pinned` (wakers too), `timers.head` and `batch.told` (the kernel).
 *
 * Incarnations. `word` says which process is in the slot: incarnation.h.
 *
 * The journal names the objects of a multi-step operation before its first step;
 * recovery checks each named object and puts it right (recover.h). A second check of
 * an object does no harm, so an entry stays when the operation is over, unless its
 * removal costs nothing.
 */
#ifndef BH_IPC_WORKER_H
#define BH_IPC_WORKER_H

#include <stddef.h>

#include "ipc/arena/incarnation.h"
#include "ipc/arena/task.h"
#include "ipc/queue/batch.h"
#include "ipc/queue/idle.h"
#include "ipc/queue/inject.h"
#include "ipc/queue/meter.h"
#include "ipc/queue/pool.h"
#include "ipc/queue/runq.h"

enum {
	BH_TIMER_RING = 1024
};

/* Indexes of tasks with a deadline for the kernel to look at. Single producer
 * (the worker), single consumer (the kernel). When it is full the worker rings
 * the doorbell and waits: the kernel never waits for a worker, so it drains. */
struct bh_timer_ring {
	_Alignas(64) _Atomic uint32_t head; /* kernel */
	_Alignas(64) _Atomic uint32_t tail; /* worker */
	_Atomic uint32_t idx[BH_TIMER_RING];
};

/* Operations whose counters are put right after a crash. */
enum bh_journal_op {
	BH_OP_NONE = 0,
	BH_OP_SPAWN,   /* slot is being reserved and published */
	BH_OP_END,     /* slot, which this worker runs, is ending; counts as completed */
	BH_OP_CANCEL,  /* the same; counts as canceled */
	BH_OP_RELEASE, /* slot, a child of the running task, is being unlinked and freed */
};

/* As struct cmsghdr and its data, where Linux stores numbers before their descriptors exist. */
struct bh_incoming {
	uint64_t head[2];
	_Atomic int32_t fd[2]; /* 0: none */
};

struct bh_journal {
	_Atomic uint32_t op;         /* enum bh_journal_op */
	_Atomic uint32_t slot;       /* task slot being reserved, released or ended */
	_Atomic uint32_t popped;     /* task index taken from a queue, not yet run */
	_Atomic uint32_t wake;       /* task index being woken: SCHEDULED, perhaps not queued */
	_Atomic uint32_t io;         /* I/O slot being opened, given or closed */
	_Atomic uint32_t token;      /* token being made, canceled or dropped */
	_Atomic uint32_t sync;       /* object being made, served or closed */
	_Atomic uint32_t claim;      /* claim being made, posted or given up */
	_Atomic uint32_t block;      /* block being taken, moved or freed */
	_Atomic uint32_t extent;     /* 1 + number of the extent being uncharged (extent.h) */
	_Atomic uint64_t count;      /* the counter's value once `op` is done */
	_Atomic uint64_t task;       /* SPAWN: the state word of the reserved slot, 0 before */
	_Atomic uint32_t accepting;  /* 1: a descriptor may exist that no I/O slot names yet */
	struct bh_incoming incoming; /* descriptors without an owner yet (files.h) */
};

/* A dying worker's account of its crash, from its signal handler. */
struct bh_last_words {
	_Atomic uint32_t valid; /* 1 + the epoch of the writer */
	int32_t signal;
	uint32_t stack_overflow, n_frames;
	uint64_t address, ip, sp, bp;
	int64_t time_ns;
	uint64_t frames[16];
};

struct bh_counters {
	_Atomic uint64_t spawned, completed, canceled; /* exact, by the journal */
	_Atomic uint64_t polls, steals, steal_ops, overflows, parks, unparks, lifo_hits;
	_Atomic uint64_t budget_yields;
	_Atomic uint64_t noop_wakes; /* unparked, and found no work */
};

struct bh_slot {
	_Alignas(128) _Atomic uint64_t word; /* incarnation: see above */
	_Atomic int64_t ready_ns;            /* when this incarnation could run tasks */
	_Atomic uint32_t recovered;          /* the kernel's: 1 + epoch once the task that the
						dead incarnation was running has been taken from
						it, 0 when recovery is complete */
	_Atomic uint32_t doomed;             /* the kernel's: the epoch that the kernel is about
						to kill: its job was aborted (blocking.h) */

	_Alignas(128) _Atomic uint64_t heartbeat; /* turns of the executor's loop */
	_Atomic uint64_t current;                 /* handle of the task held: stored before
						     SCHEDULED -> RUNNING, so it names the
						     only task RUNNING in this worker, if any */
	struct bh_journal journal;

	_Alignas(128) _Atomic uint32_t lifo; /* the task woken last; 0: none */
	struct bh_batch batch;
	struct bh_runq runq;

	struct bh_inject pinned; /* tasks that run here alone; cells: bh_pinned_of() */

	_Alignas(128) _Atomic uint32_t park; /* BH_AWAKE, BH_PARKED: a futex */

	_Alignas(128) struct bh_counters count;
	struct bh_timer_ring timers;

	struct bh_pool_cache tasks, ios, tokens, syncs, claims, blocks[BH_CLASSES];
	struct bh_last_words last_words;
	struct bh_last_words sample; /* where a hog was, when the kernel asked */
	struct bh_meter meter;
	_Atomic uint32_t initing;   /* the epoch + 1, while the worker is in worker_init() */
	_Atomic int32_t init_error; /* its return value, if it failed */
};
_Static_assert(offsetof(struct bh_slot, lifo) - offsetof(struct bh_slot, heartbeat) == 128,
	       "what each poll stores: two cache lines");

#endif
