/* SPDX-License-Identifier: MIT */
/*
 * arena.h: one service's shared memory: layout, creation, and a process's view.
 *
 *   ┌──────────┬─────────┬────────┬───────┬───────┬─────┬────────┬────────────┬───────┐
 *   │ header   │ workers │ inject │ types │ tasks │ I/O │ block  │ blocks by  │ event │
 *   │ idle, …  │  × 64   │ ring   │ × 256 │ table │ tbl │ tables │ size class │ rings │
 *   └──────────┴─────────┴────────┴───────┴───────┴─────┴────────┴────────────┴───────┘
 *    each part page-aligned, found by an offset of struct bh_layout
 *
 * The last word of each part but the blocks is a guard: no process writes it after the
 * arena was made, so a changed guard tells that a write ran over a border.
 *
 * A sealed memfd, sparse: reserved in full, backed where touched. In the service's
 * workers it is mapped at BH_ARENA_BASE, so that a pointer into it means the same
 * in each; the kernel maps it anywhere and follows no pointer in it.
 *
 * Trust. The layout is computed from the plan's numbers, by the kernel and by the
 * zygote alike, and kept in private memory (struct bh_view). No process reads an
 * offset or a capacity from the arena, so garbage there can name no address.
 */
#ifndef BH_IPC_ARENA_H
#define BH_IPC_ARENA_H

#include <stddef.h>

#include "ipc/arena/file_entry.h"
#include "ipc/arena/job_queue.h"
#include "ipc/arena/shortage.h"
#include "ipc/arena/sync_slot.h"
#include "ipc/arena/task.h"
#include "ipc/arena/token_slot.h"
#include "ipc/arena/worker.h"
#include "ipc/base/clones.h"
#include "ipc/queue/inject.h"
#include "ipc/system/evring.h"
#include "ipc/system/plan.h"

#define BH_ARENA_MAGIC 0x4e45524148420001ull
#define BH_PORTS       64
#define BH_ARENA_BASE  0x200000000000ull

/* Descriptors a zygote finds on start, beside BH_PLAN_FD and BH_CTL_FD. */
enum {
	BH_ARENA_FD = 5,
	BH_DOORBELL_FD = 6,
	BH_REACTOR_FD = 7, /* of each reactor its epoll instance and its kick */
};

enum bh_run_state {
	BH_RUN_STARTING = 0,
	BH_RUN_RUNNING,
	BH_RUN_STOPPING, /* take no new work */
};

/* How far a zygote is. */
enum bh_start {
	BH_START_LOADING = 0, /* its module */
	BH_START_INIT,        /* init() runs */
	BH_START_LOADED,
};

enum {
	BH_ARENA_CRASHES = 64,
	BH_ARENA_PARTS = 19 + 2 * BH_CLASSES, /* that end in a guard */
	BH_UNIT_LOG2 = 14,                    /* the unit of limits.memory: 16 KiB */
};

/* The guard that stands at offset @off. */
static inline uint64_t bh_guard(uint64_t off)
{
	return off ^ 0x6b9c4d17a35e82f0ull;
}

/* A crash as its joiners see it. Written by the kernel: id is stored last, and is 0 while
 * the entry is being written. */
struct bh_arena_crash {
	_Atomic uint64_t id;
	uint64_t address, instruction, task;
	int32_t signal, exit_code, pid;
	uint32_t worker, stack_overflow;
	_Atomic uint32_t restart_us;
	char task_name[40];
};

/* The charged part of limits.memory (extent.h). */
struct bh_charge {
	_Alignas(128) _Atomic uint64_t word;
	_Atomic uint32_t rotor; /* where to look for unused extents; a hint */
};

struct bh_arena {
	uint64_t magic;
	uint32_t format, workers;
	uint64_t bytes;
	char name[32];
	int64_t made_ns;
	_Atomic uint32_t recording;      /* kernel: the recording's number; not 0: events are
				       written (evring.h). In a cache line that is not
				       written otherwise, for all workers read it */
	_Atomic uint32_t workers_wanted; /* kernel: slots from here on are surplus; 0: all are, for
				       the system ends */

