/* SPDX-License-Identifier: MIT */
/*
 * runq.h: a worker's run queue: 256 task indexes, one owner, any thieves.
 *
 *            head                     tail
 *             │ thieves and the owner  │ the owner pushes here
 *             ▼ take here (CAS)        ▼ (store)
 *   ──┬───┬───┬───┬───┬───┬───┬───┬───┬───┬──   free-running 64-bit counters,
 *     │   │   │ a │ b │ c │ d │ e │ f │   │     masked only to index
 *   ──┴───┴───┴───┴───┴───┴───┴───┴───┴───┴──
 *
 * I1  head <= tail <= head + 256; only the owner stores tail.
 * I2  cells [head, tail) are not written until head has passed them.
 * I3  an entry is a hint: the state word decides who runs the task.
 *
 * Taking is one CAS on head, after the cells were read: the winner owns the entries
 * it read, by I2; a loser drops them. (Go's runqgrab does the same. Tokio's
 * three steps, reserve, copy, release, would leave the queue shut for ever if
 * the thief died in the middle.)
 *
 * Crash. Owner or thief killed anywhere: head and tail are valid, and at most
 * the entries just taken or just written are in no queue. They still stand in
 * the cells of the dead process's ring (a thief copies before it commits), and
 * recovery looks at all 256 of them.
 *
 * After Chase & Lev, "Dynamic circular work-stealing deque" (2005), simplified
 * to FIFO both ways as in the Go scheduler and Tokio.
 */
#ifndef BH_IPC_RUNQ_H
#define BH_IPC_RUNQ_H

#include "ipc/base/order.h"

enum {
	BH_RUNQ_CAP = 256
};

struct bh_runq {
	_Alignas(128) _Atomic uint64_t head;
	_Alignas(128) _Atomic uint64_t tail;
	_Atomic uint32_t cells[BH_RUNQ_CAP];
};

static inline uint32_t bh_runq_len(const struct bh_runq *q)
{
	uint64_t h = bh_ld_acq(&q->head), t = bh_ld_acq(&q->tail);

	return t - h <= BH_RUNQ_CAP ? (uint32_t)(t - h) : 0;
}

/* Owner: appends. False when full: see bh_runq_overflow(). Commit: the store of
 * tail. */
static inline bool bh_runq_push(struct bh_runq *q, uint32_t idx)
{
	uint64_t t = bh_ld_rlx(&q->tail); /* only the owner writes it */
	uint64_t h = bh_ld_acq(&q->head); /* A1: the taker has read its cells */

	if (t - h >= BH_RUNQ_CAP)
		return false;
	bh_st_rlx(&q->cells[t % BH_RUNQ_CAP], idx);
	bh_st_rel(&q->tail, t + 1); /* R2: publishes the cell */
	return true;
}

/* Owner: takes the oldest entry; 0 when empty. Commit: the CAS on head. */
static inline uint32_t bh_runq_pop(struct bh_runq *q)
{
	uint64_t t = bh_ld_rlx(&q->tail);
	uint64_t h = bh_ld_acq(&q->head);

	while (h < t) {
		uint32_t idx = bh_ld_rlx(&q->cells[h % BH_RUNQ_CAP]);
		if (bh_cas(&q->head, &h, h + 1)) /* R1 */
			return idx;
	}
	return 0;
}

/*
 * Owner, when full: moves the newer half out, for the inject queue (the newer
 * half was pushed last, so moving it makes no task bounce). Returns how many
 * entries are in @out, oldest first; 0: the queue is no longer full.
 *
 * Commit: one CAS on head takes all 256, as a thief would. Then the older half is
 * put back by moving tail alone: position p + 256 is the cell of position p, and
 * no worker wrote to it. (Moving tail down instead would be wrong: a thief may have
 * moved head past it meanwhile.) Killed in between, all entries stand in the cells.
 */
static inline uint32_t bh_runq_overflow(struct bh_runq *q, uint32_t out[BH_RUNQ_CAP / 2])
{
	uint64_t t = bh_ld_rlx(&q->tail);
	uint64_t h = bh_ld_acq(&q->head);

	if (t - h < BH_RUNQ_CAP)
		return 0;
	for (uint32_t i = 0; i < BH_RUNQ_CAP / 2; i++)
		out[i] = bh_ld_rlx(&q->cells[(h + BH_RUNQ_CAP / 2 + i) % BH_RUNQ_CAP]);
	if (!bh_cas(&q->head, &h, t))
		return 0;
	bh_st_rel(&q->tail, t + BH_RUNQ_CAP / 2); /* R2 */
	return BH_RUNQ_CAP / 2;
}

/*
 * Thief, the owner of @to: takes half of @from (rounded up), returns the newest
 * entry to run and appends the rest to @to; *n counts all entries taken. 0
 * when @from is empty, or @to is over half full. Commit: the CAS on
 * from->head; the entries stand in to's cells before it.
 */
static inline uint32_t bh_runq_steal(struct bh_runq *from, struct bh_runq *to, uint32_t *n)
{
	uint64_t t0 = bh_ld_rlx(&to->tail);

	*n = 0;
	if (t0 - bh_ld_acq(&to->head) > BH_RUNQ_CAP / 2)
		return 0;
	uint64_t h = bh_ld_acq(&from->head);
	for (;;) {
		uint64_t t = bh_ld_acq(&from->tail); /* A2: pairs with R2 */
		uint64_t avail = t - h;

		/* More than a ring: head moved on between the two loads (or the
		 * owner scribbled over it). */
		if (avail == 0 || avail > BH_RUNQ_CAP) {
			uint64_t again = bh_ld_acq(&from->head);
			if (again == h)
				return 0;
			h = again;
			continue;
		}
		uint32_t take = (uint32_t)(avail - avail / 2), last = 0;
		for (uint32_t i = 0; i < take; i++) {
			last = bh_ld_rlx(&from->cells[(h + i) % BH_RUNQ_CAP]);
			bh_st_rlx(&to->cells[(t0 + i) % BH_RUNQ_CAP], last);
		}
		if (!bh_cas(&from->head, &h, h + take)) /* R1 */
			continue;
		bh_st_rel(&to->tail, t0 + take - 1); /* R2; the last entry is run, not queued */
		*n = take;
		return last;
	}
}

#endif
