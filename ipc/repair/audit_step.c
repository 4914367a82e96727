/* SPDX-License-Identifier: MIT */
/*
 * audit_step.c: the audit of an arena that is in use, entry by entry.
 *
 * The workers go on meanwhile, so each check is of one word, or of several words with
 * the first read again at the end: had it changed, nothing is reported. Where the second
 * read is not enough (two words of different owners), the finding is not CERTAIN.
 *
 * Everything is read once, into a copy, and a loop is as long as its table.
 */
#include "ipc/repair/audit_step.h"

#include "ipc/arena/extent.h"
#include "ipc/sync/serve.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	LINE = 8,       /* cells of the inject queue in a cache line */
	HEAD_LAG = 128, /* cells that the inject queue's head may lag behind: a cell for each
			   worker that was killed between its commit and the move */
	TRIES = 8,
};

struct check {
	const struct bh_view *v;
	struct bh_audit *out;
	uint32_t part, idx;
};

void bh_audit_report(struct bh_audit *out, const char *invariant, struct bh_audit_finding about,
		     const char *fmt, ...)
{
	uint32_t n = out->found++;
	va_list ap;

	if (n >= BH_AUDIT_MAX)
		return;
	snprintf(about.invariant, sizeof(about.invariant), "%s", invariant);
	va_start(ap, fmt);
	vsnprintf(about.text, sizeof(about.text), fmt, ap);
	va_end(ap);
	out->finding[n] = about;
}

#define report(l, invariant, kind, a, b, ...)                                 \
	bh_audit_report((l)->out, invariant,                                  \
			(struct bh_audit_finding){ .nature = BH_AUDIT_##kind, \
						   .part = (l)->part,         \
						   .idx = (l)->idx,           \
						   .words = { (a), (b) } },   \
			__VA_ARGS__)

typedef unsigned long long ull;

/* -- header --------------------------------------------------------------------- */

static void check_mark(const struct check *l, const struct bh_pool_view *p, uint32_t step,
		       const char *of)
{
	uint32_t mark = bh_ld_acq(&p->pool->mark);

	/* A claimed mark may exceed the capacity by the rest of its step. */
	if (mark > p->capacity + step || mark % step)
		report(l, "pool-mark", CERTAIN, mark, 0, "%s: %u of %u", of, mark, p->capacity);
}

static void check_ring(const struct check *l, const struct bh_inject_view *v)
{
	const struct bh_inject *q = v->q;
	uint64_t h = bh_ld_acq(&q->head), t = bh_ld_acq(&q->tail);
	uint64_t size = v->mask + 1ull;

	/* Twice: counters lag, and the two are read one after the other. */
	if (t > h ? t - h > 2 * size : h - t > size)
		report(l, "inject", CERTAIN, h, t, "head %llu, tail %llu", (ull)h, (ull)t);
}

static void check_leases(const struct check *l)
{
	for (uint32_t i = 0; i < BH_MAX_REACTORS; i++) {
		uint64_t w = bh_ld_acq(&l->v->a->idle.lease[i].word);

		if (bh_lease_mode_of(w) >= BH_LEASE_MODES || bh_lease_slot(w) >= l->v->l.workers ||
		    (i >= l->v->l.reactors && w))
			report(l, "lease", CERTAIN, w, i, "of reactor %u: %#llx", i, (ull)w);
	}
}

