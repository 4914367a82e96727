/* SPDX-License-Identifier: MIT */
#include "ipc/repair/recover.h"

#include <string.h>

#include <bulkhead/task.h>

#include "ipc/protocol/blocking.h"
#include "ipc/protocol/enqueue.h"
#include "ipc/protocol/trim.h"
#include "ipc/protocol/wake.h"
#include "ipc/repair/recover_sync.h"
#include "ipc/repair/recover_token.h"

/* -- pools: is a slot free? ---------------------------------------------------- */

struct class_ctx {
	const struct bh_view *v;
	uint32_t cls, slot;
};

static bool task_is_free(const void *ctx, uint32_t idx)
{
	const struct bh_view *v = ctx;

	return bh_state_of(bh_ld_acq(&v->tasks[idx].state)) == BH_FREE;
}

static bool io_is_free(const void *ctx, uint32_t idx)
{
	const struct bh_view *v = ctx;

	return bh_ld_acq(&v->ios[idx].owner) == 0;
}

static bool token_is_free(const void *ctx, uint32_t idx)
{
	const struct bh_view *v = ctx;

	return bh_ld_acq(&v->tokens[idx].owner) == 0;
}

static bool sync_is_free(const void *ctx, uint32_t idx)
{
	const struct bh_view *v = ctx;

	return bh_ld_acq(&v->syncs[idx].owner) == 0;
}

static bool claim_is_free(const void *ctx, uint32_t idx)
{
	const struct bh_view *v = ctx;

	return (bh_ld_acq(&v->claims[idx].word) & BH_STATE_MASK) == BH_CLAIM_FREE;
}

static bool block_is_free(const void *ctx, uint32_t idx)
{
	const struct class_ctx *c = ctx;

	return bh_extent_settle(c->v, c->cls, idx, c->slot);
}

/* -- releasing what a task owns -------------------------------------------------- */

static void free_block(const struct bh_view *v, uint32_t ref, uint64_t owner)
{
	struct bh_block *b = bh_block_at(v, ref);

	/* Some owners are no task (trim.h, extent.h). */
	if (b && bh_handle_idx(owner) && bh_cas(&b->owner, &owner, 0))
		bh_pool_give_shared(&v->block_pool[bh_block_class(ref)], bh_block_idx(ref));
}

static void free_field(const struct bh_view *v, _Atomic uint32_t *field, uint64_t owner)
{
	free_block(v, bh_ld_rlx(field), owner);
	bh_st_rlx(field, 0);
}

/* The list's head moves on before each element is freed; killed between, the
 * kernel's journal names the element (relink). The argument and the stack stay: a task
 * that starts again needs them. */
static bool free_blocks(const struct bh_view *v, struct bh_tcb *t, uint64_t owner, uint32_t *budget)
{
	for (;; --*budget) {
		uint32_t ref = bh_ld_rlx(&t->blocks);
		struct bh_block *b = bh_block_at(v, ref);

		if (!b || bh_ld_acq(&b->owner) != owner)
			break;
		if (!*budget)
			return false;
		bh_st_rlx(&v->a->unlinked_block, ref);
		bh_st_rel(&t->blocks, bh_ld_rlx(&b->next));
		free_block(v, ref, owner);
	}
	bh_st_rlx(&t->blocks, 0);
	free_field(v, &t->reply, owner);
	return true;
}

static bool close_ios(const struct bh_view *v, struct bh_tcb *t, uint64_t owner, uint32_t *budget,
		      const struct bh_recover_ops *ops)
{
	for (;; --*budget) {
		uint32_t idx = bh_ld_rlx(&t->ios);
		struct bh_ioslot *s = bh_io_at(v, idx);
		uint64_t expected = owner;

		if (!s || bh_ld_acq(&s->owner) != owner)
			break;
		if (!*budget)
			return false;
		bh_st_rlx(&v->a->unlinked_io, idx);
		bh_st_rel(&t->ios, bh_ld_rlx(&s->next));
		if (bh_cas(&s->owner, &expected, BH_IO_CLOSING))
			ops->close_io(ops->ctx, idx);
	}
	bh_st_rlx(&t->ios, 0);
	return true;
}

