/* SPDX-License-Identifier: MIT */
/* token_slot.h: a cancellation token in the arena; token.h says how it is used. */
#ifndef BH_IPC_TOKEN_SLOT_H
#define BH_IPC_TOKEN_SLOT_H

#include <stdint.h>

#include "ipc/base/order.h"

enum {
	BH_TOKEN_CELLS = 12,
	BH_TOKEN_SERVICE = 1, /* the slot of the token that the kernel cancels at a stop */
	BH_TOKEN_DEPTH = 16,  /* of the tree */
};

#define BH_TOKEN_CANCELED 1ull
#define BH_TOKEN_CROWDED  2ull

/* In a cell: a token, not a task. Beyond the bits of any index. */
#define BH_TOKEN_CHILD 0x80000000ull

/* `owner` of the service's own token. */
#define BH_TOKEN_OWNER_SERVICE 0xfffffffe00000000ull

struct bh_token_slot {
	_Atomic uint64_t owner;  /* handle of a task; 0: free. Truth and commit point */
	_Atomic uint64_t word;   /* generation and flags (token.h) */
	_Atomic uint64_t parent; /* handle of a token; 0: none */
	uint64_t depth;          /* in the tree, from 0 */
	_Atomic uint64_t cell[BH_TOKEN_CELLS];
};
_Static_assert(sizeof(struct bh_token_slot) == 128, "two cache lines");

#endif
