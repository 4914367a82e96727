/* SPDX-License-Identifier: MIT */
/* verify.c: the verifying scan, after recover.h: repairs what no journal names. */
#include <bulkhead/task.h>

#include "ipc/repair/verify.h"

#include "ipc/protocol/enqueue.h"
#include "ipc/repair/recover_sync.h"
#include "ipc/repair/recover_token.h"

/* True if the incarnation named in state word @w is not alive any more. It was up when it
 * took the task, and @w was read before the slot's word: if the slot's word is not UP(epoch),
 * the incarnation went without the task, or @w is no longer true. */
static bool holder_gone(const struct bh_view *v, uint64_t w)
{
	uint32_t slot = bh_state_worker(w);

	if (slot >= BH_SLOTS)
		return slot != BH_OWNER_ZYGOTE;
	return !bh_slot_has(bh_ld_acq(&v->workers[slot].word), bh_state_epoch(w));
}

/* True if a task that is not running is pinned to a dead incarnation, or to a slot that is no
 * longer used: it can never run. What it holds of that process's memory is gone, too. */
static bool home_gone(const struct bh_view *v, uint64_t w)
{
	uint32_t slot = bh_state_worker(w);

	if (!(w & BH_PINNED))
		return false;
	if (slot >= BH_MAX_WORKERS)
		return true;
	return bh_slot_state_of(bh_ld_acq(&v->workers[slot].word)) == BH_SLOT_VACANT ||
	       (bh_state_epoch(w) && holder_gone(v, w));
}

/* Goes on with a task in CLEANUP; @undecided is its end if there is no decision yet. False:
 * not yet through. */
static bool clean_up(const struct bh_view *v, uint32_t idx, uint64_t w, uint8_t undecided,
		     struct bh_verify *scan, const struct bh_recover_ops *ops)
{
	bool restart = undecided == BH_END_LOST && bh_can_restart(&v->tasks[idx], w);

	if (!bh_recover_task(v, bh_handle(bh_state_gen(w), idx), restart, undecided, 0, ops))
		return false;
	scan->repaired++;
	return true;
}

/* Ends a task whose home is gone, or starts it again there if it may. */
static bool evict(const struct bh_view *v, uint32_t idx, uint64_t w, struct bh_verify *scan,
		  const struct bh_recover_ops *ops)
{
	struct bh_tcb *t = &v->tasks[idx];

	t->verdict = 0; /* of an earlier death */
	/* The task may be woken or aborted meanwhile, each but once: no other worker can run it. */
	for (int i = 0; !bh_state_take(&t->state, &w); i++)
		if (i == 4 || !home_gone(v, w) ||
		    (bh_state_of(w) != BH_WAITING && bh_state_of(w) != BH_SCHEDULED))
			return true;
	return clean_up(v, idx, w, BH_END_LOST, scan, ops);
}

/* Takes a task from a dead holder, and ends it as crashed. */
static bool take_over(const struct bh_view *v, uint32_t idx, uint64_t w, struct bh_verify *scan,
		      const struct bh_recover_ops *ops)
{
	v->tasks[idx].verdict = 0;
	if (!bh_state_take(&v->tasks[idx].state, &w))
		return true;
	return clean_up(v, idx, w, BH_END_CRASHED, scan, ops);
}

/* False: there is more to do about task @idx. */
static bool verify_task(const struct bh_view *v, uint32_t idx, struct bh_verify *scan,
			const struct bh_recover_ops *ops)
{
	struct bh_tcb *t = &v->tasks[idx];
	uint64_t w = bh_ld_acq(&t->state), parent;

	switch (bh_state_of(w)) {
	case BH_FREE:
		if (idx < bh_ld_rlx(&v->task_pool.pool->mark))
			bh_pool_give_shared(&v->task_pool, idx);
		break;
	case BH_SCHEDULED:
	case BH_WAITING:
		if (home_gone(v, w))
			return evict(v, idx, w, scan, ops);
		if (scan->requeue && bh_state_of(w) == BH_SCHEDULED)
			bh_enqueue_shared(v, idx);
		break;
	case BH_RUNNING:
	case BH_RESERVED:
		if (holder_gone(v, w))
			return take_over(v, idx, w, scan, ops);
		break;
	case BH_CLEANUP:
		if (ops->held && ops->held(ops->ctx, idx))
			break;
		/* A task that recovery took from a worker is decided by now: no entry is DEAD
		 * while this scan goes on. An eviction may have only begun. */
		return clean_up(v, idx, w, home_gone(v, w) ? BH_END_LOST : BH_END_CRASHED, scan,
				ops);
	case BH_DONE:
		parent = bh_ld_rlx(&t->parent);
		if (!bh_owner_alive(v, parent)) {
			bh_recover_release(v, idx);
			scan->repaired++;
		}
		break;
	default:
		break;
	}
	return true;
}

