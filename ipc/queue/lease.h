/* SPDX-License-Identifier: MIT */
/*
 * lease.h: which worker looks at an epoll instance of the service.
 *
 * A service with many workers has several instances, for each has one lock in Linux;
 * by the number of a descriptor it is known in which of them it is registered. All
 * below is of one of them: they know nothing of each other, and any worker may look at
 * any of them, one at a time.
 *
 * One word: {turns, epoch, mode, slot}. A worker takes the lease with a CAS from
 * FREE, asks epoll for events, marks and queues all it was given, and only then
 * gives the lease back: so whenever a worker has events that it has not marked yet,
 * the word names it. `turns` is one higher after each turn, so a word that has not
 * changed for a while says that nobody has looked.
 *
 *   FREE ──take──▶ POLL    a busy worker looks without waiting
 *   FREE ──take──▶ SLEEP   an idle worker waits in epoll_wait
 *   POLL, SLEEP ──give──▶ FREE, turns + 1
 *
 * The lease keeps two workers from doing the same work; it is no lock that keeps
 * events whole. Registrations are edge-triggered: each edge is given to one of
 * those who ask, and the kernel asks, too, when the word does not change
 * (kernel/reactor/epoll.c). So nothing is ever taken from a living worker that is slow.
 *
 * Crash. Edges that the dead one was given and had not marked are lost: recovery
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

/* Which of @n instances knows descriptor @fd: the same number always the same one. */
static inline uint32_t bh_reactor_of(int fd, uint32_t n)
{
	return (uint32_t)fd % n;
}

/* The bit of the worker that waits in epoll_wait; 0: none does. */
static inline uint64_t bh_lease_sleeper(uint64_t w)
{
	return bh_lease_mode_of(w) == BH_LEASE_SLEEP ? 1ull << (bh_lease_slot(w) & 63) : 0;
}

/* Worker: false if somebody has it. Commit: the CAS. */
static inline bool bh_lease_take(struct bh_lease *lease, uint32_t slot, uint32_t epoch,
				 enum bh_lease_mode mode)
{
	uint64_t w = bh_ld_rlx(&lease->word);

	return bh_lease_mode_of(w) == BH_LEASE_FREE &&
	       bh_cas(&lease->word, &w, bh_lease_make(bh_lease_turns(w), epoch, mode, slot));
}

/* Its holder, or the kernel for a dead one: all that was given is marked. Nobody
 * else changes the word of a lease that is held. Commit: the store. */
static inline void bh_lease_give(struct bh_lease *lease)
{
	uint64_t w = bh_ld_rlx(&lease->word);

	bh_st_rel(&lease->word, bh_lease_make(bh_lease_turns(w) + 1, 0, BH_LEASE_FREE, 0));
}

/* True if worker @slot, in whichever incarnation, has it. */
static inline bool bh_lease_held_by(const struct bh_lease *lease, uint32_t slot)
{
	uint64_t w = bh_ld_acq(&lease->word);

	return bh_lease_mode_of(w) != BH_LEASE_FREE && bh_lease_slot(w) == slot;
}

/* True if it has any of the BH_MAX_REACTORS at @leases; it has one at most. */
static inline bool bh_lease_any_held_by(const struct bh_lease *leases, uint32_t slot)
{
	for (uint32_t i = 0; i < BH_MAX_REACTORS; i++)
		if (bh_lease_held_by(&leases[i], slot))
			return true;
	return false;
}

#endif
