/* SPDX-License-Identifier: MIT */
/*
 * admit.c: whom a crash of a new task will be counted against, and whether it may be
 * spawned (ipc/arena/quarantine.h).
 */
#include "workers/task/admit.h"

#include "ipc/base/crash_key.h"
#include "workers/base/rt.h"
#include "workers/owned/ioslot.h"

uint64_t bh_crash_key(const void *bytes, size_t len)
{
	return bh_crash_key_hash(bytes, len);
}

uint64_t bh_admit_key(const struct bh_spawn_opts *o)
{
	uint64_t key = o ? o->crash_key : 0;

	if (!key && o && o->give)
		key = bh_io_peer(o->give);
	return key ? key : bh_task_key(bh_rt.task);
}

/* The gate of tasks of @type by @key; NULL: it has none. @word: as it was then. */
static struct bh_gate *gate_of(uint32_t type, uint64_t key, uint64_t *word)
{
	for (uint32_t i = 0; key && i < BH_GATES; i++) {
		struct bh_gate *g = &bh_rt.v.a->gate[i];

		*word = bh_ld_acq(&g->word);
		if (bh_gate_state_of(*word) == BH_GATE_OPEN || bh_ld_rlx(&g->key) != key ||
		    bh_ld_rlx(&g->type) != type)
			continue;
		/* Not half of one occupant and half of the next. */
		bh_acquire_fence();
		if (bh_ld_rlx(&g->word) == *word)
			return g;
	}
	return NULL;
}

/* Commit: the CAS on the gate's word. */
static int pass(struct bh_gate *g, uint64_t word, bool trial, struct bh_trial *t)
{
	if (trial && bh_gate_state_of(word) == BH_GATE_PROBATION &&
	    bh_cas(&g->word, &word, bh_gate_word(word, BH_GATE_TRIAL))) {
		*t = (struct bh_trial){ g, bh_gate_word(word, BH_GATE_TRIAL) };
		return 0;
	}
	bh_add(&g->refused, 1);
	bh_add(&bh_rt.v.a->refused, 1);
	return -BH_EQUARANTINED;
}

int bh_admit_slow(uint32_t type, uint64_t key, struct bh_trial *trial)
{
	struct bh_gate *all = &bh_rt.v.types[type].gate, *own;
	uint64_t word = bh_ld_acq(&all->word), own_word = 0;
	bool open =
		bh_gate_state_of(word) == BH_GATE_OPEN || bh_gate_state_of(word) == BH_GATE_KEYS;

	own = gate_of(type, key, &own_word);
	/* The trial of a type is not for whom we know to crash it. */
	if (own)
		return pass(own, own_word, open, trial);
	return open ? 0 : pass(all, word, true, trial);
}

/* Killed before it: a trial of nobody, which the kernel offers again after a while. */
void bh_trial_is(const struct bh_trial *t, uint64_t handle)
{
	uint64_t word = t->word;

	if (handle)
		bh_st_rel(&t->gate->trial, handle);
	else
		bh_cas(&t->gate->word, &word, bh_gate_word(word, BH_GATE_PROBATION));
}
