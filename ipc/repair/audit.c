/* SPDX-License-Identifier: MIT */
#include "ipc/repair/audit.h"
#include "ipc/arena/extent.h"
#include "ipc/sync/serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Marks of a slot: how it was seen. */
enum {
	HINTED = 1,
	LISTED = 2,
	POOLED = 4
};

enum {
	STEP = 4096
};

struct marks {
	unsigned char *tasks, *ios, *tokens, *syncs, *claims, *blocks[BH_CLASSES];
};

struct audit {
	const struct bh_view *v;
	struct marks m;
	struct bh_audit *out;
};

/* No worker runs: each finding is certain. */
#define report(a, invariant, ...) \
	bh_audit_report((a)->out, invariant, (struct bh_audit_finding){ 0 }, __VA_ARGS__)

static uint32_t used(const struct bh_pool_view *p)
{
	uint32_t mark = bh_ld_acq(&p->pool->mark);

	return mark < p->capacity ? mark : p->capacity;
}

static uint64_t state(struct audit *a, uint32_t idx)
{
	return bh_ld_acq(&a->v->tasks[idx].state);
}

/* -- what holds when nobody runs ------------------------------------------------- */

/* A hint counts only in a queue of a process that may run the task. */
static void mark_hint(struct audit *a, uint32_t idx)
{
	struct bh_tcb *t = bh_tcb_at(a->v, idx);

	if (t && (t->kind != BH_KIND_BLOCKING || (bh_ld_acq(&t->state) & BH_ABORTED)))
		a->m.tasks[idx] |= HINTED;
}

static void mark_job(struct audit *a, uint32_t idx)
{
	struct bh_tcb *t = bh_tcb_at(a->v, idx);

	if (t && t->kind == BH_KIND_BLOCKING)
		a->m.tasks[idx] |= HINTED;
}

static void mark_queues(struct audit *a)
{
	const struct bh_view *v = a->v;
	uint64_t h, t;

	for (uint32_t w = 0; w < v->l.workers; w++) {
		struct bh_runq *q = &v->workers[w].runq;

		h = bh_ld_acq(&q->head);
		t = bh_ld_acq(&q->tail);
		for (uint32_t i = 0; h + i < t && i < BH_RUNQ_CAP; i++)
			mark_hint(a, bh_ld_rlx(&q->cells[(h + i) % BH_RUNQ_CAP]));
		for (uint32_t i = 0; i < bh_ld_rlx(&v->workers[w].batch.n) && i < BH_BATCH; i++)
			mark_hint(a, bh_ld_rlx(&v->workers[w].batch.idx[i]));
		mark_hint(a, bh_ld_rlx(&v->workers[w].lifo));
		struct bh_inject_view pinned = bh_pinned_of(v, w);
		for (uint64_t i = 0; i <= pinned.mask; i++)
			mark_hint(a, (uint32_t)bh_ld_rlx(&pinned.cells[i]));
	}
	/* Every cell: the counters may lag behind the commits. */
	for (uint64_t i = 0; i <= v->inject.mask; i++) {
		mark_hint(a, (uint32_t)bh_ld_rlx(&v->inject.cells[i]));
		mark_job(a, (uint32_t)bh_ld_rlx(&v->blocking.cells[i]));
	}
}

static void mark_pool(const struct bh_pool_view *p, unsigned char *marks)
{
	uint32_t n = used(p);

	for (uint32_t i = 1; i < n; i++)
		if (bh_ld_rlx(&p->bits[i / 64]) >> (i % 64) & 1)
			marks[i] |= POOLED;
}

static void mark_cache(const struct bh_pool_view *p, const struct bh_pool_cache *c,
		       unsigned char *marks)
{
	uint32_t n = c->n < BH_POOL_CACHE ? c->n : BH_POOL_CACHE;

	for (uint32_t i = 0; i < n; i++)
		if (c->idx[i] < used(p))
			marks[c->idx[i]] |= POOLED;
}

