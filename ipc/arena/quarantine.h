/* SPDX-License-Identifier: MIT */
/*
 * quarantine.h: gates: which tasks may be spawned.
 *
 * Crashes are counted by task type and key: the party to blame (crash_key.h).
 * One gate stands in each entry of the type table and is for all tasks of the type; the
 * arena has some more, each for the tasks of one type and one key. A gate moves
 *
 *   OPEN ──▶ QUARANTINED ──▶ PROBATION ──▶ TRIAL ──▶ OPEN
 *
 * by kernel/repair/quarantine.c alone, but for PROBATION -> TRIAL: one CAS of the worker that
 * spawns the trial. Each move is one store of the gate's word; the word also names the gate's
 * occupant, so that a slow worker moves no other occupant's gate.
 *
 * A spawn checks the word of its type alone: 0 while no task of the type is refused.
 * KEYS sends the spawn to the gates by key.
 *
 * Crash. A worker killed between its CAS and the handle's store leaves a trial without a
 * task, which the kernel offers again. A killed kernel may leave a gate by key that its
 * type's word does not tell of, or the reverse: the successor's next check mends that.
 */
#ifndef BH_IPC_QUARANTINE_H
#define BH_IPC_QUARANTINE_H

#include "ipc/base/order.h"

enum {
	BH_GATES = 64, /* by key, of a service */
};

enum bh_gate_state {
	BH_GATE_OPEN = 0,
	BH_GATE_QUARANTINED, /* no task, until `until_ns` */
	BH_GATE_PROBATION,   /* one more task, on trial */
	BH_GATE_TRIAL,       /* no other task while the trial runs */
	BH_GATE_KEYS,        /* of a type: open, but for keys that have gates of their own */
	BH_GATE_STATE_COUNT
};

struct bh_gate {
	_Atomic uint64_t word;    /* enum bh_gate_state, and above it (<< 8) the occupant */
	_Atomic uint64_t trial;   /* handle of the task on trial; 0: not spawned yet */
	_Atomic uint64_t refused; /* workers: spawns, since this occupant came */
	/* The kernel's. */
	_Atomic uint32_t rounds;  /* quarantines in a row */
	_Atomic uint32_t type;    /* of a gate by key: the occupant's type, */
	_Atomic uint64_t key;     /* and key */
	_Atomic int64_t until_ns; /* the time of its next check of the gate */
	_Atomic int64_t since_ns; /* when it was shut last */
	_Atomic uint64_t told;    /* `refused` as last logged, */
	_Atomic int64_t told_ns;  /* and when */
};

static inline uint32_t bh_gate_state_of(uint64_t word)
{
	return word & 0xff;
}

/* The word of the same occupant in another state. */
static inline uint64_t bh_gate_word(uint64_t word, enum bh_gate_state state)
{
	return (word & ~0xffull) | (uint64_t)state;
}

#endif
