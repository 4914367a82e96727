/* SPDX-License-Identifier: MIT */
/*
 * idle.h: which workers sleep, which search, and which is woken.
 *
 * Two 64-bit masks, one bit a worker slot (masks, not counts: after a death the
 * kernel clears the dead worker's bits, and no trace of it is left):
 *
 *   parked     sleeps on its futex or in epoll_wait (lease.h), or is about to
 *   searching  looks for work in other queues, or was woken to do so
 *
 * A wake-up is never lost, by this pair (D1/D2, Dekker's argument):
 *
 *   worker going to sleep              pusher of work
 *   D1 set my bit in `parked`          D2 push the entry
 *      full fence                         full fence
 *      look at all queues                 look at `searching` and `parked`
 *
 * Either the worker sees the entry, or the pusher sees the bit. While a worker
 * searches, the pusher wakes none: a searcher that gives up sets its parked
 * bit before it looks at all queues a last time, which is the left column again.
 * The last searcher to find work wakes one more worker, so that work that came
 * during a single worker's search is shared (the rule is Tokio's).
 *
 * One worker may spin before it sleeps (workers/base/spin.c). In the masks the spinner is
 * parked; its park word says that no system call is needed, until the spinner changes the
 * word with a CAS. `spinner` names the worker: pushers pick it first, no second worker spins.
 *
 * Known gap: a picker is stopped between its two steps (AND, OR), and something else
 * wakes the picked worker. The OR then sets the searching bit of a worker that is in a
 * poll, or sleeps again. The kernel clears the bit once the poll is old, or the picker has
 * not turned for a while (stall.h); until then pushers wake no worker.
 * tests/models/idle.pml has the rest.
 *
 * Crash. A waker killed after it took a parked bit and before futex_wake leaves
 * a sleeper in no mask: after every death the kernel wakes all workers of
 * the service. The kernel clears the bits of a dead worker.
 */
#ifndef BH_IPC_IDLE_H
#define BH_IPC_IDLE_H

#include "ipc/queue/lease.h"

struct bh_idle {
	_Alignas(128) _Atomic uint64_t parked;
	_Atomic uint32_t spinner; /* slot + 1; 0: no worker spins */
	_Alignas(128) _Atomic uint64_t searching;
	struct bh_lease lease[BH_MAX_REACTORS];
};

/* A worker's parker: a futex word. A kick wakes a worker in epoll_wait: a write to
 * an eventfd in its epoll instance, edge-triggered, never read. */
enum bh_park {
	BH_AWAKE = 0,
	BH_PARKED = 1,
	BH_SPINNING = 2,        /* watches the word, and does not sleep yet */
	BH_PARKED_IN_EPOLL = 3, /* plus the number of the instance */
	BH_PARKS = BH_PARKED_IN_EPOLL + BH_MAX_REACTORS
};

/* True if the wake-up of a worker with @word in its parker takes a system call. */
static inline bool bh_park_sleeps(uint32_t word)
{
	return word == BH_PARKED || (word >= BH_PARKED_IN_EPOLL && word < BH_PARKS);
}

/* The bits of the workers that wait for events in the first @reactors instances. */
static inline uint64_t bh_idle_sleepers(const struct bh_idle *i, uint32_t reactors)
{
	uint64_t bits = 0;

	for (uint32_t r = 0; r < reactors; r++)
		bits |= bh_lease_sleeper(bh_ld_rlx(&i->lease[r].word));
	return bits;
}

/* Chooses from @parked (not 0): the spinner, else a worker on its futex, else a worker
 * that waits for events. A stale `spinner` or lease only costs time. */
static inline int bh_idle_choose(const struct bh_idle *i, uint32_t reactors, uint64_t parked)
{
	uint32_t spinner = bh_ld_rlx(&i->spinner);
	uint64_t first = spinner ? parked & 1ull << ((spinner - 1) & 63) : 0;

	if (!first)
		first = parked & ~bh_idle_sleepers(i, reactors);
	return __builtin_ctzll(first ? first : parked);
}

/* Pusher, after the push: picks the worker to wake, and makes it a searcher.
 * -1: no wake-up is needed. The caller then calls bh_unpark() for the worker.
 * Commit: the AND that takes the parked bit. */
static inline int bh_idle_pick(struct bh_idle *i, uint32_t reactors)
{
	bh_fence(); /* D2 */
	if (bh_ld_rlx(&i->searching))
		return -1;
	uint64_t parked = bh_ld_rlx(&i->parked);

	while (parked) {
		int w = bh_idle_choose(i, reactors, parked);
		uint64_t bit = 1ull << w;

		if (bh_and(&i->parked, ~bit) & bit) {
			bh_or(&i->searching, bit);
			return w;
		}
		parked = bh_ld_rlx(&i->parked);
	}
	return -1;
}

/* Pusher of an entry that only worker @slot can take, after the push: true if the worker
 * sleeps; the caller then calls bh_unpark(). The worker does not become a searcher: the
 * entry is in a queue of its own. Commit: the AND that takes the parked bit. */
static inline bool bh_idle_pick_one(struct bh_idle *i, uint32_t slot)
{
	uint64_t bit = 1ull << slot;

	bh_fence(); /* D2 */
	return (bh_ld_rlx(&i->parked) & bit) && (bh_and(&i->parked, ~bit) & bit);
}