static void check_header(const struct check *l)
{
	const struct bh_view *v = l->v;
	const struct bh_arena *a = v->a;
	uint64_t in_use = v->l.workers == 64 ? ~0ull : (1ull << v->l.workers) - 1;
	uint64_t parked = bh_ld_acq(&a->idle.parked), searching = bh_ld_acq(&a->idle.searching);
	uint32_t spinner = bh_ld_acq(&a->idle.spinner);
	char name[16];

	if (a->magic != BH_ARENA_MAGIC || a->format != bh_format || a->workers != v->l.workers ||
	    a->bytes != v->l.bytes)
		report(l, "header", CERTAIN, a->magic, a->bytes, "magic %#llx, %llu bytes",
		       (ull)a->magic, (ull)a->bytes);
	check_mark(l, &v->task_pool, 64, "tasks");
	check_mark(l, &v->io_pool, 64, "I/O slots");
	check_mark(l, &v->token_pool, 64, "tokens");
	check_mark(l, &v->sync_pool, 64, "sync objects");
	check_mark(l, &v->claim_pool, 64, "claims");
	for (uint32_t c = 0; c < BH_CLASSES; c++) {
		snprintf(name, sizeof(name), "blocks %u", c);
		check_mark(l, &v->block_pool[c], 1u << v->l.extent_log2[c], name);
	}
	if (bh_extent_bytes(v) > bh_extent_limit(v))
		report(l, "charge", CERTAIN, bh_extent_bytes(v), 0, "%llu bytes of %llu",
		       (ull)bh_extent_bytes(v), (ull)bh_extent_limit(v));
	check_ring(l, &v->inject);
	check_ring(l, &v->blocking);
	for (uint32_t s = v->l.blocking; s < BH_MAX_BLOCKING; s++)
		if (bh_ld_acq(&a->blocking.parked[s / 64]) >> (s % 64) & 1)
			report(l, "idle-mask", CERTAIN, s, 0, "blocking process %u of %u is idle",
			       s, v->l.blocking);
	if ((parked | searching) & ~in_use)
		report(l, "idle-mask", CERTAIN, parked, searching, "bits beyond worker %u",
		       v->l.workers - 1);
	if (spinner > v->l.workers)
		report(l, "spinner", CERTAIN, spinner, 0, "worker %u", spinner - 1);
	check_leases(l);
}

static void check_guard(const struct check *l, uint32_t n)
{
	uint64_t off = l->v->l.off_guard[n], found;

	memcpy(&found, (unsigned char *)l->v->a + off, sizeof(found));
	if (found != bh_guard(off))
		report(l, "guard", CERTAIN, found, off, "part %u, offset %#llx: %#llx", n, (ull)off,
		       (ull)found);
}

/* -- workers ---------------------------------------------------------------------- */

static void check_runq(const struct check *l, struct bh_slot *w)
{
	uint64_t h = bh_ld_acq(&w->runq.head), t = 0, again = ~h;
	uint32_t lifo = bh_ld_rlx(&w->lifo);

	for (int i = 0; i < TRIES && h != again; i++) {
		h = bh_ld_acq(&w->runq.head);
		t = bh_ld_acq(&w->runq.tail);
		again = bh_ld_acq(&w->runq.head);
	}
	/* head never goes back, so it was `h` when tail was read. */
	if (h == again && t - h > BH_RUNQ_CAP)
		report(l, "runq", CERTAIN, h, t, "worker %u: head %llu, tail %llu", l->idx, (ull)h,
		       (ull)t);
	if (lifo >= l->v->l.tasks)
		report(l, "runq", CERTAIN, lifo, 0, "worker %u: task %u in its LIFO slot", l->idx,
		       lifo);
	for (uint32_t i = 0; i < BH_RUNQ_CAP; i++) {
		uint32_t cell = bh_ld_rlx(&w->runq.cells[i]);

		if (cell >= l->v->l.tasks)
			report(l, "runq", CERTAIN, cell, i, "worker %u: task %u in cell %u", l->idx,
			       cell, i);
	}
}

static void check_batch(const struct check *l, struct bh_slot *w)
{
	uint32_t n = bh_ld_rlx(&w->batch.n);

	if (n >= BH_BATCH)
		report(l, "batch", CERTAIN, n, 0, "worker %u has %u in its batch", l->idx, n);
	for (uint32_t i = 0; i < BH_BATCH; i++) {
		uint32_t idx = bh_ld_rlx(&w->batch.idx[i]);

		if (idx >= l->v->l.tasks)
			report(l, "batch", CERTAIN, idx, i,
			       "worker %u has task %u in its batch, at %u", l->idx, idx, i);
	}
}

