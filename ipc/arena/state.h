/* SPDX-License-Identifier: MIT */
/*
 * state.h: the task state word. It is the truth about a task; every queue entry,
 * list link and counter is a hint that must be checked against it.
 *
 *   63            32 31       18 17       8 7        4 3       0
 *  ┌────────────────┬───────────┬──────────┬──────────┬─────────┐
 *  │   generation   │   epoch   │   slot   │  flags   │  state  │
 *  └────────────────┴───────────┴──────────┴──────────┴─────────┘
 *
 *            reserve          publish           run
 *     FREE ───────────▶ RESERVED ──────▶ SCHEDULED ──────▶ RUNNING
 *      ▲                               ▲   ▲                │ │ │
 *      │                          wake │   └── yield ───────┘ │ │
 *      │                               │       (or NOTIFIED)  │ │
 *      │                            WAITING ◀── suspend ──────┘ │
 *      │  release                                               │
 *      └───────────── DONE ◀──────────── end ───────────────────┤
 *      └───────────────────── end, DETACHED ────────────────────┤
 *                                                               │
 *                  CLEANUP (the kernel's) ◀── its worker died ──┘
 *                                              (take; also of a task whose home is gone)
 *
 * slot (of a worker or a blocking process: worker.h) and epoch name the incarnation
 * that holds the task: meaningful in
 * RESERVED and RUNNING, where that incarnation alone may touch the task's other
 * fields. In CLEANUP the kernel alone may. In SCHEDULED, WAITING and DONE a process
 * must first win a transition (DONE: the parent may without).
 *
 * Every function here ends in one CAS or store: the commit point of what it is named after.
 * Killed before it, nothing happened; killed after it, all of it did.
 *
 * A PINNED task keeps {worker, epoch} in SCHEDULED and WAITING, too: there they name
 * its home, the one incarnation that may run it. Epoch 0: it has not run yet, and
 * any incarnation of that slot may be the first.
 *
 * The generation changes with every FREE -> RESERVED, so a handle names one
 * task, not one slot.
 */
#ifndef BH_IPC_STATE_H
#define BH_IPC_STATE_H

#include "ipc/base/order.h"

enum bh_state {
	BH_FREE = 0, /* zero, so that fresh memory is a table of free tasks */
	BH_RESERVED,
	BH_SCHEDULED,
	BH_RUNNING,
	BH_WAITING,
	BH_DONE,
	BH_CLEANUP,
	BH_STATE_COUNT
};

#define BH_NOTIFIED  (1ull << 4) /* woken while running: will be scheduled, not suspended */
#define BH_ABORTED   (1ull << 5) /* asked to end; never unset in a task's life */
#define BH_DETACHED  (1ull << 6) /* has no joiner: its end frees it; never unset */
#define BH_PINNED    (1ull << 7) /* runs at home alone; changed by its holder, if at all */
#define BH_FLAG_MASK (0xfull << 4)

#define BH_EPOCH_MASK 0x3fffu
#define BH_OWNER_MASK 0x3ffu

/* Owners that are not slots. */
#define BH_OWNER_KERNEL 0x3ffu
#define BH_OWNER_ZYGOTE 0x3feu
#define BH_OWNER_NONE   0x3fdu

#define BH_STATE_MASK 0xfull

static inline enum bh_state bh_state_of(uint64_t w)
{
	return (enum bh_state)(w & BH_STATE_MASK);
}

static inline uint32_t bh_state_worker(uint64_t w)
{
	return (uint32_t)(w >> 8) & BH_OWNER_MASK;
}

static inline uint32_t bh_state_epoch(uint64_t w)
{
	return (uint32_t)(w >> 18) & BH_EPOCH_MASK;
}

static inline uint32_t bh_state_gen(uint64_t w)
{
	return (uint32_t)(w >> 32);
}

static inline uint64_t bh_state_make(uint32_t gen, uint32_t epoch, uint32_t worker, uint64_t flags,
				     enum bh_state s)
{
	return (uint64_t)gen << 32 | (uint64_t)(epoch & BH_EPOCH_MASK) << 18 |
	       (uint64_t)(worker & BH_OWNER_MASK) << 8 | flags | (uint64_t)s;
}