/* Worker: may it search? At most half of @workers search at once. */
static inline bool bh_idle_search_begin(struct bh_idle *i, uint32_t slot, uint32_t workers)
{
	uint64_t bit = 1ull << slot, now = bh_ld_rlx(&i->searching);

	if (now & bit)
		return true;
	if (2 * (uint32_t)__builtin_popcountll(now) >= workers)
		return false;
	bh_or(&i->searching, bit);
	return true;
}

/* Worker: no longer searches. True if it was the last searcher. */
static inline bool bh_idle_search_end(struct bh_idle *i, uint32_t slot)
{
	uint64_t bit = 1ull << slot;

	if (!(bh_ld_rlx(&i->searching) & bit))
		return false;
	return bh_and(&i->searching, ~bit) == bit;
}

/* Worker: may it spin? One worker at a time; the kernel frees a dead spinner's place.
 * Commit: the CAS. */
static inline bool bh_idle_spin_begin(struct bh_idle *i, uint32_t slot)
{
	uint32_t nobody = 0;

	return !bh_ld_rlx(&i->spinner) && bh_cas(&i->spinner, &nobody, slot + 1);
}

/* Worker, or the kernel for a dead worker: no longer spins, if it did. No other process
 * changes the word while it names @slot. Commit: the store. */
static inline void bh_idle_spin_end(struct bh_idle *i, uint32_t slot)
{
	if (bh_ld_rlx(&i->spinner) == slot + 1)
		bh_st_rel(&i->spinner, 0);
}

/* The park word of a worker that has the lease of instance @leased - 1 (0: no lease). */
static inline uint32_t bh_idle_sleeps(uint32_t leased)
{
	return leased ? BH_PARKED_IN_EPOLL + leased - 1 : BH_PARKED;
}

/* Worker: announces that it is going to sleep; @as: bh_idle_sleeps() or, if it may spin,
 * BH_SPINNING. The worker must then look at all queues, and call bh_idle_park_cancel() if
 * it finds work. Its searching bit goes before it can be picked: later, the AND would
 * clear the bit that a picker gave it. */
static inline void bh_idle_park_begin(struct bh_idle *i, uint32_t slot, _Atomic uint32_t *park,
				      uint32_t as)
{
	bh_st_rlx(park, as);
	bh_idle_search_end(i, slot);
	bh_or(&i->parked, 1ull << slot);
	bh_fence(); /* D1 */
}

/*
 * Worker: does not want to sleep after all. False: a pusher has picked it and is
 * about to unpark it; the worker must wait for that. (Going on at once, it might be in a
 * long poll when its searching bit is set, and keep others from being woken.)
 * True: the worker searches now, and so wakes one more worker when it takes the work:
 * a push during its former search woke no worker.
 */
static inline bool bh_idle_park_cancel(struct bh_idle *i, uint32_t slot, _Atomic uint32_t *park)
{
	uint64_t bit = 1ull << slot;

	if (!(bh_and(&i->parked, ~bit) & bit))
		return false;
	bh_or(&i->searching, bit);
	bh_st_rlx(park, BH_AWAKE);
	return true;
}

/* Worker, in epoll_wait: events came, and it goes on with the tasks they woke. It
 * does not search: no push asked for a search. False: a pusher has picked the worker,
 * as above. Commit: the AND. */
static inline bool bh_idle_park_leave(struct bh_idle *i, uint32_t slot, _Atomic uint32_t *park)
{
	uint64_t bit = 1ull << slot;

	if (!(bh_and(&i->parked, ~bit) & bit))
		return false;
	bh_st_rlx(park, BH_AWAKE);
	return true;
}

/* Worker: has spun enough, and will sleep, @as bh_idle_sleeps() says: from now on a
 * system call wakes it. False: a waker's store has unparked the worker, without a
 * system call; the worker must not sleep. Commit: the CAS. */
static inline bool bh_idle_spun(_Atomic uint32_t *park, uint32_t as)
{
	uint32_t spinning = BH_SPINNING;

	return bh_cas(park, &spinning, as);
}

/* Worker: was unparked. A wake-up of all workers takes no parked bits, so a bit may
 * still be set, and the worker could be picked while it runs. Commit: the AND. */
static inline void bh_idle_park_end(struct bh_idle *i, uint32_t slot)
{
	uint64_t bit = 1ull << slot;

	if (bh_ld_rlx(&i->parked) & bit)
		bh_and(&i->parked, ~bit);
}

/* Sleeps until unparked; returns at once if that has happened. Spurious returns
 * are possible: the caller looks at `park`. */
void bh_futex_wait(_Atomic uint32_t *park, uint32_t expected, int64_t timeout_ns);

/* Wakes the worker of @park: from its futex, or from epoll_wait by the instance's kick.
 * @kick: BH_MAX_REACTORS descriptors (NULL: there are no instances). A spinner sees the
 * word. */
void bh_unpark(_Atomic uint32_t *park, const int *kick);

/* Wakes the sleeper on @park even if the word says awake: the waker that stored
 * BH_AWAKE may have been killed before its system call. */
void bh_unpark_again(_Atomic uint32_t *park);

/* Ends the epoll_wait of the worker in that instance; a worker not meant sleeps again. */
void bh_kick(int kick);

#endif
