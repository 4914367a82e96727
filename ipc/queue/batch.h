/* SPDX-License-Identifier: MIT */
/*
 * batch.h: entries of its own ring that a worker has taken and not run yet.
 *
 * Taking an entry costs a CAS on the ring's head, about as much as all else that a poll
 * task needs; so when all others are busy, a worker takes a few with one CAS (the oldest,
 * so that the order stays), and runs them from here.
 *
 * Thieves cannot reach the batch. Hence few entries at a time, a quarter of the ring at
 * most, and only while polls are short and no worker searches (workers/queue/batch_policy.h);
 * in a long poll of the worker, the kernel hands its batch out (stall.h).
 *
 * Crash. The entries stand here before the CAS takes them, and until the next fill;
 * recovery looks at all cells, whatever `n` says.
 */
#ifndef BH_IPC_BATCH_H
#define BH_IPC_BATCH_H

#include "ipc/queue/runq.h"

enum {
	BH_BATCH = 8
};

struct bh_batch {
	_Atomic uint32_t n;             /* left: idx[0 .. n - 1], the last entry is next */
	_Atomic uint32_t idx[BH_BATCH]; /* of tasks; hints, as in the ring */
	_Atomic uint64_t told;          /* the kernel's: 1 + the heartbeat at which it handed
					  them out */
};

/* Owner: the next entry; 0: the batch is empty. Commit: the store of n. */
static inline uint32_t bh_batch_next(struct bh_batch *m)
{
	uint32_t n = bh_ld_rlx(&m->n);

	if (n - 1 >= BH_BATCH) /* also a count that a stray write changed */
		return 0;
	bh_st_rlx(&m->n, n - 1);
	return bh_ld_rlx(&m->idx[n - 1]);
}

/*
 * Owner, whose batch is empty: takes the oldest entries of its ring, a quarter of them
 * (rounded up), and returns the first; 0 when there is none. Commit: the CAS on head.
 * Killed before the store of n: the entries are in neither, and all cells still name them.
 */
static inline uint32_t bh_batch_fill(struct bh_batch *m, struct bh_runq *q)
{
	uint64_t t = bh_ld_rlx(&q->tail); /* only the owner writes it */
	uint64_t h = bh_ld_acq(&q->head);

	while (h < t) {
		uint64_t quarter = (t - h + 3) / 4;
		uint32_t n = quarter < BH_BATCH ? (uint32_t)quarter : BH_BATCH, first = 0;

		for (uint32_t i = n; i-- > 0;) {
			first = bh_ld_rlx(&q->cells[(h + i) % BH_RUNQ_CAP]);
			bh_st_rlx(&m->idx[n - 1 - i], first);
		}
		if (bh_cas(&q->head, &h, h + n)) { /* R1 */
			bh_st_rlx(&m->n, n - 1);
			return first;
		}
	}
	return 0;
}

#endif
