/* SPDX-License-Identifier: MIT */
/*
 * lease.h: which worker looks at the service's epoll instance.
 *
 * One word: {looks, epoch, mode, slot}. A worker takes the lease with a CAS from
 * FREE, asks epoll for events, marks and queues all it was given, and only then
 * gives the lease back: so whenever a worker has events that it has not marked yet,
 * the word names it. `looks` is one higher after each turn, so a word that has not
 * changed for a while says that nobody has looked.
 *
 *   FREE ──take──▶ LOOK    a busy worker looks without waiting
 *   FREE ──take──▶ SLEEP   an idle worker waits in epoll_wait
 *   LOOK, SLEEP ──give──▶ FREE, looks + 1
 *
 * The lease keeps two workers from doing the same work; it is no lock that keeps
 * events whole. Registrations are edge-triggered: each edge is given to one of
 * those who ask, and the kernel asks, too, when the word does not change
 * (kernel/reactor.c). So nothing is ever taken from a living worker that is slow.
 *
 * Crash. Edges that the dead one was given and had not marked are lost: recovery
 * marks every I/O slot ready once (ready.h), and then frees the lease. Edges that
 * came after the last marked ones are still in the epoll instance.
 */
#ifndef BH_IPC_LEASE_H
#define BH_IPC_LEASE_H

#include "order.h"

enum bh_lease_mode {
	BH_LEASE_FREE = 0,
	BH_LEASE_LOOK,
	BH_LEASE_SLEEP,
	BH_LEASE_MODES
};

static inline uint64_t bh_lease_make(uint32_t looks, uint32_t epoch, enum bh_lease_mode mode,
				     uint32_t slot)
{
	return (uint64_t)looks << 32 | (uint64_t)(epoch & 0xffff) << 16 | (uint64_t)mode << 8 |
	       (slot & 0xff);
}

static inline uint32_t bh_lease_looks(uint64_t w)
{
	return (uint32_t)(w >> 32);
}

static inline uint32_t bh_lease_epoch(uint64_t w)
{
	return (uint32_t)(w >> 16) & 0xffff;
}

static inline uint32_t bh_lease_mode(uint64_t w)
{
	return (uint32_t)(w >> 8) & 0xff;
}

static inline uint32_t bh_lease_slot(uint64_t w)
{
	return (uint32_t)w & 0xff;
}

/* The bit of the worker that waits in epoll_wait; 0: none does. */
static inline uint64_t bh_lease_sleeper(uint64_t w)
{
	return bh_lease_mode(w) == BH_LEASE_SLEEP ? 1ull << (bh_lease_slot(w) & 63) : 0;
}

/* Worker: false if somebody has it. Commit: the CAS. */
static inline bool bh_lease_take(_Atomic uint64_t *lease, uint32_t slot, uint32_t epoch,
				 enum bh_lease_mode mode)
{
	uint64_t w = bh_ld_rlx(lease);

	return bh_lease_mode(w) == BH_LEASE_FREE &&
	       bh_cas(lease, &w, bh_lease_make(bh_lease_looks(w), epoch, mode, slot));
}

/* Its holder, or the kernel for a dead one: all that was given is marked. Nobody
 * else changes the word of a lease that is held. Commit: the store. */
static inline void bh_lease_give(_Atomic uint64_t *lease)
{
	uint64_t w = bh_ld_rlx(lease);

	bh_st_rel(lease, bh_lease_make(bh_lease_looks(w) + 1, 0, BH_LEASE_FREE, 0));
}

/* True if worker @slot, in whichever incarnation, has it. */
static inline bool bh_lease_held_by(uint64_t w, uint32_t slot)
{
	return bh_lease_mode(w) != BH_LEASE_FREE && bh_lease_slot(w) == slot;
}

#endif