static void check_cache(const struct check *l, const struct bh_pool_view *p,
			const struct bh_pool_cache *c)
{
	uint32_t n = c->n;

	if (n > BH_POOL_CACHE)
		report(l, "pool-cache", CERTAIN, n, 0, "worker %u: %u entries", l->idx, n);
	for (uint32_t i = 0; i < BH_POOL_CACHE; i++) {
		uint32_t idx = c->idx[i];

		if (idx >= p->capacity)
			report(l, "pool-cache", CERTAIN, idx, i, "worker %u: entry %u of %u",
			       l->idx, idx, p->capacity);
	}
}

static void check_journal(const struct check *l, struct bh_journal *j)
{
	uint32_t tasks = l->v->l.tasks, slot = bh_ld_rlx(&j->slot), popped = bh_ld_rlx(&j->popped);
	uint32_t wake = bh_ld_rlx(&j->wake), io = bh_ld_rlx(&j->io), ref = bh_ld_rlx(&j->block);
	uint32_t token = bh_ld_rlx(&j->token);
	uint32_t sync = bh_ld_rlx(&j->sync), claim = bh_ld_rlx(&j->claim);

	if (slot >= tasks || popped >= tasks || wake >= tasks || io >= l->v->l.ios ||
	    token >= l->v->l.tokens || sync >= l->v->l.syncs || claim >= l->v->l.claims ||
	    (ref && !bh_block_at(l->v, ref)) || bh_ld_rlx(&j->extent) > bh_extents(&l->v->l))
		report(l, "journal", CERTAIN, (uint64_t)slot << 32 | popped,
		       (uint64_t)wake << 32 | (io ^ ref ^ token ^ sync ^ claim),
		       "worker %u: tasks %u, %u, %u, I/O slot %u, token %u, block %#x", l->idx,
		       slot, popped, wake, io, token, ref);
}

/* Workers, and blocking processes. */
static bool slot_valid(const struct bh_view *v, uint32_t slot)
{
	return slot < v->l.workers ||
	       (slot >= BH_MAX_WORKERS && slot - BH_MAX_WORKERS < v->l.blocking);
}

/* The newest event is whole: only the 16384th event after it overwrites it. */
static void check_events(const struct check *l)
{
	struct bh_evring *r = &l->v->events[l->idx];
	uint64_t tail = bh_ld_acq(&r->tail), pos = tail - 1, lost = 0;
	struct bh_event e;

	if (!tail || bh_evring_read(r, &pos, &e, 1, &lost))
		return;
	if (bh_ld_acq(&r->tail) == tail)
		report(l, "evring", CERTAIN, tail, 0, "slot %u: event %llu is not one", l->idx,
		       (ull)tail - 1);
}

static void check_worker(const struct check *l)
{
	const struct bh_view *v = l->v;
	struct bh_slot *w = &v->workers[l->idx];
	uint64_t current = bh_ld_rlx(&w->current);
	uint32_t park = bh_ld_rlx(&w->park);

	if (!slot_valid(v, l->idx))
		return; /* between workers and blocking processes */
	check_runq(l, w);
	check_batch(l, w);
	if (l->idx < v->l.workers) {
		const struct bh_inject_view pinned = bh_pinned_of(v, l->idx);

		check_ring(l, &pinned);
	}
	if (bh_handle_idx(current) >= v->l.tasks)
		report(l, "current", CERTAIN, current, 0, "worker %u: task %u", l->idx,
		       bh_handle_idx(current));
	if (park >= BH_PARKS)
		report(l, "park", CERTAIN, park, 0, "worker %u: %u", l->idx, park);
	check_journal(l, &w->journal);
	check_events(l);
	check_cache(l, &v->task_pool, &w->tasks);
	check_cache(l, &v->io_pool, &w->ios);
	check_cache(l, &v->token_pool, &w->tokens);
	check_cache(l, &v->sync_pool, &w->syncs);
	check_cache(l, &v->claim_pool, &w->claims);
	for (uint32_t c = 0; c < BH_CLASSES; c++)
		check_cache(l, &v->block_pool[c], &w->blocks[c]);
}