/* DONE -> FREE, with the reply that a DONE task still has. */
void bh_recover_release(const struct bh_view *v, uint32_t idx)
{
	struct bh_tcb *t = &v->tasks[idx];
	uint64_t w = bh_ld_acq(&t->state);
	uint64_t owner = bh_handle(bh_state_gen(w), idx);

	if (bh_state_of(w) != BH_DONE)
		return;
	free_field(v, &t->reply, owner);
	if (bh_state_free(&t->state, w))
		bh_pool_give_shared(&v->task_pool, idx);
}

/* Orphans child @idx of @owner: as the worker's own drop_child(). */
static void orphan(const struct bh_view *v, uint32_t idx)
{
	struct bh_tcb *t = &v->tasks[idx];
	uint32_t gen = bh_state_gen(bh_ld_acq(&t->state));
	bool keep = t->opts & BH_TASK_KEEP;

	if (bh_state_detach(&t->state, gen, 0))
		bh_recover_release(v, idx);
	else if (!keep)
		bh_kernel_wake(v, idx, gen, BH_ABORTED);
}

static bool orphan_children(const struct bh_view *v, struct bh_tcb *t, uint64_t owner,
			    uint32_t *budget)
{
	for (;; --*budget) {
		uint32_t idx = bh_ld_rlx(&t->child);
		struct bh_tcb *c = bh_tcb_at(v, idx);

		if (!c || bh_ld_rlx(&c->parent) != owner)
			break;
		if (!*budget)
			return false;
		/* Killed after the unlink, the next kernel finds the child here. */
		bh_st_rlx(&v->a->dropping, bh_handle(bh_state_gen(bh_ld_acq(&c->state)), idx));
		bh_st_rel(&t->child, bh_ld_rlx(&c->sibling));
		/* Before orphan(), while the slot is still this child; and so a cyclic list
		 * has an end. */
		bh_st_rlx(&c->parent, 0);
		orphan(v, idx);
		bh_st_rel(&v->a->dropping, 0);
	}
	bh_st_rlx(&t->child, 0);
	return true;
}

/* Puts block @ref and I/O slot @io back in the lists of @t if it owns them and they are
 * in no list. */
static void link_back(const struct bh_view *v, struct bh_tcb *t, uint64_t owner, uint32_t ref,
		      uint32_t io)
{
	struct bh_block *b = bh_block_at(v, ref), *be;
	struct bh_ioslot *s = bh_io_at(v, io), *se;
	uint32_t at = bh_ld_rlx(&t->blocks);

	if (b && bh_ld_acq(&b->owner) == owner && ref != bh_ld_rlx(&t->stack) &&
	    ref != bh_ld_rlx(&t->arg_block) && ref != bh_ld_rlx(&t->reply)) {
		for (uint32_t n = 0; n < 1u << 24 && at != ref && (be = bh_block_at(v, at)); n++)
			at = bh_ld_rlx(&be->next);
		if (at != ref) {
			bh_st_rlx(&b->next, bh_ld_rlx(&t->blocks));
			bh_st_rel(&t->blocks, ref);
		}
	}
	at = bh_ld_rlx(&t->ios);
	if (s && bh_ld_acq(&s->owner) == owner) {
		for (uint32_t n = 0; n < v->l.ios && at != io && (se = bh_io_at(v, at)); n++)
			at = bh_ld_rlx(&se->next);
		if (at != io) {
			bh_st_rlx(&s->next, bh_ld_rlx(&t->ios));
			bh_st_rel(&t->ios, io);
		}
	}
}

