/* SPDX-License-Identifier: MIT */
/*
 * idle.h: who sleeps, who searches, and who is woken.
 *
 * Two 64-bit masks, one bit a worker slot (masks, not counts: after a death the
 * kernel clears the dead worker's bits, and nothing is left of it):
 *
 *   parked     sleeps on its futex or in epoll_wait (lease.h), or is about to
 *   searching  looks for work in other queues, or was woken to do so
 *
 * A wake-up is never lost, by this pair (D1/D2, Dekker's argument):
 *
 *   worker going to sleep              whoever queues work
 *   D1 set my bit in `parked`          D2 push the entry
 *      full fence                         full fence
 *      look at all queues                 look at `searching` and `parked`
 *
 * Either the worker sees the entry, or the pusher sees the bit. If somebody is
 * searching, the pusher wakes nobody: a searcher that gives up sets its parked
 * bit before it looks at all queues a last time, which is the left column again.
 * The last searcher to find work wakes one more worker, so that work that came
 * while only one searched is not left to one (the rule is Tokio's).
 *
 * One worker may spin before it sleeps (workers/base/spin.c). For the masks it is parked;
 * its park word says that no system call is needed, until it takes that back with a
 * CAS. `spinner` names it, so that it is picked first and no second one spins.
 *
 * What is left: a picker stopped between its two steps (AND, OR), while something
 * else wakes its worker, sets the searching bit of a worker that is in a poll by
 * then, or sleeps again. The kernel clears it once the poll is old, or the picker has
 * not turned for a while (stall.h), and until then nobody is woken.
 * tests/models/idle.pml has the rest.
 *
 * Crash. A waker killed after it took a parked bit and before futex_wake leaves
 * a sleeper nobody knows of: after every death the kernel wakes all workers of
 * the service. A worker killed with its bits set: the kernel clears them.
 */
#ifndef BH_IPC_IDLE_H
#define BH_IPC_IDLE_H

#include "ipc/queue/lease.h"

struct bh_idle {
	_Alignas(128) _Atomic uint64_t parked;
	_Atomic uint32_t spinner; /* slot + 1; 0: nobody */
	_Alignas(128) _Atomic uint64_t searching;
	struct bh_lease lease[BH_MAX_REACTORS];
};

/* A worker's parker: a futex word. Who sleeps in epoll_wait is woken by a kick: a
 * write to an eventfd in that epoll instance, edge-triggered, never read. */
enum bh_park {
	BH_AWAKE = 0,
	BH_PARKED = 1,
	BH_SPINNING = 2,        /* watches the word, and does not sleep yet */
	BH_PARKED_IN_EPOLL = 3, /* from here on: and the number of the instance */
	BH_PARKS = BH_PARKED_IN_EPOLL + BH_MAX_REACTORS
};

/* True if it takes a system call to wake who left @word in its parker. */
static inline bool bh_park_sleeps(uint32_t word)
{
	return word == BH_PARKED || (word >= BH_PARKED_IN_EPOLL && word < BH_PARKS);
}

/* The bits of those that wait for events in the first @reactors instances. */
static inline uint64_t bh_idle_sleepers(const struct bh_idle *i, uint32_t reactors)
{
	uint64_t bits = 0;

	for (uint32_t r = 0; r < reactors; r++)
		bits |= bh_lease_sleeper(bh_ld_rlx(&i->lease[r].word));
	return bits;
}

/* Of @parked, which is not 0: the one that spins, else one on its futex, else one
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
 * -1: nobody needs to be woken. The caller then calls bh_unpark().
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

/* Pusher of an entry that only worker @slot can take, after the push: true if it
 * sleeps; the caller then calls bh_unpark(). It is not made a searcher: what it was
 * woken for is in a queue of its own. Commit: the AND that takes the parked bit. */
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

/* Worker: no longer searches. True if it was the last one. */
static inline bool bh_idle_search_end(struct bh_idle *i, uint32_t slot)
{
	uint64_t bit = 1ull << slot;

	if (!(bh_ld_rlx(&i->searching) & bit))
		return false;
	return bh_and(&i->searching, ~bit) == bit;
}

