/* SPDX-License-Identifier: MIT */
/*
 * inject.h: the service's inject queue: a bounded ring, any producers, any
 * consumers, FIFO.
 *
 * A cell is one 64-bit word {lap, index}: index 0 is an empty cell that waits
 * for the entry of that lap. Position p lives in cell p % size at lap p / size.
 *
 *   push  CAS cell {lap, 0} -> {lap, idx}        commit
 *         then move tail past it                 any process may do that
 *   pop   CAS cell {lap, idx} -> {lap + 1, 0}    commit
 *         then move head past it                 any process may do that
 *
 * head and tail are hints that lag by the commits of processes that died before they
 * moved them: the next process to come by helps. So no process waits for another, and
 * the lap in the cell keeps a process that slept for a whole lap from committing at an
 * old position.
 *
 * Crash. Killed before the CAS: nothing happened. Killed after it: the entry is
 * in (or out), and the next process moves the counter.
 */
#ifndef BH_IPC_INJECT_H
#define BH_IPC_INJECT_H

#include "ipc/base/order.h"

struct bh_inject {
	_Alignas(128) _Atomic uint64_t head;
	_Alignas(128) _Atomic uint64_t tail;
};

/* A process's private view. */
struct bh_inject_view {
	struct bh_inject *q;
	_Atomic uint64_t *cells;
	uint32_t mask; /* size - 1, a power of two */
	uint32_t shift;
};

static inline uint64_t bh_inject_cell(const struct bh_inject_view *v, uint64_t pos, uint32_t idx)
{
	return (pos >> v->shift) << 32 | idx;
}

/* About how many entries are in the ring. */
static inline uint64_t bh_inject_len(const struct bh_inject_view *v)
{
	uint64_t h = bh_ld_acq(&v->q->head), t = bh_ld_acq(&v->q->tail);

	return t > h ? t - h : 0;
}

/* True if a pop would find an entry. Exact for commits before the caller's last full
 * fence: head may lag, so the check reads the cell, and helps. */
bool bh_inject_ready(const struct bh_inject_view *v);

/* False when the ring is full: the task stays SCHEDULED, and the caller asks the
 * kernel for a scan (arena->rescan). */
bool bh_inject_push(const struct bh_inject_view *v, uint32_t idx);

/* The oldest entry, or 0. The index about to be taken is first stored in @journal
 * (the popper's, in shared memory): after a death past the commit, the journal says
 * which task lost its hint. */
uint32_t bh_inject_pop(const struct bh_inject_view *v, _Atomic uint32_t *journal);

#endif
