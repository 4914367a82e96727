/* SPDX-License-Identifier: MIT */
#include "ipc/repair/stall.h"

#include "ipc/protocol/enqueue.h"
#include "ipc/protocol/wake.h"

/* Killed between the CAS and the push, the kernel's journal names the task. A CAS,
 * not an exchange: the task taken must be the task in the journal. */
static void take_lifo(const struct bh_view *v, struct bh_slot *w)
{
	uint32_t idx = bh_ld_acq(&w->lifo);

	if (!idx)
		return;
	bh_st_rlx(&v->a->waking, idx);
	bh_compiler_barrier();
	if (bh_cas(&w->lifo, &idx, 0))
		bh_enqueue_shared(v, idx);
}

/* A task pinned to worker @slot gets no second hint: only @slot may run it, and will. */
static void requeue(const struct bh_view *v, uint32_t slot, uint32_t idx)
{
	struct bh_tcb *t = bh_tcb_at(v, idx);
	uint64_t s = t ? bh_ld_rlx(&t->state) : 0;

	if (t && !((s & BH_PINNED) && bh_state_worker(s) == slot))
		bh_requeue(v, idx);
}

/* Second hints to the tasks in the worker's batch: once per long turn, or they would pile
 * up. Killed before the store of `told`: twice. */
static void hand_out(const struct bh_view *v, uint32_t slot)
{
	struct bh_slot *w = &v->workers[slot];
	uint64_t turn = bh_ld_rlx(&w->heartbeat) + 1;
	uint32_t n = bh_ld_acq(&w->batch.n);

	if (bh_ld_rlx(&w->batch.told) == turn)
		return;
	for (uint32_t i = 0; i < n && i < BH_BATCH; i++)
		requeue(v, slot, bh_ld_rlx(&w->batch.idx[i]));
	bh_st_rlx(&w->batch.told, turn);
}

void bh_stall_relieve(const struct bh_view *v, uint32_t slot)
{
	struct bh_slot *w = &v->workers[slot];
	struct bh_idle *idle = &v->a->idle;
	uint64_t bit = 1ull << slot;
	uint32_t park = bh_ld_acq(&w->park);
	uint64_t asleep;
	bool owed = false;

	take_lifo(v, w);
	hand_out(v, slot);
	/* A searcher's duty passes to the process that clears its bit: pushes while the bit
	 * stood woke no worker. The AND comes before the look at the queues. */
	if (bh_ld_rlx(&idle->searching) & bit)
		owed = bh_and(&idle->searching, ~bit) & bit;
	/* A sleeping worker does not search: @slot had picked it, another process woke it,
	 * then @slot set its bit, and is stopped before the wake-up. */
	asleep = bh_ld_acq(&idle->searching) & bh_ld_acq(&idle->parked);
	if (asleep)
		owed |= (bh_and(&idle->searching, ~asleep) & asleep) != 0;
	/* Invalid park words are the audit's business. */
	if (bh_park_sleeps(park) && !(bh_ld_acq(&idle->parked) & bit))
		bh_unpark(&w->park, v->kick);
	if (owed || bh_runq_len(&w->runq) || bh_inject_ready(&v->inject))
		bh_notify(v);
}

/* The parker of worker @slot says awake, but it may sleep all the same: its waker is stopped
 * between the store and the system call. */
static void wake_untold(const struct bh_view *v, uint32_t slot)
{
	_Atomic uint32_t *park = &v->workers[slot].park;

	if (bh_ld_acq(park) != BH_AWAKE)
		return;
	bh_unpark_again(park);
	for (uint32_t i = 0; i < v->l.reactors; i++)
		if (bh_lease_sleeper(bh_ld_acq(&v->a->idle.lease[i].word)) & 1ull << slot)
			bh_kick(v->kick[i]);
}

void bh_stall_requeue(const struct bh_view *v, uint32_t slot)
{
	struct bh_slot *w = &v->workers[slot];
	struct bh_tcb *t = bh_tcb_at(v, bh_ld_rlx(&w->journal.slot));

	wake_untold(v, slot);
	if (bh_inject_ready(&v->inject))
		return;
	requeue(v, slot, bh_ld_rlx(&w->journal.popped));
	requeue(v, slot, bh_ld_rlx(&w->journal.wake));
	/* A thief's copies stand beyond its tail until it moves the tail. */
	for (uint32_t i = 0; i < BH_RUNQ_CAP; i++)
		requeue(v, slot, bh_ld_rlx(&w->runq.cells[i]));
	for (uint32_t i = 0; i < BH_BATCH; i++)
		requeue(v, slot, bh_ld_rlx(&w->batch.idx[i]));
	if (t && bh_state_of(bh_ld_acq(&t->state)) == BH_DONE) {
		uint64_t parent = bh_ld_rlx(&t->parent);

		if (parent)
			bh_kernel_wake(v, bh_handle_idx(parent), bh_handle_gen(parent), 0);
	}
}