/* -- the inject queue's cells -------------------------------------------------------- */

/* A cell behind head waits for the next lap's entry, or has it; a cell from head on
 * is of this lap. A cell of another lap stops the queue when head comes to it. */
static void check_cell(const struct check *l, const struct bh_inject_view *q, uint32_t n)
{
	uint64_t head = bh_ld_acq(&q->q->head), cell = bh_ld_acq(&q->cells[n]);
	uint32_t at = (uint32_t)(head & q->mask), lap = (uint32_t)(head >> q->shift);
	uint32_t ahead = (uint32_t)(cell >> 32) - lap;
	bool ok = n < at ? ahead == 1 : ahead == 0 || (ahead == 1 && n - at < HEAD_LAG);

	/* The lag goes past the end of the ring. */
	if (n < at && ahead == 2 && n + q->mask + 1 - at < HEAD_LAG)
		ok = true;
	if (head != bh_ld_acq(&q->q->head))
		return;
	if (!ok || (uint32_t)cell >= l->v->l.tasks)
		report(l, "inject-cell", PASSING, cell, n, "cell %u: %#llx, head %llu", n,
		       (ull)cell, (ull)head);
}

/* How many lines of a ring are worth a check: cells that no entry has come to are as
 * they were made. */
static uint32_t lines_used(const struct bh_inject_view *q)
{
	uint64_t tail = bh_ld_acq(&q->q->tail), size = q->mask + 1ull;

	return (uint32_t)((tail < size ? tail + LINE - 1 : size) / LINE);
}

static void check_line(const struct check *l, const struct bh_inject_view *q, uint32_t line)
{
	if (line < lines_used(q))
		for (uint32_t i = 0; i < LINE; i++)
			check_cell(l, q, line * LINE + i);
}

static uint32_t pinned_lines(const struct bh_view *v)
{
	return (1u << v->l.pinned_log2) / LINE;
}

static void check_pinned(const struct check *l)
{
	uint32_t lines = pinned_lines(l->v);
	const struct bh_inject_view ring = bh_pinned_of(l->v, l->idx / lines);

	check_line(l, &ring, l->idx % lines);
}

/* -- tasks ---------------------------------------------------------------------------- */

static bool valid_ref(const struct bh_view *v, uint32_t ref)
{
	return !ref || bh_block_at(v, ref);
}

static void check_links(const struct check *l, struct bh_tcb *t)
{
	const struct bh_view *v = l->v;
	uint32_t child = bh_ld_rlx(&t->child), sibling = bh_ld_rlx(&t->sibling);
	uint32_t ios = bh_ld_rlx(&t->ios), prev = bh_ld_rlx(&t->prev);
	uint32_t refs[] = { bh_ld_rlx(&t->blocks), bh_ld_rlx(&t->arg_block), bh_ld_rlx(&t->reply),
			    bh_ld_rlx(&t->stack) };

	if (child >= v->l.tasks || sibling >= v->l.tasks || prev >= v->l.tasks || ios >= v->l.ios)
		report(l, "task-links", CERTAIN, (uint64_t)child << 32 | sibling,
		       (uint64_t)prev << 32 | ios,
		       "task %u: child %u, siblings %u and %u, I/O slot %u", l->idx, child, sibling,
		       prev, ios);
	for (uint32_t i = 0; i < 4; i++)
		if (!valid_ref(v, refs[i]))
			report(l, "task-links", CERTAIN, refs[i], i, "task %u: block %#x", l->idx,
			       refs[i]);
}

/* Only RESERVED and RUNNING tasks have a holder; any other pinned task has its home
 * there instead. */