/* @w with another state and no holder; a PINNED one keeps its home. */
static inline uint64_t bh_state_unheld(uint64_t w, enum bh_state s)
{
	if (w & BH_PINNED)
		return (w & ~BH_STATE_MASK) | (uint64_t)s;
	return (w & ~0xffffff0full) | (uint64_t)BH_OWNER_NONE << 8 | (uint64_t)s;
}

/* FREE -> RESERVED(worker, epoch), a new generation. */
static inline bool bh_state_reserve(_Atomic uint64_t *p, uint32_t worker, uint32_t epoch,
				    uint64_t *now)
{
	uint64_t w = bh_ld_rlx(p);

	if (bh_state_of(w) != BH_FREE)
		return false;
	uint32_t gen = bh_state_gen(w) + 1;
	*now = bh_state_make(gen ? gen : 1, epoch, worker, 0, BH_RESERVED);
	return bh_cas(p, &w, *now);
}

/* RESERVED -> SCHEDULED. Only the holder calls it; no other process has a handle yet,
 * so no flag can have been set. A plain release store commits. */
static inline void bh_state_publish(_Atomic uint64_t *p, uint64_t reserved, uint64_t flags)
{
	bh_st_rel(p, bh_state_unheld(reserved, BH_SCHEDULED) | flags);
}

/* The same for a PINNED task with @worker as its home; @epoch 0: any incarnation of it. */
static inline void bh_state_publish_pinned(_Atomic uint64_t *p, uint64_t reserved, uint64_t flags,
					   uint32_t worker, uint32_t epoch)
{
	bh_st_rel(p, bh_state_make(bh_state_gen(reserved), epoch, worker, flags | BH_PINNED,
				   BH_SCHEDULED));
}

/* May incarnation {worker, epoch} run the task? */
static inline bool bh_state_at_home(uint64_t w, uint32_t worker, uint32_t epoch)
{
	return !(w & BH_PINNED) ||
	       (bh_state_worker(w) == worker &&
		(!bh_state_epoch(w) || bh_state_epoch(w) == (epoch & BH_EPOCH_MASK)));
}

/* SCHEDULED -> RUNNING(worker, epoch). False: the hint was stale, or the task is
 * pinned elsewhere. */
static inline bool bh_state_run(_Atomic uint64_t *p, uint32_t worker, uint32_t epoch, uint64_t *now)
{
	uint64_t w = bh_ld_rlx(p);

	do {
		if (bh_state_of(w) != BH_SCHEDULED || !bh_state_at_home(w, worker, epoch))
			return false;
		*now = bh_state_make(bh_state_gen(w), epoch, worker,
				     (w & BH_FLAG_MASK) & ~BH_NOTIFIED, BH_RUNNING);
	} while (!bh_cas(p, &w, *now));
	return true;
}

/* RUNNING -> WAITING, or -> SCHEDULED when it was woken or aborted meanwhile
 * (returns false: the caller must put a hint in a queue). Holder only. */
static inline bool bh_state_suspend(_Atomic uint64_t *p)
{
	uint64_t w = bh_ld_rlx(p), next;

	do {
		bool stay = w & BH_NOTIFIED;
		next = bh_state_unheld(w, stay ? BH_SCHEDULED : BH_WAITING) & ~BH_NOTIFIED;
	} while (!bh_cas(p, &w, next));
	return bh_state_of(next) == BH_WAITING;
}

/* RUNNING -> SCHEDULED. Holder only; the caller queues a hint. */
static inline void bh_state_yield(_Atomic uint64_t *p)
{
	uint64_t w = bh_ld_rlx(p);

	while (!bh_cas(p, &w, bh_state_unheld(w, BH_SCHEDULED) & ~BH_NOTIFIED))
		;
}

/* CLEANUP -> SCHEDULED, to start again from its argument: a PINNED task may do so in
 * any incarnation of its home. By the kernel; the caller queues a hint. */
static inline void bh_state_restart(_Atomic uint64_t *p)
{
	uint64_t w = bh_ld_rlx(p), next;

	do {
		next = bh_state_unheld(w, BH_SCHEDULED) & ~BH_NOTIFIED;
		if (w & BH_PINNED)
			next &= ~((uint64_t)BH_EPOCH_MASK << 18);
	} while (!bh_cas(p, &w, next));
}

