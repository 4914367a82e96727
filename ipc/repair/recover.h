/* SPDX-License-Identifier: MIT */
/*
 * recover.h: putting the state right that a dead process left behind.
 *
 * Called by the kernel (and by the crash sweep) after the death of the process is
 * confirmed, never on a time-out: no live process may still act as the dead
 * incarnation. Live workers go on all the while. Every function is idempotent, so
 * the successor of a kernel killed in the middle starts again.
 *
 *   bh_recover_begin    finds the task that was running: RUNNING -> CLEANUP
 *   (the caller records the crash and decides what becomes of the task)
 *   bh_recover_task     releases what the task owned, ends or restarts it
 *   bh_recover_worker   queues, journal, pools, idle masks: all that the slot names
 *
 * Recovery takes microseconds, independent of the number of tasks. A task that owned
 * more than can be released at once stays in CLEANUP, with the decision about it, and
 * the verifying scan goes on. The scan (bh_verify_step()) also finds what no journal
 * names, a bounded number of slots at a time, while the workers run.
 *
 * The arena is hostile input here: indexes are checked, walks are bounded, and
 * an element that does not name the expected owner ends its walk.
 */
#ifndef BH_IPC_RECOVER_H
#define BH_IPC_RECOVER_H

#include "ipc/arena/arena.h"
#include "ipc/arena/extent.h"

enum {
	BH_RECOVER_BUDGET = 1024
};

/* What the caller does for recovery. */
struct bh_recover_ops {
	/* I/O slot @idx is BH_IO_CLOSING: have its descriptor closed. */
	void (*close_io)(void *ctx, uint32_t idx);
	/* NULL, or: true if task @idx, in CLEANUP with its verdict, is to stay so for now. */
	bool (*held)(void *ctx, uint32_t idx);
	void *ctx;
	uint32_t budget; /* things of a task released in one call; 0: BH_RECOVER_BUDGET */
};

struct bh_dead_task {
	uint64_t task; /* handle; 0: no task was running */
	uint32_t type;
	uint64_t key; /* bh_task_key(); may be garbage if the task's end is decided already */
	bool aborted;
	bool can_restart; /* the task asks for restarts, and has some left */
};

/* True if incarnation @epoch of @slot, which is dead, died in a task. */
bool bh_recover_blames(const struct bh_view *v, uint32_t slot, uint32_t epoch);

/* Finds and takes the task that incarnation @epoch of @slot was running. */
void bh_recover_begin(const struct bh_view *v, uint32_t slot, uint32_t epoch,
		      struct bh_dead_task *out);

/* Whether @t, in CLEANUP (or about to be), starts again: it asks for restarts, has one
 * left (or this death has taken the last), and was not aborted, by its @state. */
bool bh_can_restart(const struct bh_tcb *t, uint64_t state);

/* Releases what @task (in CLEANUP) owns, and then restarts it, or ends it with
 * @end (enum bh_end) and @value and wakes its parent. The first call decides: a later
 * call's request is ignored. False: there is more than the budget; bh_verify_step()
 * goes on, or another call. */
bool bh_recover_task(const struct bh_view *v, uint64_t task, bool restart, uint8_t end,
		     int64_t value, const struct bh_recover_ops *ops);

/* The first half of bh_recover_task() alone: decides, and leaves the task in CLEANUP, for a
 * later call to carry the decision out. Commit: the store of its fate. */
void bh_recover_decide(const struct bh_view *v, uint64_t task, bool restart, uint8_t end,
		       int64_t value);

/* Puts right everything else that slot @slot names. Last, since it forgets the
 * journal. If the slot has a reactor's lease, bh_ready_step() is to follow, for all I/O
 * slots: the caller checks before the call (lease.h). */
void bh_recover_worker(const struct bh_view *v, uint32_t slot, uint32_t epoch,
		       const struct bh_recover_ops *ops);

/* Finishes the operations of a killed kernel, by its journal. First thing on attaching
 * to an arena. */
void bh_recover_kernel(const struct bh_view *v);

/* Frees task slot @idx if it is DONE: for a task without a living parent. */
void bh_recover_release(const struct bh_view *v, uint32_t idx);

#endif