/* The journal names a block or I/O slot taken for the task, and not yet linked to it. */
static void link_journal(const struct bh_view *v, struct bh_slot *w, struct bh_tcb *t,
			 uint64_t owner)
{
	link_back(v, t, owner, bh_ld_rlx(&w->journal.block), bh_ld_rlx(&w->journal.io));
}

/* -- the kernel's own journal --------------------------------------------------- */

/* If the task being ended has left CLEANUP: counts its end, gives its slot to the pool,
 * and wakes its parent. */
static void settle_ending(const struct bh_view *v)
{
	uint64_t task = bh_ld_acq(&v->a->ending), parent;
	struct bh_tcb *t = bh_tcb_at(v, bh_handle_idx(task));

	if (!t)
		return;
	uint64_t w = bh_ld_acq(&t->state);
	if (bh_state_of(w) != BH_CLEANUP || bh_state_gen(w) != bh_handle_gen(task)) {
		bh_st_rlx(bh_ld_rlx(&v->a->ending_canceled) ? &v->a->canceled : &v->a->crashed,
			  bh_ld_rlx(&v->a->ending_count));
		if (bh_state_of(w) == BH_FREE)
			bh_pool_give_shared(&v->task_pool, bh_handle_idx(task));
		parent = bh_ld_rlx(&t->parent);
		if (bh_state_of(w) == BH_DONE && parent)
			bh_kernel_wake(v, bh_handle_idx(parent), bh_handle_gen(parent), 0);
	}
	bh_st_rel(&v->a->ending, 0);
}

static void relink(const struct bh_view *v, uint64_t owner, uint32_t ref, uint32_t io)
{
	struct bh_tcb *t = bh_tcb_of(v, owner);

	if (t && bh_state_of(bh_ld_acq(&t->state)) == BH_CLEANUP)
		link_back(v, t, owner, ref, io);
}

void bh_recover_kernel(const struct bh_view *v)
{
	uint64_t child = bh_ld_acq(&v->a->dropping);
	uint32_t ref = bh_ld_acq(&v->a->unlinked_block), io = bh_ld_acq(&v->a->unlinked_io);
	struct bh_block *b = bh_block_at(v, ref);
	struct bh_ioslot *s = bh_io_at(v, io);

	bh_trim_recover(v);
	bh_requeue(v, bh_ld_acq(&v->a->waking));
	if (b)
		relink(v, bh_ld_acq(&b->owner), ref, 0);
	if (s)
		relink(v, bh_ld_acq(&s->owner), 0, io);
	if (bh_tcb_of(v, child))
		orphan(v, bh_handle_idx(child));
	bh_st_rel(&v->a->dropping, 0);
	settle_ending(v);
}

/* -- a dead worker's task --------------------------------------------------------- */

/* A child that was being dropped: unlinked already, the walk would miss it. */
static void drop_journal(const struct bh_view *v, struct bh_slot *w, struct bh_tcb *t,
			 uint64_t owner)
{
	uint32_t idx = bh_ld_rlx(&w->journal.slot);
	struct bh_tcb *c = bh_tcb_at(v, idx), *before;

	if (bh_ld_rlx(&w->journal.op) != BH_OP_RELEASE || !c || bh_ld_rlx(&c->parent) != owner)
		return;
	/* Looks where an unlink would: at `prev`; a walk of the list may be long. */
	before = bh_tcb_at(v, bh_ld_rlx(&c->prev));
	if (bh_ld_rlx(&t->child) != idx && (!before || bh_ld_rlx(&before->sibling) != idx))
		orphan(v, idx);
}

static bool held_by(uint64_t w, enum bh_state s, uint32_t slot, uint32_t epoch)
{
	return bh_state_of(w) == s && bh_state_worker(w) == slot &&
	       bh_state_epoch(w) == (epoch & BH_EPOCH_MASK);
}

