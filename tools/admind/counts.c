/* SPDX-License-Identifier: MIT */
#include "tools/admind/counts.h"

#include <string.h>

static uint32_t used(const struct bh_pool_view *p)
{
	uint32_t mark = bh_ld_acq(&p->pool->mark);

	return mark < p->capacity ? mark : p->capacity;
}

uint32_t bh_counts_most(const struct bh_pool_view *p)
{
	uint32_t n = used(p);

	return n ? n - 1 : 0; /* slot 0 is none */
}

uint32_t bh_counts_tasks(const struct bh_view *v)
{
	return used(&v->task_pool);
}

bool bh_counts_alive(uint64_t state_word)
{
	switch (bh_state_of(state_word)) {
	case BH_SCHEDULED:
	case BH_RUNNING:
	case BH_WAITING:
	case BH_CLEANUP:
		return true;
	default:
		return false;
	}
}

const char *bh_counts_state(uint64_t state_word)
{
	static const char *const names[BH_STATE_COUNT] = {
		[BH_FREE] = "free",       [BH_RESERVED] = "reserved", [BH_SCHEDULED] = "scheduled",
		[BH_RUNNING] = "running", [BH_WAITING] = "waiting",   [BH_DONE] = "done",
		[BH_CLEANUP] = "cleanup",
	};
	enum bh_state s = bh_state_of(state_word);

	return s < BH_STATE_COUNT ? names[s] : "unknown";
}

static void count_tasks(struct bh_counts *c, const struct bh_view *v)
{
	uint32_t n = used(&v->task_pool);

	c->spawned = bh_ld_rlx(&v->a->booted);
	c->crashed = bh_ld_rlx(&v->a->crashed);
	c->canceled = bh_ld_rlx(&v->a->canceled);
	for (uint32_t w = 0; w < BH_SLOTS; w = bh_slot_after(v, w)) {
		const struct bh_counters *k = &v->workers[w].count;

		c->spawned += bh_ld_rlx(&k->spawned);
		c->completed += bh_ld_rlx(&k->completed);
		c->canceled += bh_ld_rlx(&k->canceled);
	}
	for (uint32_t i = 1; i < n; i++)
		c->live += bh_counts_alive(bh_ld_acq(&v->tasks[i].state));
}

void bh_counts_read(struct bh_counts *c, const struct bh_view *v)
{
	memset(c, 0, sizeof(*c));
	count_tasks(c, v);
	for (uint32_t i = 1, n = used(&v->io_pool); i < n; i++)
		c->ios += bh_ld_acq(&v->ios[i].owner) != 0;
	for (uint32_t k = 0; k < BH_CLASSES; k++) {
		uint64_t blocks = 0;

		for (uint32_t i = 1, n = used(&v->block_pool[k]); i < n; i++)
			blocks += bh_handle_idx(bh_ld_acq(&v->blocks[k][i].owner)) != 0;
		c->of_class[k] = blocks;
		c->blocks += blocks;
		c->block_bytes += blocks << bh_class_shift(k);
	}
}

const char *bh_counts_gate(uint32_t state)
{
	static const char *const names[BH_GATE_STATE_COUNT] = {
		[BH_GATE_OPEN] = "",
		[BH_GATE_QUARANTINED] = "quarantined",
		[BH_GATE_PROBATION] = "probation",
		[BH_GATE_TRIAL] = "trial",
		[BH_GATE_KEYS] = "by key",
	};

	return state < BH_GATE_STATE_COUNT ? names[state] : "";
}

static bool shut(const struct bh_gate *g)
{
	uint32_t state = bh_gate_state_of(bh_ld_acq(&g->word));

	return state != BH_GATE_OPEN && state != BH_GATE_KEYS;
}

uint32_t bh_counts_quarantined(const struct bh_view *v)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < BH_TYPES; i++)
		n += shut(&v->types[i].gate);
	for (uint32_t i = 0; i < BH_GATES; i++)
		n += shut(&v->a->gate[i]);
	return n;
}