/* Pins the task that the caller runs to its incarnation, and lets it go again: {worker,
 * epoch} stand in the word already. Holder only. */
static inline void bh_state_pin(_Atomic uint64_t *p)
{
	bh_or(p, BH_PINNED);
}

static inline void bh_state_unpin(_Atomic uint64_t *p)
{
	bh_and(p, ~BH_PINNED);
}

/* @w -> CLEANUP, for the kernel: the incarnation that held the task, or is its home, is
 * gone. The word still names that incarnation. False: @w is the word found; the caller
 * checks again whether the task is to be taken. */
static inline bool bh_state_take(_Atomic uint64_t *p, uint64_t *w)
{
	return bh_cas(p, w, (*w & ~BH_STATE_MASK) | BH_CLEANUP);
}

enum bh_wake_result {
	BH_WAKE_NOTHING, /* it runs (and is notified), is scheduled, or has ended */
	BH_WAKE_QUEUE,   /* now SCHEDULED: the caller must put a hint in a queue */
	BH_WAKE_STALE,   /* another generation, or free */
};

/*
 * Wakes a task, setting @flags (BH_ABORTED) as well. @gen 0 wakes any task in the
 * slot: spurious wake-ups are allowed, so a waker needs only the index.
 *
 * Killed between BH_WAKE_QUEUE's CAS and the push, the task is SCHEDULED without
 * a hint: the waker's journal names it, and so does a scan.
 */
static inline enum bh_wake_result bh_state_wake(_Atomic uint64_t *p, uint32_t gen, uint64_t flags)
{
	uint64_t w = bh_ld_acq(p), next;

	do {
		if (gen && bh_state_gen(w) != gen)
			return BH_WAKE_STALE;
		switch (bh_state_of(w)) {
		case BH_WAITING:
			next = bh_state_unheld(w, BH_SCHEDULED) | flags;
			break;
		case BH_RUNNING:
			next = w | BH_NOTIFIED | flags;
			break;
		case BH_SCHEDULED:
		case BH_RESERVED:
		case BH_CLEANUP:
			next = w | flags;
			break;
		case BH_DONE:
			return BH_WAKE_NOTHING;
		default:
			return BH_WAKE_STALE;
		}
		if (next == w)
			return BH_WAKE_NOTHING;
	} while (!bh_cas(p, &w, next));
	return bh_state_of(w) == BH_WAITING ? BH_WAKE_QUEUE : BH_WAKE_NOTHING;
}

/* RUNNING or CLEANUP -> DONE, or -> FREE when DETACHED (returns true: freed, the
 * caller gives the slot back to its pool). Holder only. A store commits the latter:
 * DETACHED stays, only the holder moves a held task, and FREE is the same word whatever
 * flags other processes set meanwhile. */
static inline bool bh_state_end(_Atomic uint64_t *p)
{
	uint64_t w = bh_ld_rlx(p);

	while (!(w & BH_DETACHED))
		if (bh_cas(p, &w, bh_state_unheld(w, BH_DONE)))
			return false;
	bh_st_rel(p, bh_state_make(bh_state_gen(w), 0, 0, 0, BH_FREE));
	return true;
}

/* The parent gives up its claim: sets DETACHED (and @flags). True: the task had
 * ended before, and the caller must release it (it is DONE still). */
static inline bool bh_state_detach(_Atomic uint64_t *p, uint32_t gen, uint64_t flags)
{
	uint64_t w = bh_ld_acq(p);

	do {
		if (bh_state_gen(w) != gen || bh_state_of(w) == BH_FREE)
			return false;
		if (bh_state_of(w) == BH_DONE)
			return true;
	} while (!bh_cas(p, &w, w | BH_DETACHED | flags));
	return false;
}

/* DONE, RESERVED or CLEANUP -> FREE. By the parent, the holder, the kernel. */
static inline bool bh_state_free(_Atomic uint64_t *p, uint64_t w)
{
	return bh_cas(p, &w, bh_state_make(bh_state_gen(w), 0, 0, 0, BH_FREE));
}

#endif