bool bh_recover_blames(const struct bh_view *v, uint32_t slot, uint32_t epoch)
{
	struct bh_tcb *t = bh_tcb_at(v, bh_handle_idx(bh_ld_acq(&v->workers[slot].current)));
	uint64_t s = t ? bh_ld_acq(&t->state) : 0;

	return held_by(s, BH_RUNNING, slot, epoch) || held_by(s, BH_CLEANUP, slot, epoch);
}

void bh_recover_begin(const struct bh_view *v, uint32_t slot, uint32_t epoch,
		      struct bh_dead_task *out)
{
	struct bh_slot *w = &v->workers[slot];
	uint32_t idx = bh_handle_idx(bh_ld_rlx(&w->current));
	struct bh_tcb *t = bh_tcb_at(v, idx);

	*out = (struct bh_dead_task){ 0 };
	bh_recover_kernel(v);
	if (!t)
		return;
	uint64_t s = bh_ld_acq(&t->state);
	do {
		/* A killed kernel may have come as far as CLEANUP for this very slot. */
		if (held_by(s, BH_CLEANUP, slot, epoch))
			break;
		if (!held_by(s, BH_RUNNING, slot, epoch))
			return;
		t->verdict = 0; /* of an earlier death */
	} while (!bh_state_take(&t->state, &s));
	bh_st_rlx(&w->recovered, epoch + 1);
	out->task = bh_handle(bh_state_gen(s), idx);
	out->type = t->type < BH_TYPES ? t->type : 0;
	out->key = bh_task_key(t);
	out->aborted = s & BH_ABORTED;
	out->can_restart = bh_can_restart(t, s);
	link_journal(v, w, t, out->task);
	drop_journal(v, w, t, out->task);
}

/* A poll task's state, as it was at the start. Killed in the middle, the successor
 * does it again. */
static void restore_state(const struct bh_view *v, struct bh_tcb *t, uint64_t owner)
{
	uint32_t ref = bh_ld_rlx(&t->arg_block);
	struct bh_block *b = bh_block_at(v, ref);
	uint64_t len = b ? *(volatile uint32_t *)&b->len : 0;

	if (!b || bh_ld_acq(&b->owner) != owner ||
	    bh_state_copy_at(len) + len > bh_class_bytes(bh_block_class(ref)))
		return;
	unsigned char *data = bh_block_data(v, ref);
	memcpy(data, data + bh_state_copy_at(len), len);
}

bool bh_can_restart(const struct bh_tcb *t, uint64_t state)
{
	return (t->opts & BH_TASK_RESTART) && !(state & BH_ABORTED) &&
	       (t->restarts || t->verdict == BH_VERDICT_RESTART);
}

/* Decides the fate of @t, unless it is decided already. Commit: the store. */
static uint8_t decide(struct bh_tcb *t, bool restart, uint8_t end, int64_t value)
{
	union {
		uint32_t word;
		struct {
			uint16_t restarts;
			uint8_t crashes, verdict;
		};
	} fate = { .word = bh_ld_acq(&t->fate) };

	if (fate.verdict)
		return fate.verdict;
	if (restart) {
		fate.verdict = BH_VERDICT_RESTART;
		fate.restarts = (uint16_t)(fate.restarts - (fate.restarts != 0xffff));
		fate.crashes = (uint8_t)(fate.crashes + (fate.crashes < UINT8_MAX));
	} else {
		fate.verdict = (uint8_t)(BH_VERDICT_END + end);
		t->value = value;
	}
	bh_st_rel(&t->fate, fate.word);
	return fate.verdict;
}

/* Starts @t again from its argument. Its own things are gone; the argument stays, and the
 * stack: for a new stack there might be no room.
 * Commit: bh_state_restart(). */