	_Alignas(128) _Atomic uint32_t run_state; /* kernel */
	_Atomic uint32_t rescan;                  /* any process: a hint was lost, scan all */
	_Atomic int64_t kernel_sleeps_until;      /* kernel: a later deadline needs no bell */
	_Atomic int64_t clock;                    /* clock.h */
	_Atomic uint32_t timers;                  /* kernel: deadlines in its wheel */
	_Atomic uint64_t crashed;                 /* kernel: tasks ended by a crash; exact, by
						     the two words below: its journal */
	_Atomic uint32_t waking;                  /* task index the kernel is waking: SCHEDULED,
						     perhaps not queued */
	_Atomic uint32_t unlinked_io;             /* I/O slot and block taken out of the list of */
	_Atomic uint32_t unlinked_block;          /* a task in CLEANUP, perhaps not yet released */
	_Atomic uint32_t trimming;                /* block whose page is being trimmed (trim.h) */
	_Atomic uint64_t dropping;                /* handle of a child being orphaned: perhaps
						     no longer in its parent's list */
	_Atomic uint64_t ending;                  /* handle of the task being ended */
	_Atomic uint64_t ending_count;            /* `crashed` once that task has ended */
	_Atomic uint32_t ending_canceled;         /* 1: ending_count is for `canceled` */
	_Atomic uint64_t canceled;                /* kernel: ended in CLEANUP by abort */
	_Atomic uint64_t booted;                  /* zygote: tasks spawned before any worker */
	_Atomic uint32_t start;                   /* zygote: enum bh_start */
	_Atomic int64_t main_after_ns;    /* kernel: a main that crashed starts again then */
	_Atomic int64_t main_value;       /* main's worker: the value that main returned, */
	_Atomic int64_t main_returned_ns; /* and when (0: not yet): valid once the task has
						     ended */
	struct bh_clones clones;          /* zygote, and Linux for it */
	_Atomic uint32_t listened;        /* workers: listeners of the plan that some task
						     has asked for, a bit each; for the log */
	_Atomic uint32_t ports[BH_PORTS]; /* of listeners opened by address: a descriptor with
						     such a port and in no slot is lost */
	struct bh_files files;
	struct bh_idle idle;
	struct bh_inject inject;
	struct bh_blocking blocking;
	struct bh_pool task_pool, io_pool, token_pool, sync_pool, claim_pool;
	struct bh_pool block_pool[BH_CLASSES];
	struct bh_charge charge;
	struct bh_shortage shortage;
	struct bh_arena_crash crash[BH_ARENA_CRASHES];
	_Atomic uint64_t refused;      /* workers: spawns, by quarantine */
	struct bh_gate gate[BH_GATES]; /* by key */
};
BH_FORMAT_STANDS_IN(struct bh_arena);

/* Sizes and offsets, from the plan. */
struct bh_layout {
	uint64_t bytes;
	uint32_t workers, reactors, blocking, tasks, ios, tokens, files, inject_log2, pinned_log2;
	uint32_t syncs, claims;
	uint32_t blocks[BH_CLASSES];
	uint32_t units, work_units; /* limits.memory; its last part, for stacks of work */
	/* Extents (extent.h): log2 of the blocks in each, and the class's first extent. */
	uint32_t extent_log2[BH_CLASSES], extent_first[BH_CLASSES + 1];
	uint64_t off_extents;
	uint64_t off_workers, off_pinned, off_inject, off_blocking, off_types, off_events;
	uint64_t off_tasks, off_task_bits, off_ios, off_io_bits;
	uint64_t off_tokens, off_token_bits, off_files;
	uint64_t off_syncs, off_sync_bits, off_claims, off_claim_bits;
	uint64_t off_block[BH_CLASSES], off_block_bits[BH_CLASSES], off_data[BH_CLASSES];
	uint64_t off_guard[BH_ARENA_PARTS];
};

/* A process's private view: pointers it computed itself. */
struct bh_view {
	struct bh_layout l;
	struct bh_arena *a;
	struct bh_slot *workers;
	struct bh_type *types;
	struct bh_tcb *tasks;
	struct bh_ioslot *ios;
	struct bh_evring *events; /* by slot; the last ring is the kernel's */
	struct bh_token_slot *tokens;
	struct bh_sync *syncs;
	struct bh_claim *claims;
	struct bh_file *files; /* by number */
	struct bh_block *blocks[BH_CLASSES];
	unsigned char *data[BH_CLASSES];
	uint64_t stride[BH_CLASSES]; /* bh_class_stride() */
	_Atomic uint32_t *extents;   /* their words, of all classes */
	struct bh_inject_view inject;
	_Atomic uint64_t *pinned; /* cells of all workers' rings: bh_pinned_of() */
	struct bh_inject_view blocking;
	struct bh_pool_view task_pool, io_pool, token_pool, sync_pool, claim_pool;
	struct bh_pool_view block_pool[BH_CLASSES];
	int kick[BH_MAX_REACTORS]; /* this process's descriptors of the kicks; -1: none */
};

/* Computes the layout. Every number is clamped to what the format can hold. */
void bh_layout_init(struct bh_layout *l, uint32_t workers, uint32_t tasks, uint32_t ios,
		    uint64_t memory);