static bool holder_valid(const struct bh_view *v, uint64_t w)
{
	uint32_t holder = bh_state_worker(w), epoch = bh_state_epoch(w);

	switch (bh_state_of(w)) {
	case BH_FREE:
		return !(uint32_t)w;
	case BH_RESERVED:
		return slot_valid(v, holder) || holder == BH_OWNER_ZYGOTE;
	case BH_RUNNING:
		return slot_valid(v, holder);
	case BH_SCHEDULED:
	case BH_WAITING:
	case BH_DONE:
		return (w & BH_PINNED) || (holder == BH_OWNER_NONE && !epoch);
	default:
		return true;
	}
}

/* @w is RUNNING or RESERVED, by worker slot. */
static void check_held(const struct check *l, _Atomic uint64_t *state, uint64_t w)
{
	uint32_t slot = bh_state_worker(w);
	struct bh_slot *holder = &l->v->workers[slot];
	uint64_t word = bh_ld_acq(&holder->word);
	uint32_t has = bh_state_of(w) == BH_RUNNING ? bh_handle_idx(bh_ld_acq(&holder->current)) :
						      bh_ld_acq(&holder->journal.slot);

	if (bh_ld_acq(state) != w)
		return;
	if (!bh_slot_has(word, bh_state_epoch(w)))
		report(l, "holder-alive", MENDED, w, word, "task %u is held by worker %u, epoch %u",
		       l->idx, slot, bh_state_epoch(w));
	else if (has != l->idx)
		report(l, "holder-current", PASSING, w, has,
		       "task %u is held by worker %u, which has task %u", l->idx, slot, has);
}

static bool queues_empty(const struct bh_view *v, bool of_jobs)
{
	if (of_jobs)
		return !bh_inject_len(&v->blocking);
	for (uint32_t i = 0; i < v->l.workers; i++)
		if (bh_ld_rlx(&v->workers[i].lifo) || bh_ld_rlx(&v->workers[i].batch.n) ||
		    bh_runq_len(&v->workers[i].runq) ||
		    bh_ld_rlx(&v->workers[i].pinned.head) < bh_ld_rlx(&v->workers[i].pinned.tail))
			return false;
	return !bh_inject_len(&v->inject);
}

/* An aborted job may stand in the workers' queues. */
static bool in_no_queue(const struct bh_view *v, bool job, uint64_t w)
{
	return queues_empty(v, job) && (!job || !(w & BH_ABORTED) || queues_empty(v, false));
}

static void check_state(const struct check *l, struct bh_tcb *t, uint64_t w)
{
	switch (bh_state_of(w)) {
	case BH_RESERVED:
	case BH_RUNNING:
		if (slot_valid(l->v, bh_state_worker(w)))
			check_held(l, &t->state, w);
		break;
	case BH_SCHEDULED:
		if (in_no_queue(l->v, t->kind == BH_KIND_BLOCKING, w) && bh_ld_acq(&t->state) == w)
			report(l, "hint", HINT, w, 0, "task %u is scheduled and in no queue",
			       l->idx);
		break;
	case BH_WAITING:
		if (t->kind == BH_KIND_BLOCKING && bh_ld_acq(&t->state) == w)
			report(l, "job-waits", CERTAIN, w, 0, "job %u waits, and jobs never do",
			       l->idx);
		break;
	case BH_DONE:
		if (w & BH_DETACHED)
			report(l, "detached-done", CERTAIN, w, 0, "task %u: state word %#llx",
			       l->idx, (ull)w);
		else if (!bh_owner_alive(l->v, bh_ld_rlx(&t->parent)) && bh_ld_acq(&t->state) == w)
			report(l, "done-parent", MENDED, w, 0,
			       "task %u has ended and nobody will join it", l->idx);
		break;
	case BH_CLEANUP:
		/* For a second at most; and if the kernel died in its cleanup, the scan of
		 * the successor has ended the task. */
		if (t->wait != BH_WAIT_HELD)
			report(l, "no-cleanup", MENDED, w, 0, "task %u", l->idx);
		break;
	default:
		break;
	}
}

