/* SPDX-License-Identifier: MIT */
/* admit.h: may a task be spawned? (admit.c) */
#ifndef BH_WORKERS_TASK_ADMIT_H
#define BH_WORKERS_TASK_ADMIT_H

#include "workers/base/rt.h"

/* The gate that lets a spawn through as a trial; NULL: it is none. */
struct bh_trial {
	struct bh_gate *gate;
	uint64_t word; /* since then */
};

/* Whom a crash of the task to be spawned with @o is counted against: who the options say,
 * or the peer of the socket it is given, or whoever it is for the spawner. */
uint64_t bh_admit_key(const struct bh_spawn_opts *o);

/* 0, or -BH_EQUARANTINED. If @trial->gate is set then, the caller says which task it is
 * (bh_trial_is()), or with 0 that there is none. */
int bh_admit_slow(uint32_t type, uint64_t key, struct bh_trial *trial);
void bh_trial_is(const struct bh_trial *t, uint64_t handle);

/* One load, while nothing of the type is refused. */
static inline int bh_admit(uint32_t type, uint64_t key, struct bh_trial *trial)
{
	trial->gate = NULL;
	if (!bh_ld_rlx(&bh_rt.v.types[type].gate.word))
		return 0;
	return bh_admit_slow(type, key, trial);
}

#endif
