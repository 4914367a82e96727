/* SPDX-License-Identifier: MIT */
/*
 * evring.h: rings of events (event.h) in the arena: one for each slot, written by
 * the process in it, and one for the kernel; any number of readers, which write
 * nothing. Written while arena->recording is not 0, as far as the producer has noticed.
 *
 *        tail - 65536                          tail
 *             │                                 │ the producer writes here, then
 *             ▼                                 ▼ moves tail (store)
 *   ──┬───┬───┬───┬───┬───┬───┬───┬───┬───┬───┬───┬──  free-running 64-bit counter,
 *     │   │ ? │ a │ b │ c │ d │ e │ f │ g │ h │   │    masked only to index
 *   ──┴───┴───┴───┴───┴───┴───┴───┴───┴───┴───┴───┴──
 *
 * The producer never waits: it overwrites the oldest event. A reader has its own
 * position, and counts the events overwritten before it came.
 *
 * Recording is limited to a readable rate: the kernel moves `limit` on steadily, and
 * beyond it the producer only counts the events left out, in `skipped`, without even
 * a look at the clock. So a recording costs a task that polls in 30 ns little more
 * than a task that polls in 30 us.
 *
 * Events read, overwritten and skipped add up exactly to the events that happened.
 *
 * The cell at tail, which is also the cell of tail - 65536, may be half written: hence
 * all cells but this ("?") are readable. A reader copies cells first and reads tail after:
 * the words are stored with release after tail was, and loaded with acquire, so a reader
 * that has seen a word of event n sees tail >= n, and knows that it is not of n - 65536.
 *
 * Crash. Killed before the store of tail: the event never was; its cell is the "?",
 * which no reader uses. The next incarnation goes on from tail, the next kernel too.
 *
 * Memory. A ring has the pages that events have filled, 4 MiB at most, however few are
 * read. They go back to the machine some time after the recording (bh_evring_clear()).
 *
 * Trust. A ring's contents are the claims of its process. A reader's loops are bounded
 * by the ring's size; a jump of tail counts as lost events and does no other harm.
 */
#ifndef BH_IPC_EVRING_H
#define BH_IPC_EVRING_H

#include <string.h>

#include "ipc/base/order.h"
#include "ipc/system/event.h"
#include "ipc/system/plan.h"

enum {
	/* Events: 4 MiB, backed where touched. A reader without a CPU may come a third of a
	 * second late, at 200,000 events a second. */
	BH_EVRING = 65536,
	BH_EVRING_BURST = BH_EVRING / 4 * 3,
	BH_EVRING_KERNEL = BH_SLOTS, /* index of the kernel's ring */
	BH_EVENT_WORDS = sizeof(struct bh_event) / 8,
};

struct bh_evring {
	_Alignas(128) _Atomic uint64_t tail; /* events ever written */
	_Atomic uint64_t skipped;            /* events beyond the limit */
	_Atomic uint64_t limit;              /* kernel: tail goes so far for now */
	/* The poll under way, if it began while recording: for the kernel, which writes
	 * its end when the worker dies in it. open_ns is stored last; 0: none. */
	_Atomic uint64_t open_ns, open_task;
	_Atomic uint32_t open_type;
	_Alignas(128) _Atomic uint64_t cells[BH_EVRING][BH_EVENT_WORDS];
};

/* Producer: may the next event be written? If not, counts it as skipped. */
static inline bool bh_evring_room(struct bh_evring *r)
{
	if (bh_ld_rlx(&r->tail) < bh_ld_rlx(&r->limit))
		return true;
	bh_count(&r->skipped, 1);
	return false;
}

/* Kernel: @n more, but never so many that a reader that comes as often loses events. */
static inline void bh_evring_allow(struct bh_evring *r, uint32_t n)
{
	uint64_t tail = bh_ld_acq(&r->tail), limit = bh_ld_rlx(&r->limit);

	limit = limit - tail <= BH_EVRING ? limit + n : tail + n;
	bh_st_rlx(&r->limit, limit - tail <= BH_EVRING_BURST ? limit : tail + BH_EVRING_BURST);
}

/* Producer: appends *@e, with its number put in. Commit: the store of tail. */
static inline void bh_evring_put(struct bh_evring *r, struct bh_event *e)
{
	uint64_t at = bh_ld_rlx(&r->tail), words[BH_EVENT_WORDS];
	_Atomic uint64_t *cell = r->cells[at % BH_EVRING];

	e->seq = (uint32_t)at;
	memcpy(words, e, sizeof(words));
	for (int i = 0; i < BH_EVENT_WORDS; i++)
		bh_st_rel(&cell[i], words[i]); /* after the tail that this overwrites */
	bh_st_rel(&r->tail, at + 1);
}

/*
 * Reader: copies at most @max events from *@pos on to @out and moves *@pos. Adds
 * overwritten and damaged events to *@lost. Returns how many were copied; 0: there
 * are no more, or (if *@pos moved) all were lost.
 */
uint32_t bh_evring_read(const struct bh_evring *r, uint64_t *pos, struct bh_event *out,
			uint32_t max, uint64_t *lost);

/* Kernel, when there is no recording: gives the pages of the cells back, but for those at the
 * ends. A reader finds zeros, which are no event of their number, and counts them as lost;
 * a producer that has not noticed yet writes into new pages, for it reads no cell. False:
 * Linux refused. Commit: a page at a time; killed half way, it can be called again. */
bool bh_evring_clear(struct bh_evring *r);

#endif