static void check_task(const struct check *l)
{
	struct bh_tcb *t = &l->v->tasks[l->idx];
	uint64_t w = bh_ld_acq(&t->state);
	uint16_t type = t->type;

	if (bh_state_of(w) >= BH_STATE_COUNT || (bh_state_of(w) != BH_FREE && !bh_state_gen(w))) {
		report(l, "state-valid", CERTAIN, w, 0, "task %u: state word %#llx", l->idx,
		       (ull)w);
		return;
	}
	l->out->tasks[bh_state_of(w)]++;
	if (!holder_valid(l->v, w))
		report(l, "holder-valid", CERTAIN, w, 0, "task %u: state word %#llx", l->idx,
		       (ull)w);
	if ((w & BH_PINNED) && bh_state_of(w) != BH_DONE && bh_state_worker(w) >= l->v->l.workers)
		report(l, "pinned-home", CERTAIN, w, 0, "task %u is pinned to worker %u of %u",
		       l->idx, bh_state_worker(w), l->v->l.workers);
	if (bh_state_of(w) != BH_FREE && bh_state_of(w) != BH_RESERVED && type >= BH_TYPES)
		report(l, "type", CERTAIN, w, type, "task %u: type %u", l->idx, type);
	check_links(l, t);
	check_state(l, t, w);
}

/* -- I/O slots and blocks -------------------------------------------------------------- */

static const char *part_name(const struct check *l)
{
	return l->part == BH_AUDIT_IOS    ? "I/O slot" :
	       l->part == BH_AUDIT_TOKENS ? "token" :
	       l->part == BH_AUDIT_SYNCS  ? "sync object" :
	       l->part == BH_AUDIT_CLAIMS ? "claim" :
					    "block";
}

/* Checks an owner word by itself, and whether the owner task is gone. */
static void check_owner(const struct check *l, const char *invariant, uint64_t owner)
{
	if (!bh_tcb_at(l->v, bh_handle_idx(owner)) || !bh_handle_gen(owner))
		report(l, invariant, CERTAIN, owner, 0, "%s %u: owner %#llx", part_name(l), l->idx,
		       (ull)owner);
	else if (!bh_owner_alive(l->v, owner))
		report(l, invariant, MENDED, owner, 0, "%s %u: its owner %#llx is gone",
		       part_name(l), l->idx, (ull)owner);
}

static void check_io(const struct check *l)
{
	struct bh_ioslot *s = &l->v->ios[l->idx];
	uint64_t owner = bh_ld_acq(&s->owner);
	uint64_t ready[2] = { bh_ld_acq(&s->ready[0]), bh_ld_acq(&s->ready[1]) };
	uint32_t next = bh_ld_rlx(&s->next);
	int32_t fd = bh_ld_rlx(&s->fd);

	if (owner && owner != BH_IO_CLOSING)
		check_owner(l, "io-owner", owner);
	for (int d = 0; d < 2; d++)
		if ((uint32_t)ready[d] & ~(uint32_t)(BH_IO_READY | BH_IO_CLOSED | BH_IO_URGENT) ||
		    ready[d] >> 32 >= l->v->l.tasks)
			report(l, "io-slot", CERTAIN, ready[d], 0, "I/O slot %u: ready word %#llx",
			       l->idx, (ull)ready[d]);
	if (next >= l->v->l.ios || fd < -1)
		report(l, "io-slot", CERTAIN, next, 0, "I/O slot %u: next %u, descriptor %d",
		       l->idx, next, fd);
}

static void check_token(const struct check *l)
{
	struct bh_token_slot *s = &l->v->tokens[l->idx];
	uint64_t owner = bh_ld_acq(&s->owner);

	if (owner && owner != BH_TOKEN_OWNER_SERVICE)
		check_owner(l, "token-owner", owner);
	for (int i = 0; i < BH_TOKEN_CELLS; i++) {
		uint64_t who = bh_ld_acq(&s->cell[i]);
		uint32_t idx = bh_handle_idx(who & ~BH_TOKEN_CHILD);

		if (idx >= (who & BH_TOKEN_CHILD ? l->v->l.tokens : l->v->l.tasks))
			report(l, "token-cell", CERTAIN, who, 0, "token %u: cell %d names %#llx",
			       l->idx, i, (ull)who);
	}
}

