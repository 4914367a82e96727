/* SPDX-License-Identifier: MIT */
/*
 * lease.h: which worker polls an epoll instance of the service.
 *
 * A service with many workers has several instances, because Linux has one lock for each;
 * a descriptor's number decides in which instance it is registered. The text below is
 * about one instance: they are independent, and any worker may poll any instance, one at
 * a time.
 *
 * One word: {turns, epoch, mode, slot}. A worker takes the lease with a CAS from
 * FREE, asks epoll for events, marks and queues all of them, and only then gives the
 * lease back: so the word names every worker that has unmarked events. `turns` is one
 * higher after each turn, so a word that has not changed for a while says that no
 * worker has polled.
 *
 *   FREE ──take──▶ POLL    a busy worker polls without waiting
 *   FREE ──take──▶ SLEEP   an idle worker waits in epoll_wait
 *   POLL, SLEEP ──give──▶ FREE, turns + 1
 *
 * The lease keeps two workers from doing the same work; it is no lock for the integrity
 * of events. Registrations are edge-triggered: each edge goes to one of the processes
 * that ask, and the kernel asks, too, when the word does not change
 * (kernel/reactor/epoll.c). So a slow living worker never loses its lease.
 *
 * Crash. Edges that the dead worker was given and had not marked are lost: recovery
 * marks every I/O slot ready once (ready.h), and then frees the lease. Edges that
 * came after the last marked ones are still in the epoll instance.
 */
#ifndef BH_IPC_LEASE_H
#define BH_IPC_LEASE_H

#include "ipc/base/order.h"
#include "ipc/system/plan.h"

enum bh_lease_mode {
	BH_LEASE_FREE = 0,
	BH_LEASE_POLL,
	BH_LEASE_SLEEP,
	BH_LEASE_MODES
};

static inline uint64_t bh_lease_make(uint32_t turns, uint32_t epoch, enum bh_lease_mode mode,
				     uint32_t slot)
{
	return (uint64_t)turns << 32 | (uint64_t)(epoch & 0xffff) << 16 | (uint64_t)mode << 8 |
	       (slot & 0xff);
}

static inline uint32_t bh_lease_turns(uint64_t w)
{
	return (uint32_t)(w >> 32);
}

static inline uint32_t bh_lease_epoch(uint64_t w)
{
	return (uint32_t)(w >> 16) & 0xffff;
}

static inline uint32_t bh_lease_mode_of(uint64_t w)
{
	return (uint32_t)(w >> 8) & 0xff;
}

static inline uint32_t bh_lease_slot(uint64_t w)
{
	return (uint32_t)w & 0xff;
}

/* Of an instance, in a cache line of its own. */
struct bh_lease {
	_Alignas(128) _Atomic uint64_t word;
};

/* Which of @n instances has descriptor @fd: always the same instance for a number. */
static inline uint32_t bh_reactor_of(int fd, uint32_t n)
{
	return (uint32_t)fd % n;
}

/* The bit of the worker that waits in epoll_wait; 0: no worker does. */
static inline uint64_t bh_lease_sleeper(uint64_t w)
{
	return bh_lease_mode_of(w) == BH_LEASE_SLEEP ? 1ull << (bh_lease_slot(w) & 63) : 0;
}

/* Worker: false if the lease is held. Commit: the CAS. */
static inline bool bh_lease_take(struct bh_lease *lease, uint32_t slot, uint32_t epoch,
				 enum bh_lease_mode mode)
{
	uint64_t w = bh_ld_rlx(&lease->word);

	return bh_lease_mode_of(w) == BH_LEASE_FREE &&
	       bh_cas(&lease->word, &w, bh_lease_make(bh_lease_turns(w), epoch, mode, slot));
}

/* The holder, or the kernel for a dead holder: all events given are marked. No other
 * process changes the word of a held lease. Commit: the store. */
static inline void bh_lease_give(struct bh_lease *lease)
{
	uint64_t w = bh_ld_rlx(&lease->word);

	bh_st_rel(&lease->word, bh_lease_make(bh_lease_turns(w) + 1, 0, BH_LEASE_FREE, 0));
}

/* True if worker @slot, in any incarnation, has the lease. */
static inline bool bh_lease_held_by(const struct bh_lease *lease, uint32_t slot)
{
	uint64_t w = bh_ld_acq(&lease->word);

	return bh_lease_mode_of(w) != BH_LEASE_FREE && bh_lease_slot(w) == slot;
}

/* True if worker @slot has any of the BH_MAX_REACTORS @leases; it has one at most. */
static inline bool bh_lease_any_held_by(const struct bh_lease *leases, uint32_t slot)
{
	for (uint32_t i = 0; i < BH_MAX_REACTORS; i++)
		if (bh_lease_held_by(&leases[i], slot))
			return true;
	return false;
}

#endif