static void mark_pools(struct audit *a)
{
	const struct bh_view *v = a->v;

	mark_pool(&v->task_pool, a->m.tasks);
	mark_pool(&v->io_pool, a->m.ios);
	mark_pool(&v->token_pool, a->m.tokens);
	mark_pool(&v->sync_pool, a->m.syncs);
	mark_pool(&v->claim_pool, a->m.claims);
	for (uint32_t c = 0; c < BH_CLASSES; c++)
		mark_pool(&v->block_pool[c], a->m.blocks[c]);
	for (uint32_t w = 0; w < BH_SLOTS; w = bh_slot_after(v, w)) {
		mark_cache(&v->task_pool, &v->workers[w].tasks, a->m.tasks);
		mark_cache(&v->io_pool, &v->workers[w].ios, a->m.ios);
		mark_cache(&v->token_pool, &v->workers[w].tokens, a->m.tokens);
		mark_cache(&v->sync_pool, &v->workers[w].syncs, a->m.syncs);
		mark_cache(&v->claim_pool, &v->workers[w].claims, a->m.claims);
		for (uint32_t c = 0; c < BH_CLASSES; c++)
			mark_cache(&v->block_pool[c], &v->workers[w].blocks[c], a->m.blocks[c]);
	}
}

static void mark_block(struct audit *a, uint32_t ref, uint64_t owner)
{
	struct bh_block *b = bh_block_at(a->v, ref);

	if (b && bh_ld_acq(&b->owner) == owner)
		a->m.blocks[bh_block_class(ref)][bh_block_idx(ref)] |= LISTED;
}

static void walk_children(struct audit *a, uint32_t i, uint64_t owner)
{
	struct bh_tcb *c;
	uint32_t at = bh_ld_rlx(&a->v->tasks[i].child);

	for (uint32_t n = 0; (c = bh_tcb_at(a->v, at)); n++) {
		if (bh_ld_rlx(&c->parent) != owner || bh_state_of(state(a, at)) == BH_FREE) {
			report(a, "child-list", "task %u lists %u, which is not its child", i, at);
			return;
		}
		if (a->m.tasks[at] & LISTED || n >= a->v->l.tasks) {
			report(a, "child-list", "task %u lists %u twice", i, at);
			return;
		}
		a->m.tasks[at] |= LISTED;
		at = bh_ld_rlx(&c->sibling);
	}
}

static void walk_owned(struct audit *a, uint32_t i)
{
	struct bh_tcb *t = &a->v->tasks[i];
	uint64_t owner = bh_handle(bh_state_gen(state(a, i)), i);
	struct bh_block *b;
	struct bh_ioslot *s;
	uint32_t at = bh_ld_rlx(&t->blocks);

	mark_block(a, bh_ld_rlx(&t->stack), owner);
	mark_block(a, bh_ld_rlx(&t->arg_block), owner);
	mark_block(a, bh_ld_rlx(&t->reply), owner);
	for (uint32_t n = 0; n < 1u << 24 && (b = bh_block_at(a->v, at)); n++) {
		mark_block(a, at, owner);
		at = bh_ld_rlx(&b->next);
	}
	at = bh_ld_rlx(&t->ios);
	for (uint32_t n = 0; n < a->v->l.ios && (s = bh_io_at(a->v, at)); n++) {
		if (bh_ld_acq(&s->owner) == owner)
			a->m.ios[at] |= LISTED;
		at = bh_ld_rlx(&s->next);
	}
	walk_children(a, i, owner);
}

static void check_task(struct audit *a, uint32_t i)
{
	const struct bh_view *v = a->v;
	struct bh_tcb *t = &v->tasks[i];
	uint64_t w = state(a, i), word;
	uint32_t slot = bh_state_worker(w);

	switch (bh_state_of(w)) {
	case BH_FREE:
		if (!(a->m.tasks[i] & POOLED))
			report(a, "task-pool", "task %u is free and in no pool", i);
		break;
	case BH_SCHEDULED:
		if (!(a->m.tasks[i] & HINTED))
			report(a, "hint", "task %u is scheduled and in no queue", i);
		break;
	case BH_RESERVED:
	case BH_RUNNING:
		word = slot < BH_SLOTS ? bh_ld_acq(&v->workers[slot].word) : 0;
		if (!bh_slot_has(word, bh_state_epoch(w)))
			report(a, "holder-alive", "task %u is held by worker %u, epoch %u", i, slot,
			       bh_state_epoch(w));
		break;
	case BH_WAITING:
		if (t->wait == BH_WAIT_JOIN) {
			struct bh_tcb *c = bh_tcb_of(v, t->wait_on);
			if (!c || bh_state_of(bh_ld_acq(&c->state)) == BH_DONE)
				report(a, "join-woken", "task %u waits for one that has ended", i);
		}
		break;
	case BH_DONE:
		if (!bh_owner_alive(v, bh_ld_rlx(&t->parent)) || !(a->m.tasks[i] & LISTED))
			report(a, "done-parent", "task %u has ended and nobody will join it", i);
		break;
	case BH_CLEANUP:
		report(a, "no-cleanup", "task %u", i);
		break;
	default:
		break;
	}
}