static void check_sync(const struct check *l)
{
	const struct bh_view *v = l->v;
	struct bh_sync *s = &v->syncs[l->idx];
	uint64_t owner = bh_ld_acq(&s->owner), word = bh_ld_acq(&s->word);
	uint32_t slot, epoch, head = bh_ld_rlx(&s->head), tail = bh_ld_rlx(&s->tail);

	if (owner)
		check_owner(l, "sync-owner", owner);
	if (bh_sync_kind(word) >= BH_SYNC_KINDS || bh_ld_rlx(&s->inbox) >= v->l.claims ||
	    head >= v->l.claims || tail >= v->l.claims)
		report(l, "sync-links", CERTAIN, word, (uint64_t)head << 32 | tail,
		       "sync object %u: kind %u, list from %u to %u", l->idx, bh_sync_kind(word),
		       head, tail);
	if (bh_sync_serve_holder(s, &slot, &epoch) && slot != BH_OWNER_KERNEL &&
	    !slot_valid(v, slot))
		report(l, "sync-lock", CERTAIN, slot, epoch, "sync object %u is served by slot %u",
		       l->idx, slot);
}

static void check_claim(const struct check *l)
{
	const struct bh_view *v = l->v;
	struct bh_claim *c = &v->claims[l->idx];
	uint64_t w = bh_ld_acq(&c->word), owner = bh_ld_acq(&c->owner);
	uint32_t slot = bh_state_worker(w);

	if (bh_claim_state(w) == BH_CLAIM_FREE)
		return;
	if (bh_claim_state(w) >= BH_CLAIM_STATES ||
	    (slot != BH_OWNER_KERNEL && !slot_valid(v, slot)) ||
	    bh_ld_rlx(&c->link) >= v->l.claims || bh_ld_rlx(&c->next) >= v->l.claims ||
	    bh_ld_rlx(&c->prev) >= v->l.claims)
		report(l, "claim-word", CERTAIN, w, 0, "claim %u: word %#llx", l->idx, (ull)w);
	if ((bh_claim_state(w) == BH_CLAIM_ASKS || bh_claim_state(w) == BH_CLAIM_HELD) &&
	    bh_ld_acq(&c->word) == w)
		check_owner(l, "claim-owner", owner);
}

static void check_block(const struct check *l)
{
	struct bh_block *b = &l->v->blocks[l->part - BH_AUDIT_BLOCKS][l->idx];
	uint64_t owner = bh_ld_acq(&b->owner);
	uint32_t next = bh_ld_rlx(&b->next);

	uint32_t cls = l->part - BH_AUDIT_BLOCKS;
	bool charged = bh_extent_charged(l->v, cls, l->idx);

	if (bh_extent_keeper(owner) == BH_SLOTS && owner && owner != BH_BLOCK_TRIM)
		check_owner(l, "block-owner", owner);
	if (bh_extent_keeper(owner) == BH_SLOTS ? !charged :
						  !bh_extent_kept(l->v, cls, l->idx, owner))
		report(l, "block-extent", PASSING, owner, charged,
		       "block %u of class %u: owner %#llx, and its extent is %s", l->idx, cls,
		       (ull)owner, charged ? "charged" : "not charged");
	if (!valid_ref(l->v, next) && next < BH_BLOCK_CLEAN)
		report(l, "block-link", CERTAIN, next, 0, "block %u of class %u: next %#x", l->idx,
		       l->part - BH_AUDIT_BLOCKS, next);
}

/* -- the round --------------------------------------------------------------------------- */

static uint32_t used(const struct bh_pool_view *p)
{
	uint32_t mark = bh_ld_acq(&p->pool->mark);

	return mark < p->capacity ? mark : p->capacity;
}