static void restart_task(const struct bh_view *v, struct bh_tcb *t, uint32_t idx)
{
	if (t->opts & BH_TASK_VALUED)
		t->crash_key = 0;
	bh_compiler_barrier(); /* the value must not be taken for a key */
	if (t->opts & BH_TASK_STAYS)
		bh_state_unpin(&t->state); /* the wait that pinned it is over */
	bh_compiler_barrier();
	/* Options that the task itself set. */
	t->opts &= (uint8_t) ~(BH_TASK_UNCONSTRAINED | BH_TASK_LISTENS | BH_TASK_DEFERS |
			       BH_TASK_VALUED | BH_TASK_STAYS);
	t->sp = t->heap = 0;
	t->claims = 0;
	bh_st_rlx(&t->deadline_ns, 0);
	bh_state_restart(&t->state);
	bh_enqueue_shared(v, idx);
}

/* Ends @t, as was decided, and wakes its parent. */
static void end_task(const struct bh_view *v, struct bh_tcb *t, uint64_t task, uint8_t end)
{
	uint64_t parent = bh_ld_rlx(&t->parent);
	bool canceled = end == BH_END_CANCELED;

	free_field(v, &t->stack, task);
	free_field(v, &t->arg_block, task);
	bh_st_rlx(&t->deadline_ns, 0);
	t->end = end;
	bh_st_rlx(&v->a->ending_canceled, canceled);
	bh_st_rlx(&v->a->ending_count, bh_ld_rlx(canceled ? &v->a->canceled : &v->a->crashed) + 1);
	bh_st_rel(&v->a->ending, task);
	if (bh_state_end(&t->state))
		bh_pool_give_shared(&v->task_pool, bh_handle_idx(task));
	else if (parent)
		bh_kernel_wake(v, bh_handle_idx(parent), bh_handle_gen(parent), 0);
	settle_ending(v);
}

void bh_recover_decide(const struct bh_view *v, uint64_t task, bool restart, uint8_t end,
		       int64_t value)
{
	struct bh_tcb *t = bh_tcb_of(v, task);

	if (!t || bh_state_of(bh_ld_acq(&t->state)) != BH_CLEANUP)
		return;
	t->wait = BH_WAIT_HELD;
	decide(t, restart, end, value);
}

bool bh_recover_task(const struct bh_view *v, uint64_t task, bool restart, uint8_t end,
		     int64_t value, const struct bh_recover_ops *ops)
{
	uint32_t budget = ops->budget ? ops->budget : BH_RECOVER_BUDGET;
	struct bh_tcb *t = bh_tcb_of(v, task);

	if (!t || bh_state_of(bh_ld_acq(&t->state)) != BH_CLEANUP)
		return true;
	uint8_t verdict = decide(t, restart, end, value);
	t->wait = BH_WAIT_NONE;
	if (!orphan_children(v, t, task, &budget))
		return false;
	if (t->opts & BH_TASK_DEFERS) { /* clean-ups free tokens and sync objects */
		bh_recover_tokens_of(v, task);
		bh_recover_syncs_of(v, task);
	}
	if (t->claims)
		bh_recover_claims_of(v, task);
	if (!close_ios(v, t, task, &budget, ops) || !free_blocks(v, t, task, &budget))
		return false;
	if (verdict != BH_VERDICT_RESTART) {
		end_task(v, t, task, (uint8_t)(verdict - BH_VERDICT_END));
		return true;
	}
	if (t->kind == BH_KIND_POLL)
		restore_state(v, t, task);
	restart_task(v, t, bh_handle_idx(task));
	return true;
}

/* -- the rest of a dead worker's slot ----------------------------------------------- */