static void check_blocks(struct audit *a, uint32_t c)
{
	uint32_t n = used(&a->v->block_pool[c]);

	for (uint32_t i = 1; i < n; i++) {
		uint64_t owner = bh_ld_acq(&a->v->blocks[c][i].owner);

		bool kept = bh_extent_keeper(owner) < BH_SLOTS;

		if (kept ? !bh_extent_kept(a->v, c, i, owner) || bh_extent_charged(a->v, c, i) :
			   !bh_extent_charged(a->v, c, i))
			report(a, "block-extent", "block %u of class %u: owner %#llx, %s", i, c,
			       (unsigned long long)owner,
			       bh_extent_charged(a->v, c, i) ? "charged" : "not charged");
		if (kept)
			continue;
		a->out->blocks += owner != 0;
		if (!owner && !(a->m.blocks[c][i] & POOLED))
			report(a, "block-pool", "block %u of class %u is free and in no pool", i,
			       c);
		if (owner && !bh_owner_alive(a->v, owner))
			report(a, "block-owner", "block %u of class %u: its owner %#llx is gone", i,
			       c, (unsigned long long)owner);
		else if (owner && !(a->m.blocks[c][i] & LISTED))
			report(a, "block-owner", "block %u of class %u: its owner lost it", i, c);
	}
}

static void check_charge(struct audit *a)
{
	struct bh_extent_sum sum = { 0 };

	while (bh_extent_add_up(a->v, &sum))
		;
	if (bh_extent_changing(a->v) || sum.bytes != bh_extent_bytes(a->v))
		report(a, "charge", "%llu bytes are charged, and the sum says %llu%s",
		       (unsigned long long)sum.bytes, (unsigned long long)bh_extent_bytes(a->v),
		       bh_extent_changing(a->v) ? ", and a change is not finished" : "");
	for (uint32_t c = 0; c < BH_CLASSES; c++)
		if (bh_extent_unknown(a->v, &sum, c))
			report(a, "block-pool",
			       "extents of class %u can be charged, and in no pool", c);
}

static void check_io(struct audit *a, uint32_t i)
{
	struct bh_ioslot *s = &a->v->ios[i];
	uint64_t owner = bh_ld_acq(&s->owner);

	a->out->ios += owner != 0;
	if (!owner && !(a->m.ios[i] & POOLED))
		report(a, "io-pool", "I/O slot %u is free and in no pool", i);
	if (!owner || owner == BH_IO_CLOSING)
		return;
	if (!bh_owner_alive(a->v, owner) || !(a->m.ios[i] & LISTED))
		report(a, "io-owner", "I/O slot %u: its owner %#llx is gone or lost it", i,
		       (unsigned long long)owner);
	for (int d = 0; d < 2; d++) {
		uint64_t r = bh_ld_acq(&s->ready[d]);
		struct bh_tcb *t = bh_tcb_at(a->v, (uint32_t)(r >> 32));

		if ((r & BH_IO_READY) && t && bh_state_of(bh_ld_acq(&t->state)) == BH_WAITING &&
		    t->wait == BH_WAIT_IO && bh_handle_idx(t->wait_on) == i)
			report(a, "io-woken", "task %u sleeps on I/O slot %u, which is ready",
			       (uint32_t)(r >> 32), i);
	}
}

static void check_token(struct audit *a, uint32_t i)
{
	uint64_t owner = bh_ld_acq(&a->v->tokens[i].owner);

	if (!owner && !(a->m.tokens[i] & POOLED))
		report(a, "token-pool", "token %u is free and in no pool", i);
	if (owner && owner != BH_TOKEN_OWNER_SERVICE && !bh_owner_alive(a->v, owner))
		report(a, "token-owner", "token %u: its owner %#llx is gone", i,
		       (unsigned long long)owner);
}