/* The slot that keeps a block from use, if it has no live worker; BH_SLOTS: no such slot. */
static uint32_t gone_keeper(const struct bh_view *v, uint64_t owner)
{
	uint32_t slot = bh_extent_keeper(owner);

	return slot < BH_SLOTS && !bh_slot_is_up(bh_ld_acq(&v->workers[slot].word)) ? slot :
										      BH_SLOTS;
}

static void verify_block(const struct bh_view *v, uint32_t cls, uint32_t idx,
			 struct bh_verify *scan)
{
	struct bh_block *b = &v->blocks[cls][idx];
	uint64_t owner = bh_ld_acq(&b->owner);

	/* The kernel runs this scan, so it trims nothing meanwhile. */
	if ((bh_handle_idx(owner) || owner == BH_BLOCK_TRIM) && !bh_owner_alive(v, owner))
		scan->repaired += bh_cas(&b->owner, &owner, 0);
	if (bh_extent_settle(v, cls, idx, gone_keeper(v, owner)))
		bh_pool_give_shared(&v->block_pool[cls], idx);
}

static void verify_io(const struct bh_view *v, uint32_t idx, struct bh_verify *scan,
		      const struct bh_recover_ops *ops)
{
	struct bh_ioslot *s = &v->ios[idx];
	uint64_t owner = bh_ld_acq(&s->owner);

	if (!owner) {
		if (idx < bh_ld_rlx(&v->io_pool.pool->mark))
			bh_pool_give_shared(&v->io_pool, idx);
		return;
	}
	if (owner == BH_IO_CLOSING) {
		ops->close_io(ops->ctx, idx); /* asked before, perhaps of a zygote that died */
	} else if (!bh_owner_alive(v, owner) && bh_cas(&s->owner, &owner, BH_IO_CLOSING)) {
		ops->close_io(ops->ctx, idx);
		scan->repaired++;
	}
}

static void verify_token(const struct bh_view *v, uint32_t idx, struct bh_verify *scan)
{
	struct bh_token_slot *s = &v->tokens[idx];
	uint64_t owner = bh_ld_acq(&s->owner);

	if (owner) {
		bh_recover_token(v, idx);
		scan->repaired += !bh_ld_acq(&s->owner);
	} else if (idx < bh_ld_rlx(&v->token_pool.pool->mark)) {
		bh_pool_give_shared(&v->token_pool, idx);
	}
}

static void verify_extent(const struct bh_view *v, struct bh_verify *scan)
{
	if (!scan->sum.cls && !scan->sum.at)
		bh_extent_finish(v);
	if (bh_extent_add_up(v, &scan->sum))
		return;
	bh_extent_mend(v, &scan->sum);
	scan->table++;
}

/* How many entries of a table are worth a check: all ever handed out. */
static uint32_t used(const struct bh_pool_view *p)
{
	uint32_t mark = bh_ld_acq(&p->pool->mark);

	return mark < p->capacity ? mark : p->capacity;
}

bool bh_verify_step(const struct bh_view *v, struct bh_verify *scan, uint32_t n,
		    const struct bh_recover_ops *ops)
{
	const uint32_t tables = 6 + BH_CLASSES;

	for (uint32_t i = 0; i < n && scan->table < tables; i++) {
		uint32_t cls = scan->table - 5;

		if (cls == BH_CLASSES) {
			verify_extent(v, scan);
			continue;
		}
		const struct bh_pool_view *p = scan->table == 0 ? &v->task_pool :
					       scan->table == 1 ? &v->io_pool :
					       scan->table == 2 ? &v->token_pool :
					       scan->table == 3 ? &v->sync_pool :
					       scan->table == 4 ? &v->claim_pool :
								  &v->block_pool[cls];
		uint32_t idx = ++scan->cursor;

		if (idx >= used(p)) {
			scan->table++;
			scan->cursor = 0;
		} else if (scan->table == 0) {
			if (!verify_task(v, idx, scan, ops)) {
				scan->cursor--; /* here again in the next step, with a new budget */
				break;
			}
		} else if (scan->table == 1) {
			verify_io(v, idx, scan, ops);
		} else if (scan->table == 2) {
			verify_token(v, idx, scan);
		} else if (scan->table == 3) {
			scan->repaired += bh_verify_sync(v, idx, holder_gone);
		} else if (scan->table == 4) {
			scan->repaired += bh_verify_claim(v, idx, holder_gone);
		} else {
			verify_block(v, cls, idx, scan);
		}
	}
	return scan->table >= tables;
}