static uint32_t slots_used(const struct bh_view *v)
{
	uint32_t mark = bh_ld_rlx(&v->a->blocking.mark);

	mark = mark < v->l.blocking ? mark : v->l.blocking;
	return mark ? BH_MAX_WORKERS + mark : v->l.workers;
}

static uint32_t tokens_used(const struct bh_view *v)
{
	uint32_t n = used(&v->token_pool);

	return n > BH_TOKEN_SERVICE ? n : BH_TOKEN_SERVICE + 1; /* which no pool handed out */
}

/* How many entries of @part are worth a check: all ever used. */
static uint32_t entries(const struct bh_view *v, uint32_t part)
{
	switch (part) {
	case BH_AUDIT_HEADER:
		return 1 + BH_ARENA_PARTS;
	case BH_AUDIT_WORKERS:
		return slots_used(v);
	case BH_AUDIT_JOBS:
		return lines_used(&v->blocking);
	case BH_AUDIT_INJECT:
		return lines_used(&v->inject);
	case BH_AUDIT_PINNED:
		return v->l.workers * pinned_lines(v);
	case BH_AUDIT_TASKS:
		return used(&v->task_pool);
	case BH_AUDIT_IOS:
		return used(&v->io_pool);
	case BH_AUDIT_TOKENS:
		return tokens_used(v);
	case BH_AUDIT_SYNCS:
		return used(&v->sync_pool);
	case BH_AUDIT_CLAIMS:
		return used(&v->claim_pool);
	default:
		return used(&v->block_pool[part - BH_AUDIT_BLOCKS]);
	}
}

void bh_audit_entry(const struct bh_view *v, uint32_t part, uint32_t idx, struct bh_audit *out)
{
	struct check l = { .v = v, .out = out, .part = part, .idx = idx };

	if (part >= BH_AUDIT_PARTS || idx >= entries(v, part))
		return;
	if (part == BH_AUDIT_HEADER)
		idx ? check_guard(&l, idx - 1) : check_header(&l);
	else if (part == BH_AUDIT_WORKERS)
		check_worker(&l);
	else if (part == BH_AUDIT_INJECT)
		check_line(&l, &v->inject, idx);
	else if (part == BH_AUDIT_JOBS)
		check_line(&l, &v->blocking, idx);
	else if (part == BH_AUDIT_PINNED)
		check_pinned(&l);
	else if (!idx)
		return; /* 0: none, in all other tables */
	else if (part == BH_AUDIT_TASKS)
		check_task(&l);
	else if (part == BH_AUDIT_IOS)
		check_io(&l);
	else if (part == BH_AUDIT_TOKENS)
		check_token(&l);
	else if (part == BH_AUDIT_SYNCS)
		check_sync(&l);
	else if (part == BH_AUDIT_CLAIMS)
		check_claim(&l);
	else
		check_block(&l);
}

void bh_audit_count(const struct bh_view *v, uint64_t *began, uint64_t *ended)
{
	*ended = bh_ld_acq(&v->a->crashed) + bh_ld_acq(&v->a->canceled);
	for (uint32_t w = 0; w < BH_SLOTS; w = bh_slot_after(v, w)) {
		const struct bh_counters *c = &v->workers[w].count;

		*ended += bh_ld_acq(&c->completed) + bh_ld_acq(&c->canceled);
	}
	*began = bh_ld_acq(&v->a->booted);
	for (uint32_t w = 0; w < BH_SLOTS; w = bh_slot_after(v, w))
		*began += bh_ld_acq(&v->workers[w].count.spawned);
}

bool bh_audit_step(const struct bh_view *v, struct bh_audit_round *round, uint32_t n,
		   struct bh_audit *out)
{
	for (uint32_t i = 0; i < n && round->part < BH_AUDIT_PARTS; i++) {
		if (round->at < entries(v, round->part)) {
			bh_audit_entry(v, round->part, round->at++, out);
		} else {
			round->part++;
			round->at = 0;
		}
	}
	return round->part >= BH_AUDIT_PARTS;
}
