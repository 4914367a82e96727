/* SPDX-License-Identifier: MIT */
/* table.h: the process table on the board: who is in it, and who is dead. */
#ifndef BH_KERNEL_PROCESS_TABLE_H
#define BH_KERNEL_PROCESS_TABLE_H

#include "kernel/base/state.h"

static inline struct bh_proc *bh_proc_at(struct bh_kernel *k, uint32_t idx)
{
	return &k->board->procs[idx];
}

static inline uint32_t bh_worker_proc(const struct bh_ksvc *s, uint32_t slot)
{
	return s->procs + 2 + (slot < BH_MAX_WORKERS ? slot : s->workers + slot - BH_MAX_WORKERS);
}

/* for (slot = 0; slot < BH_SLOTS; slot = bh_slot_next(s, slot)): workers and blocking
 * processes whose entries were ever used. */
static inline uint32_t bh_slot_next(const struct bh_ksvc *s, uint32_t slot)
{
	slot = slot + 1 == s->workers ? BH_MAX_WORKERS : slot + 1;
	return slot < s->workers || slot - BH_MAX_WORKERS < s->board->blocking_mark ? slot :
										      BH_SLOTS;
}

/* The entry of the zygote (or, @kind BH_PROC_TWIN, the twin). */
static inline uint32_t bh_zygote_proc(const struct bh_ksvc *s, enum bh_proc_kind kind)
{
	return s->kernel->board->procs[s->procs].kind == (uint32_t)kind ? s->procs : s->procs + 1;
}

/* Its zygote loads its code or runs init(): nobody else is in its arena, nothing in it is
 * of interest to anybody, and no task of it knows of another service. */
static inline bool bh_service_loading(const struct bh_ksvc *s)
{
	const struct bh_proc *z = &s->kernel->board->procs[bh_zygote_proc(s, BH_PROC_ZYGOTE)];

	return bh_ld_acq(&z->state) == BH_PROC_STARTING;
}

static inline bool bh_service_resetting(const struct bh_ksvc *s)
{
	return s->board->state == BH_PROC_DEAD || s->board->state == BH_PROC_BACKOFF;
}

/* for (i = from; i < BH_BOARD_PROCS; i = bh_proc_after(k, i)): the entries that were
 * ever used. */
uint32_t bh_proc_after(const struct bh_kernel *k, uint32_t idx);

/* True if the entry stands for a process that may be alive. */
bool bh_proc_live(const struct bh_proc *p);

/* Commits that entry @idx has become process @pid. */
void bh_proc_pid(struct bh_kernel *k, uint32_t idx, int32_t pid, int pidfd);

/* Watches what the board says of entry @idx; after an attach. */
void bh_proc_watch(struct bh_kernel *k, uint32_t idx);

void bh_proc_kill(struct bh_kernel *k, uint32_t idx);

/* Nobody is to take over: ends the heir if there is one. */
void bh_heir_drop(struct bh_kernel *k, uint32_t idx);

/* The process is dead and cleaned up after: forgets its pid and descriptors. */
void bh_proc_forget(struct bh_kernel *k, uint32_t idx);

/* True if entry @idx's process is dead for certain: its pidfd says so, or there is none,
 * because it was dead already when it was found (bh_slot_adopt() in slot.c). */
bool bh_proc_dead(struct bh_kernel *k, uint32_t idx);

/* How it died, from the guardian's ring; false: not there (yet). */
bool bh_proc_status(const struct bh_kernel *k, const struct bh_proc *p, int *status);

/* True while it is worth waiting for that: the guardian lives and has not had long. */
bool bh_proc_status_due(const struct bh_kernel *k, uint32_t idx);

/* True if an entry stands for process @pid: nobody may claim it for another one. */
bool bh_proc_taken(struct bh_kernel *k, int32_t pid);

/* A pidfd of @pid, which an arena names: a child of the guardian that no entry
 * stands for. -ESRCH: dead and reaped; any other error: it is nothing of the kind. */
int bh_proc_stray(struct bh_kernel *k, int32_t pid);

#endif
