/* SPDX-License-Identifier: MIT */
/* sync_slot.h: sync objects and claims in the arena; ipc/sync/serve.h says how they are used. */
#ifndef BH_IPC_SYNC_SLOT_H
#define BH_IPC_SYNC_SLOT_H

#include <stdint.h>

#include "ipc/base/order.h"

enum bh_sync_kind {
	BH_SYNC_NONE = 0,
	BH_SYNC_MUTEX,
	BH_SYNC_RWLOCK,
	BH_SYNC_SEMAPHORE,
	BH_SYNC_NOTICE,
	BH_SYNC_KINDS
};

enum {
	BH_SYNC_ALL = 1u << 30,  /* permits of a rwlock: a writer takes all */
	BH_SYNC_MOST = 1u << 29, /* permits of a semaphore */
};

/* In `word`, beside generation and kind. */
#define BH_SYNC_CLOSED 0x100ull

/* In `lock`, beside the server: there is more to do. */
#define BH_SYNC_PENDING (1ull << 63)

struct bh_sync {
	_Atomic uint64_t owner;   /* handle of a task; 0: free. Truth and commit point */
	_Atomic uint64_t word;    /* generation, CLOSED, kind */
	_Atomic uint64_t lock;    /* the process that serves it; 0: none */
	_Atomic uint64_t asked;   /* {generation, permits put in} */
	_Atomic uint64_t suspect; /* the kernel's: a claim that was perhaps never posted */
	_Atomic uint32_t inbox;   /* claims posted, the newest first */
	_Atomic uint32_t all;     /* notices: 1: wake all; 2: a server is waking all */
	/* From here on written by the server alone. */
	_Atomic uint64_t step;       /* the journal: {kind, claim, `taken` after it} */
	_Atomic uint32_t step_gen;   /* of that claim */
	_Atomic uint32_t taken;      /* permits taken out */
	_Atomic uint32_t head, tail; /* claims that wait, the oldest first */
	_Atomic uint32_t holder;     /* the claim granted last; a hint */
	_Atomic uint32_t dirty;      /* a holder died, and no later holder was told yet */
	_Atomic uint32_t waiting;    /* about how long the list is; and how many of its claims */
	_Atomic uint32_t gone;       /* are GONE: written by any process */
	uint32_t reserved[10];
};
_Static_assert(sizeof(struct bh_sync) == 128, "two cache lines");

/*
 * A task's claim to permits: asked for, waited for, or held. `word` is as in state.h:
 * {generation, epoch, slot, flags, state}; slot and epoch name the incarnation that made the
 * claim (NEW) or posts it (else).
 *
 *     FREE ─▶ NEW ─▶ ASKS ─▶ HELD ─▶ BACK ─▶ FREE
 *                     │ └──▶ REFUSED ──────▶ FREE
 *                     └────▶ GONE ─────────▶ FREE
 */
enum bh_claim_state {
	BH_CLAIM_FREE = 0,
	BH_CLAIM_NEW,
	BH_CLAIM_ASKS,
	BH_CLAIM_HELD,
	BH_CLAIM_BACK,    /* given back, by its task or by the process that ended the task */
	BH_CLAIM_GONE,    /* waits no more */
	BH_CLAIM_REFUSED, /* the object is gone */
	BH_CLAIM_STATES
};

#define BH_CLAIM_TOLD (1ull << 4) /* HELD after a former holder died with the permits */
#define BH_CLAIM_DIED (1ull << 5) /* BACK because its task crashed */
#define BH_CLAIM_JOB  (1ull << 6) /* waits by a futex on `word` */
#define BH_CLAIM_OWES (1ull << 7) /* HELD, and took nothing out: a notice to all */

struct bh_claim {
	_Atomic uint64_t word;
	_Atomic uint64_t owner; /* handle of a task */
	_Atomic uint64_t sync;  /* handle of an object */
	_Atomic uint32_t count; /* permits */
	_Atomic uint32_t link;  /* the next in the inbox */
	_Atomic uint32_t next;  /* in the list of waiting claims */
	_Atomic uint32_t prev;  /* likewise; a hint while no process serves */
	uint64_t reserved[3];
};
_Static_assert(sizeof(struct bh_claim) == 64, "one cache line");

static inline enum bh_claim_state bh_claim_state(uint64_t word)
{
	return (enum bh_claim_state)(word & 0xf);
}

static inline enum bh_sync_kind bh_sync_kind(uint64_t word)
{
	return (enum bh_sync_kind)(word & 0xff);
}

#endif
