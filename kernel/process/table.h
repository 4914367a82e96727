/* SPDX-License-Identifier: MIT */
/* table.h: the process table on the board, and the handles of its entries: what is in it,
 * and what is dead. */
#ifndef BH_KERNEL_PROCESS_TABLE_H
#define BH_KERNEL_PROCESS_TABLE_H

#include "kernel/base/state.h"

/* The handle of entry @idx, from now on. */
struct bh_child *bh_child_make(struct bh_kernel *k, uint32_t idx, struct bh_ksvc *s, uint32_t slot);

/* Its entry, of which nothing is valid yet. */
void bh_child_blank(struct bh_child *c, enum bh_proc_kind kind);

static inline struct bh_child *bh_child_at(struct bh_kernel *k, uint32_t idx)
{
	return &k->child[idx];
}

/* What is in @slot: a worker's, or from BH_MAX_WORKERS on a blocking process's. */
static inline struct bh_child *bh_slot_child(const struct bh_ksvc *s, uint32_t slot)
{
	uint32_t at = slot < BH_MAX_WORKERS ? slot : s->workers + slot - BH_MAX_WORKERS;

	return bh_child_at(s->kernel, s->procs + 2 + at);
}

/* The zygote (or, @kind BH_PROC_TWIN, the twin). */
static inline struct bh_child *bh_zygote_child(const struct bh_ksvc *s, enum bh_proc_kind kind)
{
	struct bh_child *first = bh_child_at(s->kernel, s->procs);

	return first->p->kind == (uint32_t)kind ? first : first + 1;
}

static inline const struct bh_kind *bh_kind_of(const struct bh_child *c)
{
	return &c->k->kinds[c->p->kind];
}

/* How far it is: enum bh_proc_state. */
static inline uint32_t bh_child_state(const struct bh_child *c)
{
	return bh_ld_acq(&c->p->state);
}

static inline bool bh_child_is_worker(const struct bh_child *c)
{
	return c->slot < BH_MAX_WORKERS;
}

/* Its number among its like, for people. */
static inline uint32_t bh_child_number(const struct bh_child *c)
{
	return bh_child_is_worker(c) ? c->slot : c->slot - BH_MAX_WORKERS;
}

/* The first of a service's handles, and the one after the last that was ever used. */
static inline struct bh_child *bh_slots_end(const struct bh_ksvc *s)
{
	return bh_slot_child(s, BH_MAX_WORKERS) + s->board->blocking_mark;
}

/* Workers and blocking processes whose entries were ever used; one kind of them; and with
 * them zygote and twin. */
#define bh_for_each_slot(c, s) \
	for (struct bh_child *c = bh_slot_child(s, 0); c < bh_slots_end(s); c++)
#define bh_for_each_worker(c, s) \
	for (struct bh_child *c = bh_slot_child(s, 0); c < bh_slot_child(s, BH_MAX_WORKERS); c++)
#define bh_for_each_blocking(c, s) \
	for (struct bh_child *c = bh_slot_child(s, BH_MAX_WORKERS); c < bh_slots_end(s); c++)
#define bh_for_each_of_service(c, s) \
	for (struct bh_child *c = bh_child_at((s)->kernel, (s)->procs); c < bh_slots_end(s); c++)

/* All entries that were ever used, from @from on. */
#define bh_for_each_child(c, k, from) \
	for (struct bh_child *c = bh_child_at(k, from); c; c = bh_child_after(c))
struct bh_child *bh_child_after(struct bh_child *c);

/* True if the entry stands for a process that may be alive. */
bool bh_child_live(const struct bh_child *c);

/* Commits that the entry has become process @pid. */
void bh_child_pid(struct bh_child *c, int32_t pid, int pidfd);

/* Watches what the board says of it; after an attach. */
void bh_child_watch(struct bh_child *c);

void bh_child_kill(struct bh_child *c);

/* The process is dead and cleaned up after: forgets its pid and descriptors. */
void bh_child_forget(struct bh_child *c);

/* True if it is dead for certain: its pidfd says so, or there is none, because it was dead
 * already when it was found (bh_slot_adopt() in slot.c). */
bool bh_child_dead(const struct bh_child *c);

/* How it died, from the guardian's ring; false: not there (yet). */
bool bh_child_status(const struct bh_child *c, int *status);

/* True while it is worth waiting for that: the guardian lives and has not had long. */
bool bh_child_status_due(const struct bh_child *c);

/* True if an entry stands for process @pid: no other one may claim it. */
bool bh_pid_taken(struct bh_kernel *k, int32_t pid);

/* A pidfd of @pid, which an arena names: a child of the guardian that no entry
 * stands for. -ESRCH: dead and reaped; any other error: it is nothing of the kind. */
int bh_pid_stray(struct bh_kernel *k, int32_t pid);

#endif
