/* SPDX-License-Identifier: MIT */
#include "ipc/queue/inject.h"

/* Bounds every loop below: the ring may hold garbage, and then giving up is
 * right (a scan finds the tasks again). */
enum {
	TRIES = 4096
};

static void help(_Atomic uint64_t *counter, uint64_t pos)
{
	bh_cas(counter, &pos, pos + 1);
}

bool bh_inject_push(const struct bh_inject_view *v, uint32_t idx)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t t = bh_ld_acq(&v->q->tail);
		_Atomic uint64_t *cell = &v->cells[t & v->mask];
		uint64_t found = bh_inject_cell(v, t, 0);

		if (bh_cas(cell, &found, bh_inject_cell(v, t, idx))) {
			help(&v->q->tail, t);
			return true;
		}
		uint32_t lap = (uint32_t)(found >> 32), mine = (uint32_t)(t >> v->shift);
		if (lap == mine - 1 && (uint32_t)found)
			return false; /* full: last lap's entry is still there */
		if (lap == mine || lap == mine + 1)
			help(&v->q->tail, t); /* filled (and perhaps taken): tail lags */
	}
	return false;
}

uint32_t bh_inject_pop(const struct bh_inject_view *v, _Atomic uint32_t *journal)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t h = bh_ld_acq(&v->q->head);
		_Atomic uint64_t *cell = &v->cells[h & v->mask];
		uint64_t found = bh_ld_acq(cell);
		uint32_t lap = (uint32_t)(found >> 32), mine = (uint32_t)(h >> v->shift);

		if (lap == mine && (uint32_t)found) {
			bh_st_rlx(journal, (uint32_t)found);
			bh_compiler_barrier();
			if (bh_cas(cell, &found, bh_inject_cell(v, h + v->mask + 1, 0))) {
				help(&v->q->head, h);
				return (uint32_t)found;
			}
		} else if (lap == mine + 1) {
			help(&v->q->head, h); /* taken: head lags */
		} else if (bh_ld_acq(&v->q->head) == h) {
			return 0; /* empty */
		}
	}
	return 0;
}

bool bh_inject_ready(const struct bh_inject_view *v)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t h = bh_ld_acq(&v->q->head);
		uint64_t found = bh_ld_acq(&v->cells[h & v->mask]);
		uint32_t lap = (uint32_t)(found >> 32), mine = (uint32_t)(h >> v->shift);

		if (lap == mine && (uint32_t)found)
			return true;
		if (lap == mine + 1)
			help(&v->q->head, h);
		else if (bh_ld_acq(&v->q->head) == h)
			return false;
	}
	return false;
}