static void recover_queues(const struct bh_view *v, struct bh_slot *w)
{
	uint64_t head = bh_ld_acq(&w->runq.head), tail = bh_ld_rlx(&w->runq.tail);

	/* All cells, whatever head and tail say: a thief's copies stand beyond
	 * its tail, popped entries not yet run before its head. */
	for (uint32_t i = 0; i < BH_RUNQ_CAP; i++)
		bh_requeue(v, bh_ld_rlx(&w->runq.cells[i]));
	for (uint32_t i = 0; i < BH_BATCH; i++)
		bh_requeue(v, bh_ld_rlx(&w->batch.idx[i]));
	for (uint32_t i = 0; i < BH_RUNQ_CAP; i++)
		bh_st_rlx(&w->runq.cells[i], 0);
	bh_st_rlx(&w->batch.n, 0);
	for (uint32_t i = 0; i < BH_BATCH; i++)
		bh_st_rlx(&w->batch.idx[i], 0);
	/* Empty, and the counters go on growing: a thief that still holds an old
	 * head must fail. */
	while (!bh_cas(&w->runq.head, &head, tail > head ? tail : head))
		;
	if (tail < head)
		bh_st_rel(&w->runq.tail, head);
	bh_requeue(v, bh_xchg(&w->lifo, 0));
	bh_requeue(v, bh_ld_rlx(&w->journal.popped));
	bh_requeue(v, bh_ld_rlx(&w->journal.wake));
}

/* A task that the dead worker was making: if it is still RESERVED, its spawn is undone. */
static void recover_spawn(const struct bh_view *v, struct bh_slot *w, uint32_t slot, uint32_t epoch,
			  const struct bh_recover_ops *ops)
{
	uint32_t idx = bh_ld_rlx(&w->journal.slot);
	struct bh_tcb *t = bh_tcb_at(v, idx);
	uint64_t s;

	if (!t)
		return;
	s = bh_ld_acq(&t->state);
	if (!held_by(s, BH_RESERVED, slot, epoch)) {
		if (bh_ld_rlx(&w->journal.task)) /* it was reserved, so it was published */
			bh_st_rlx(&w->count.spawned, bh_ld_rlx(&w->journal.count));
		return;
	}
	uint64_t owner = bh_handle(bh_state_gen(s), idx);
	if (bh_ld_rlx(&w->journal.task)) {
		uint32_t few = BH_RECOVER_BUDGET; /* an argument, a socket */

		link_journal(v, w, t, owner);
		close_ios(v, t, owner, &few, ops);
		free_blocks(v, t, owner, &few);
		free_field(v, &t->stack, owner);
		free_field(v, &t->arg_block, owner);
	}
	if (bh_state_free(&t->state, s))
		bh_pool_give_shared(&v->task_pool, idx);
}

/* A task that was ending: if it is no longer RUNNING in this slot, it has ended. */
static void recover_end(const struct bh_view *v, struct bh_slot *w, bool completed)
{
	struct bh_tcb *t = bh_tcb_at(v, bh_ld_rlx(&w->journal.slot));
	struct bh_block *b = bh_block_at(v, bh_ld_rlx(&w->journal.block));
	uint64_t parent;

	if (!t || bh_handle_idx(bh_ld_rlx(&w->current)) != bh_ld_rlx(&w->journal.slot))
		return;
	/* bh_recover_begin() has taken it if it was still RUNNING. */
	bh_st_rlx(completed ? &w->count.completed : &w->count.canceled,
		  bh_ld_rlx(&w->journal.count));
	/* The reply of a task without a joiner. */
	if (b && !bh_owner_alive(v, bh_ld_acq(&b->owner)))
		free_block(v, bh_ld_rlx(&w->journal.block), bh_ld_acq(&b->owner));
	parent = bh_ld_rlx(&t->parent);
	if (bh_state_of(bh_ld_acq(&t->state)) == BH_DONE && parent)
		bh_kernel_wake(v, bh_handle_idx(parent), bh_handle_gen(parent), 0);
}

static void recover_op(const struct bh_view *v, struct bh_slot *w, uint32_t slot, uint32_t epoch,
		       bool had_task, const struct bh_recover_ops *ops)
{
	switch (bh_ld_rlx(&w->journal.op)) {
	case BH_OP_SPAWN:
		recover_spawn(v, w, slot, epoch, ops);
		break;
	case BH_OP_END:
	case BH_OP_CANCEL:
		if (!had_task)
			recover_end(v, w, bh_ld_rlx(&w->journal.op) == BH_OP_END);
		break;
	default:
		break;
	}
	bh_st_rlx(&w->journal.op, BH_OP_NONE);
}