/* The list of object @i, whose claims are LISTED by it. */
static void check_list(struct audit *a, uint32_t i)
{
	struct bh_sync *s = &a->v->syncs[i];
	uint32_t prev = 0, idx = bh_ld_rlx(&s->head);
	struct bh_claim *c;

	for (; (c = bh_claim_at(a->v, idx)); idx = bh_ld_rlx(&c->next)) {
		if (bh_ld_rlx(&c->prev) != prev || (a->m.claims[idx] & LISTED) ||
		    bh_claim_state(bh_ld_rlx(&c->word)) != BH_CLAIM_ASKS ||
		    bh_handle_idx(bh_ld_rlx(&c->sync)) != i) {
			/* A GONE claim may stay in the list for a while. */
			if (bh_claim_state(bh_ld_rlx(&c->word)) != BH_CLAIM_GONE ||
			    (a->m.claims[idx] & LISTED)) {
				report(a, "sync-list", "claim %u is in the list of object %u", idx,
				       i);
				return;
			}
		}
		a->m.claims[idx] |= LISTED;
		prev = idx;
	}
	if (bh_ld_rlx(&s->tail) != prev)
		report(a, "sync-list", "object %u: the last is %u, not %u", i, prev,
		       bh_ld_rlx(&s->tail));
}

static void check_sync_count(struct audit *a, uint32_t i)
{
	struct bh_sync *s = &a->v->syncs[i];
	uint64_t word = bh_ld_rlx(&s->word);
	uint32_t held = 0;

	if (bh_sync_kind(word) == BH_SYNC_NOTICE || (word & BH_SYNC_CLOSED))
		return;
	for (uint32_t k = 1; k < used(&a->v->claim_pool); k++) {
		struct bh_claim *c = &a->v->claims[k];

		if (bh_claim_state(bh_ld_rlx(&c->word)) == BH_CLAIM_HELD &&
		    bh_ld_rlx(&c->sync) == bh_handle((uint32_t)(word >> 32), i))
			held += bh_ld_rlx(&c->count);
	}
	if (held != bh_ld_rlx(&s->taken))
		report(a, "sync-count", "object %u: %u taken, and %u held", i, bh_ld_rlx(&s->taken),
		       held);
}

static void check_sync(struct audit *a, uint32_t i)
{
	struct bh_sync *s = &a->v->syncs[i];
	uint64_t owner = bh_ld_acq(&s->owner);

	if (!owner && !(a->m.syncs[i] & POOLED))
		report(a, "sync-pool", "sync object %u is free and in no pool", i);
	if (owner && !bh_owner_alive(a->v, owner))
		report(a, "sync-owner", "sync object %u: its owner %#llx is gone", i,
		       (unsigned long long)owner);
	if (bh_ld_acq(&s->lock) || bh_ld_acq(&s->inbox) || bh_ld_acq(&s->step) ||
	    bh_ld_acq(&s->suspect))
		report(a, "sync-served", "sync object %u: lock %#llx, inbox %u, step %#llx", i,
		       (unsigned long long)bh_ld_rlx(&s->lock), bh_ld_rlx(&s->inbox),
		       (unsigned long long)bh_ld_rlx(&s->step));
	check_list(a, i);
	check_sync_count(a, i);
}

static void check_claim(struct audit *a, uint32_t i)
{
	struct bh_claim *c = &a->v->claims[i];
	enum bh_claim_state is = bh_claim_state(bh_ld_acq(&c->word));

	if (is == BH_CLAIM_FREE && !(a->m.claims[i] & POOLED))
		report(a, "claim-pool", "claim %u is free and in no pool", i);
	if ((is == BH_CLAIM_ASKS || is == BH_CLAIM_GONE || is == BH_CLAIM_BACK) &&
	    !(a->m.claims[i] & LISTED))
		report(a, "sync-list", "claim %u is in no list", i);
	if ((is == BH_CLAIM_ASKS || is == BH_CLAIM_HELD || is == BH_CLAIM_REFUSED) &&
	    !bh_owner_alive(a->v, bh_ld_acq(&c->owner)))
		report(a, "claim-owner", "claim %u: its owner %#llx is gone", i,
		       (unsigned long long)bh_ld_rlx(&c->owner));
	if (is == BH_CLAIM_NEW)
		report(a, "claim-word", "claim %u is being made, by nobody", i);
}