void bh_layout_from_plan(struct bh_layout *l, const struct bh_plan_service *s);

/* Makes a sealed memfd of the layout's size with a header and the guards in it.
 * Errors: -EMFILE, -ENFILE, -ENOMEM. */
int bh_arena_create(const struct bh_layout *l, const char *name, int64_t now_ns);

/* Maps @fd (PROT_READ if !write) at @base (NULL: anywhere) and checks magic,
 * format and size. The mapping is in no core dump of this process or its forks.
 * Errors: -ENOMEM, -EBADMSG, -EEXIST (the address is taken). */
int bh_view_map(struct bh_view *v, const struct bh_layout *l, int fd, void *base, bool write);
void bh_view_unmap(struct bh_view *v);

/* The descriptors of reactor @i, and that of the first listener. */
static inline int bh_epoll_fd(uint32_t i)
{
	return BH_REACTOR_FD + 2 * (int)i;
}

static inline int bh_kick_fd(uint32_t i)
{
	return bh_epoll_fd(i) + 1;
}

static inline int bh_listen_fd(const struct bh_layout *l)
{
	return bh_epoll_fd(l->reactors);
}

static inline struct bh_tcb *bh_tcb_at(const struct bh_view *v, uint32_t idx)
{
	return idx && idx < v->l.tasks ? &v->tasks[idx] : NULL;
}

static inline struct bh_ioslot *bh_io_at(const struct bh_view *v, uint32_t idx)
{
	return idx && idx < v->l.ios ? &v->ios[idx] : NULL;
}

static inline struct bh_sync *bh_sync_at(const struct bh_view *v, uint32_t idx)
{
	return idx && idx < v->l.syncs ? &v->syncs[idx] : NULL;
}

static inline struct bh_claim *bh_claim_at(const struct bh_view *v, uint32_t idx)
{
	return idx && idx < v->l.claims ? &v->claims[idx] : NULL;
}

static inline struct bh_block *bh_block_at(const struct bh_view *v, uint32_t ref)
{
	uint32_t c = bh_block_class(ref), i = bh_block_idx(ref);

	return c < BH_CLASSES && i && i < v->l.blocks[c] ? &v->blocks[c][i] : NULL;
}

static inline void *bh_block_data(const struct bh_view *v, uint32_t ref)
{
	uint32_t c = bh_block_class(ref);

	return v->data[c] + bh_block_idx(ref) * v->stride[c];
}

/* The task that handle @h names, whatever its state; NULL: none or stale. */
static inline struct bh_tcb *bh_tcb_of(const struct bh_view *v, uint64_t h)
{
	struct bh_tcb *t = bh_tcb_at(v, bh_handle_idx(h));

	if (!t)
		return NULL;
	uint64_t w = bh_ld_acq(&t->state);
	return bh_state_gen(w) == bh_handle_gen(h) && bh_state_of(w) != BH_FREE ? t : NULL;
}

/* True while the owner task is alive: not free, and not DONE (what a DONE task still owns
 * is its reply, which its parent releases). */
static inline bool bh_owner_alive(const struct bh_view *v, uint64_t h)
{
	return bh_tcb_of(v, h) != NULL;
}

/* The next slot after @slot that may have been used: for (s = 0; s < BH_SLOTS;
 * s = bh_slot_after(v, s)). */
static inline uint32_t bh_slot_after(const struct bh_view *v, uint32_t slot)
{
	uint32_t mark = bh_ld_rlx(&v->a->blocking.mark);
	uint32_t end = BH_MAX_WORKERS + (mark < v->l.blocking ? mark : v->l.blocking);

	slot = slot + 1 == v->l.workers ? BH_MAX_WORKERS : slot + 1;
	return slot < v->l.workers || slot < end ? slot : BH_SLOTS;
}

/* Wakes a sleeping worker if the idle rules ask for it. For a pusher, after its push. */
static inline void bh_notify(const struct bh_view *v)
{
	int w = bh_idle_pick(&v->a->idle, v->l.reactors);

	if (w >= 0 && (uint32_t)w < v->l.workers)
		bh_unpark(&v->workers[w].park, v->kick);
}

/* The ring of tasks pinned to worker @slot. Any process pushes, the worker alone pops. */
static inline struct bh_inject_view bh_pinned_of(const struct bh_view *v, uint32_t slot)
{
	return (struct bh_inject_view){ .q = &v->workers[slot].pinned,
					.cells = v->pinned + ((uint64_t)slot << v->l.pinned_log2),
					.mask = (1u << v->l.pinned_log2) - 1,
					.shift = v->l.pinned_log2 };
}

/* Wakes all workers, whatever their parkers say: after a death. */
void bh_unpark_all(const struct bh_view *v);

#endif