/* Worker: may it spin? One at a time. Killed, the kernel gives its place back.
 * Commit: the CAS. */
static inline bool bh_idle_spin_begin(struct bh_idle *i, uint32_t slot)
{
	uint32_t nobody = 0;

	return !bh_ld_rlx(&i->spinner) && bh_cas(&i->spinner, &nobody, slot + 1);
}

/* Worker, or the kernel for a dead one: no longer spins, if it did. Nobody else
 * changes the word while it names @slot. Commit: the store. */
static inline void bh_idle_spin_end(struct bh_idle *i, uint32_t slot)
{
	if (bh_ld_rlx(&i->spinner) == slot + 1)
		bh_st_rel(&i->spinner, 0);
}

/* How a worker sleeps that has the lease of instance @leased - 1 (0: of none). */
static inline uint32_t bh_idle_sleeps(uint32_t leased)
{
	return leased ? BH_PARKED_IN_EPOLL + leased - 1 : BH_PARKED;
}

/* Worker: announces that it is going to sleep, @as bh_idle_sleeps() says or, if it
 * may, BH_SPINNING. It must then look at all queues,
 * and call bh_idle_park_cancel() if it finds something. It stops searching before
 * it can be picked: later, it would take away the bit that a picker gave it. */
static inline void bh_idle_park_begin(struct bh_idle *i, uint32_t slot, _Atomic uint32_t *park,
				      uint32_t as)
{
	bh_st_rlx(park, as);
	bh_idle_search_end(i, slot);
	bh_or(&i->parked, 1ull << slot);
	bh_fence(); /* D1 */
}

/*
 * Worker: does not want to sleep after all. False: somebody has picked it, and is
 * about to unpark it: it must wait for that. (Going on at once, it might be in a
 * long poll when its searching bit is set, and keep others from being woken.)
 * Otherwise it searches, so that it wakes one more when it finds what it saw:
 * what was queued while it searched before woke nobody.
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
 * does not search: nothing was pushed that it should look for. False: somebody has
 * picked it, as above. Commit: the AND. */
static inline bool bh_idle_park_leave(struct bh_idle *i, uint32_t slot, _Atomic uint32_t *park)
{
	uint64_t bit = 1ull << slot;

	if (!(bh_and(&i->parked, ~bit) & bit))
		return false;
	bh_st_rlx(park, BH_AWAKE);
	return true;
}

/* Worker: has spun enough, and will sleep, @as bh_idle_sleeps() says: from now on a
 * system call wakes it. False: it has been unparked, by one store that no system call
 * follows; it must not sleep. Commit: the CAS. */
static inline bool bh_idle_spun(_Atomic uint32_t *park, uint32_t as)
{
	uint32_t spinning = BH_SPINNING;

	return bh_cas(park, &spinning, as);
}

/* Worker: was unparked. Whoever wakes all workers picks none of them, so its bit may
 * still be there, and it could be picked while it runs. Commit: the AND. */
static inline void bh_idle_park_end(struct bh_idle *i, uint32_t slot)
{
	uint64_t bit = 1ull << slot;

	if (bh_ld_rlx(&i->parked) & bit)
		bh_and(&i->parked, ~bit);
}

/* Sleeps until unparked; returns at once if that has happened. Spurious returns
 * are possible: the caller looks at `park`. */
void bh_futex_wait(_Atomic uint32_t *park, uint32_t expected, int64_t timeout_ns);

/* Wakes the worker that sleeps on @park, or in epoll_wait, by that instance's of the
 * BH_MAX_REACTORS kicks at @kick (NULL: there are no instances); one that spins sees the
 * word. */
void bh_unpark(_Atomic uint32_t *park, const int *kick);

/* Wakes who sleeps on @park although the word may say that it is awake: whoever
 * stored that may have been killed before its system call. */
void bh_unpark_again(_Atomic uint32_t *park);

/* Ends the epoll_wait of whoever is in one there; it sleeps again if it was not meant. */
void bh_kick(int kick);

#endif