/* Frees what the journal names if its owner is gone. */
static void recover_orphans(const struct bh_view *v, struct bh_slot *w,
			    const struct bh_recover_ops *ops)
{
	uint32_t ref = bh_ld_rlx(&w->journal.block), io = bh_ld_rlx(&w->journal.io);
	struct bh_block *b = bh_block_at(v, ref);
	struct bh_ioslot *s = bh_io_at(v, io);

	if (b) {
		uint64_t owner = bh_ld_acq(&b->owner);
		if (owner && !bh_owner_alive(v, owner))
			free_block(v, ref, owner);
	}
	if (s) {
		uint64_t owner = bh_ld_acq(&s->owner);
		if (owner && owner != BH_IO_CLOSING && !bh_owner_alive(v, owner) &&
		    bh_cas(&s->owner, &owner, BH_IO_CLOSING))
			ops->close_io(ops->ctx, io);
	}
}

static void clear_masks(const struct bh_view *v, uint32_t slot)
{
	uint64_t bit = 1ull << (slot % 64);

	if (slot >= BH_MAX_WORKERS) {
		bh_blocking_unmark(v, slot);
	} else {
		bh_and(&v->a->idle.parked, ~bit);
		bh_and(&v->a->idle.searching, ~bit);
		bh_idle_spin_end(&v->a->idle, slot);
	}
	bh_st_rlx(&v->workers[slot].park, BH_AWAKE);
}

void bh_recover_worker(const struct bh_view *v, uint32_t slot, uint32_t epoch,
		       const struct bh_recover_ops *ops)
{
	struct bh_slot *w = &v->workers[slot];
	struct bh_journal *j = &w->journal;
	struct bh_tcb *t = bh_tcb_at(v, bh_handle_idx(bh_ld_rlx(&w->current)));
	/* A RUNNING task was taken away by bh_recover_begin(): then nothing ended. */
	bool had_task = t && bh_ld_rlx(&w->recovered) == epoch + 1;

	bh_extent_recover(v, slot);
	recover_op(v, w, slot, epoch, had_task, ops);
	recover_orphans(v, w, ops);
	recover_queues(v, w);
	bh_pool_recover(&v->task_pool, &w->tasks, task_is_free, v);
	bh_recover_journal_token(v, bh_ld_rlx(&j->token));
	bh_recover_journal_sync(v, slot, epoch);
	bh_pool_recover(&v->io_pool, &w->ios, io_is_free, v);
	bh_pool_recover(&v->sync_pool, &w->syncs, sync_is_free, v);
	bh_pool_recover(&v->claim_pool, &w->claims, claim_is_free, v);
	bh_pool_recover(&v->token_pool, &w->tokens, token_is_free, v);
	for (uint32_t c = 0; c < BH_CLASSES; c++) {
		struct class_ctx ctx = { v, c, slot };
		bh_pool_recover(&v->block_pool[c], &w->blocks[c], block_is_free, &ctx);
	}
	for (uint32_t i = 0; i < BH_MAX_REACTORS; i++)
		if (bh_lease_held_by(&v->a->idle.lease[i], slot))
			bh_lease_give(&v->a->idle.lease[i]);
	clear_masks(v, slot);
	bh_st_rlx(&w->current, 0);
	bh_st_rlx(&j->popped, 0);
	bh_st_rlx(&j->wake, 0);
	bh_st_rlx(&j->block, 0);
	bh_st_rlx(&j->io, 0);
	bh_st_rlx(&j->token, 0);
	bh_st_rlx(&j->sync, 0);
	bh_st_rlx(&j->claim, 0);
	bh_st_rlx(&w->recovered, 0);
	/* Wake every sleeper: the dead worker may have taken a parked bit and not called futex. */
	bh_unpark_all(v);
	bh_blocking_rouse(v);
}
