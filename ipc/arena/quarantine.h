/* SPDX-License-Identifier: MIT */
/*
 * quarantine.h: gates: who may be spawned.
 *
 * Crashes are counted by task type and key: whom they are counted against (crash_key.h).
 * One gate stands in each entry of the type table and is for all tasks of the type; the
 * arena has some more, each for the tasks of one type and one key. A gate moves
 *
 *   OPEN ──▶ QUARANTINED ──▶ PROBATION ──▶ TRIAL ──▶ OPEN
 *
 * as kernel/repair/quarantine.c says, which alone moves it, but for PROBATION -> TRIAL: one CAS
 * of the worker that spawns the trial. Each move is one store of the gate's word; the word
 * also says which occupant of the gate it is about, so that a worker which has been slow
 * moves no other's.
 *
 * A spawn looks at the word of its type alone: 0 while nothing of the type is refused.
 * KEYS sends it to the gates by key.
 *
 * Crash. A worker killed between its CAS and the handle's store leaves a trial of nobody,
 * which the kernel offers again. A kernel killed anywhere leaves a gate by key that its
 * type's word does not tell of, or the reverse: its successor's next look mends that.
 */
#ifndef BH_IPC_QUARANTINE_H
#define BH_IPC_QUARANTINE_H

#include "ipc/base/order.h"

enum {
	BH_GATES = 64, /* by key, of a service */
};

enum bh_gate_state {
	BH_GATE_OPEN = 0,
	BH_GATE_QUARANTINED, /* nobody, until `until_ns` */
	BH_GATE_PROBATION,   /* one more task, on trial */
	BH_GATE_TRIAL,       /* nobody else while that one runs */
	BH_GATE_KEYS,        /* of a type: open, but for keys that have gates of their own */
	BH_GATE_STATE_COUNT
};

struct bh_gate {
	_Atomic uint64_t word;    /* enum bh_gate_state, and above it (<< 8) the occupant */
	_Atomic uint64_t trial;   /* handle of the task on trial; 0: not spawned yet */
	_Atomic uint64_t refused; /* workers: spawns, since this occupant came */
	/* The kernel's. */
	_Atomic uint32_t rounds;  /* quarantines in a row */
	_Atomic uint32_t type;    /* of a gate by key: whose */
	_Atomic uint64_t key;     /* likewise */
	_Atomic int64_t until_ns; /* when it looks at the gate again */
	_Atomic int64_t since_ns; /* when it was shut last */
	_Atomic uint64_t told;    /* of `refused`, in the log, */
	_Atomic int64_t told_ns;  /* at that time */
};

static inline uint32_t bh_gate_state_of(uint64_t word)
{
	return word & 0xff;
}

/* The same occupant's, in another state. */
static inline uint64_t bh_gate_word(uint64_t word, enum bh_gate_state state)
{
	return (word & ~0xffull) | (uint64_t)state;
}

#endif
