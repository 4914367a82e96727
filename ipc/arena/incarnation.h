/* SPDX-License-Identifier: MIT */
/*
 * incarnation.h: the processes that are the worker in a slot, one after the other; the slot's
 * word names the present one.
 *
 *   63        32 31       16 15        0
 *  ┌────────────┬───────────┬───────────┐
 *  │    pid     │   epoch   │   state   │
 *  └────────────┴───────────┴───────────┘
 *
 *              next, start                take
 *   VACANT, DEAD ────────▶ STARTING(epoch) ────▶ UP(epoch, pid)
 *        ▲  ▲                   │                  │      │
 *        │  └── end, disown ────┴──────────────────┘      │
 *        └───────────── leave, vacate ────────────────────┘
 *
 * An epoch starts when the kernel says so. The process for it may have been made before,
 * while the slot's last worker was still being recovered (kernel/worker/heir.c): it
 * touches nothing of the slot until then.
 *
 * `take` and `leave` are the worker's, all else is the kernel's. Each function ends in one
 * store or CAS of the word, its commit point: killed before it, nothing happened.
 *
 * An epoch fits in a task's state word: BH_EPOCH_MASK at most. The field here is wider: a
 * word with a larger epoch was overwritten, and names no incarnation.
 */
#ifndef BH_IPC_INCARNATION_H
#define BH_IPC_INCARNATION_H

#include "ipc/arena/state.h"

enum bh_slot_state {
	BH_SLOT_VACANT = 0,
	BH_SLOT_STARTING,
	BH_SLOT_UP,
	BH_SLOT_DEAD,
};

static inline uint64_t bh_slot_word(enum bh_slot_state s, uint32_t epoch, uint32_t pid)
{
	return (uint64_t)pid << 32 | (uint64_t)(epoch & 0xffff) << 16 | (uint64_t)s;
}

static inline uint32_t bh_slot_state_of(uint64_t word)
{
	return (uint32_t)word & 0xffff;
}

static inline uint32_t bh_slot_epoch(uint64_t word)
{
	return (uint32_t)word >> 16;
}

static inline int32_t bh_slot_pid(uint64_t word)
{
	return (int32_t)(word >> 32);
}

static inline bool bh_slot_is_up(uint64_t word)
{
	return bh_slot_state_of(word) == BH_SLOT_UP;
}

/* True if the process of @epoch is in the slot. */
static inline bool bh_slot_has(uint64_t word, uint32_t epoch)
{
	return (uint32_t)word == (uint32_t)bh_slot_word(BH_SLOT_UP, epoch, 0);
}

/* The epoch after @epoch: never 0. */
static inline uint32_t bh_epoch_next(uint32_t epoch)
{
	return epoch % BH_EPOCH_MASK + 1;
}

/* @epoch starts: a process made for @epoch takes the slot, processes made for another epoch
 * go. Commit: the store of the word. */
void bh_incarnation_start(_Atomic uint64_t *word, uint32_t epoch);

/* @next starts, unless the process of @epoch is up: then false, and *pid is its pid. No
 * process waits for @next yet. Commit: the CAS of the word. */
bool bh_incarnation_next(_Atomic uint64_t *word, uint32_t epoch, uint32_t next, int32_t *pid);

/* Waits while the epoch before is not over, at most for ten seconds, and takes the slot for
 * this process. False: the slot is another process's. Commit: the CAS of the word. */
bool bh_incarnation_take(_Atomic uint64_t *word, uint32_t epoch);

/* The process @pid goes by itself. False: the slot is its own no longer. Commit: the CAS of
 * the word. An exit after the CAS counts as leaving, even if its exit status is lost; a kill
 * before the CAS counts as a death. */
bool bh_incarnation_leave(_Atomic uint64_t *word, uint32_t epoch, int32_t pid);

/* True if the process @pid left by itself. */
bool bh_incarnation_left(uint64_t word, uint32_t epoch, int32_t pid);

/* The death of the process is confirmed. Commit: the store of the word. */
void bh_incarnation_end(_Atomic uint64_t *word, uint32_t epoch, int32_t pid);

/* No process is as @seen, the word's former value, says. Commit: the CAS of the word,
 * which fails if a process has come since. */
bool bh_incarnation_disown(_Atomic uint64_t *word, uint64_t seen);

/* The slot stays empty until it is wanted again. Commit: the store of the word. */
void bh_incarnation_vacate(_Atomic uint64_t *word, uint32_t epoch);

#endif