static void check_counts(struct audit *a)
{
	uint64_t began, ended, live = 0;

	bh_audit_count(a->v, &began, &ended);
	for (uint32_t s = BH_RESERVED; s < BH_STATE_COUNT; s++)
		if (s != BH_DONE && s != BH_RESERVED)
			live += a->out->tasks[s];
	if (began - ended != live)
		report(a, "counts", "%llu spawned, %llu ended, %llu live",
		       (unsigned long long)began, (unsigned long long)ended,
		       (unsigned long long)live);
}

static void check_lease(struct audit *a, uint32_t i)
{
	uint64_t w = bh_ld_acq(&a->v->a->idle.lease[i].word), word = 0;
	uint32_t slot = bh_lease_slot(w);

	if (bh_lease_mode_of(w) == BH_LEASE_FREE)
		return;
	if (slot < BH_MAX_WORKERS)
		word = bh_ld_acq(&a->v->workers[slot].word);
	if (bh_lease_mode_of(w) >= BH_LEASE_MODES || !bh_slot_has(word, bh_lease_epoch(w)))
		report(a, "lease", "worker %u, epoch %u, has that of reactor %u in mode %u", slot,
		       bh_lease_epoch(w), i, bh_lease_mode_of(w));
}

static void check_quiet(struct audit *a)
{
	const struct bh_view *v = a->v;

	mark_queues(a);
	mark_pools(a);
	for (uint32_t i = 1; i < used(&v->task_pool); i++)
		if (bh_state_of(state(a, i)) != BH_FREE)
			walk_owned(a, i);
	for (uint32_t i = 1; i < used(&v->task_pool); i++)
		check_task(a, i);
	for (uint32_t i = 1; i < used(&v->io_pool); i++)
		check_io(a, i);
	for (uint32_t i = 1; i < used(&v->token_pool); i++)
		check_token(a, i);
	for (uint32_t i = 1; i < used(&v->sync_pool); i++)
		check_sync(a, i);
	for (uint32_t i = 1; i < used(&v->claim_pool); i++)
		check_claim(a, i);
	for (uint32_t c = 0; c < BH_CLASSES; c++)
		check_blocks(a, c);
	check_charge(a);
	check_counts(a);
	for (uint32_t i = 0; i < v->l.reactors; i++)
		check_lease(a, i);
}

/* The CERTAIN findings of a round of steps. */
static void check_busy(struct audit *a)
{
	struct bh_audit_round round = { 0 };
	struct bh_audit step;
	bool end;

	do {
		memset(&step, 0, sizeof(step));
		end = bh_audit_step(a->v, &round, STEP, &step);
		for (uint32_t s = 0; s < BH_STATE_COUNT; s++)
			a->out->tasks[s] += step.tasks[s];
		for (uint32_t i = 0; i < step.found && i < BH_AUDIT_MAX; i++)
			if (step.finding[i].nature == BH_AUDIT_CERTAIN)
				report(a, step.finding[i].invariant, "%s", step.finding[i].text);
	} while (!end);
}

int bh_audit_run(const struct bh_view *v, bool quiet, struct bh_audit *out)
{
	struct audit a = { .v = v, .out = out };
	int err = 0;

	memset(out, 0, sizeof(*out));
	check_busy(&a);
	if (!quiet)
		return 0;
	a.m.tasks = calloc(v->l.tasks, 1);
	a.m.ios = calloc(v->l.ios, 1);
	a.m.tokens = calloc(v->l.tokens, 1);
	a.m.syncs = calloc(v->l.syncs, 1);
	a.m.claims = calloc(v->l.claims, 1);
	if (!a.m.tasks || !a.m.ios || !a.m.tokens || !a.m.syncs || !a.m.claims)
		err = -ENOMEM;
	for (uint32_t c = 0; c < BH_CLASSES; c++) {
		a.m.blocks[c] = calloc(v->l.blocks[c], 1);
		if (!a.m.blocks[c])
			err = -ENOMEM;
	}
	if (!err)
		check_quiet(&a);
	free(a.m.tasks);
	free(a.m.ios);
	free(a.m.tokens);
	free(a.m.syncs);
	free(a.m.claims);
	for (uint32_t c = 0; c < BH_CLASSES; c++)
		free(a.m.blocks[c]);
	return err;
}
