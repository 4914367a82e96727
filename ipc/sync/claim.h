/* SPDX-License-Identifier: MIT */
/* claim.h: what a task asks of a sync object, holds, and gives back (serve.h). */
#ifndef BH_IPC_SYNC_CLAIM_H
#define BH_IPC_SYNC_CLAIM_H

#include "ipc/sync/serve.h"

/*
 * Task @owner, which runs here, asks object @sync for @count. @flags: BH_CLAIM_JOB, or 0.
 * The claim's handle, perhaps granted already; 0: there are no more. The worker's journal
 * names it. Commit: the store of ASKS; served after it.
 */
uint64_t bh_claim_ask(const struct bh_server *sv, uint64_t owner, uint64_t sync, uint32_t count,
		      uint64_t flags);

/* The claim that @claim names, and its word; NULL: it is no more. */
struct bh_claim *bh_claim_of(const struct bh_view *v, uint64_t claim, uint64_t *word);

/* Stops to wait: ASKS -> GONE. False: it does not wait any more. Commit: the CAS. */
bool bh_claim_leave(const struct bh_server *sv, uint64_t claim);

/* Gives back what is HELD, @flags: BH_CLAIM_DIED, or 0. False: it is not held. Commit: the
 * CAS. */
bool bh_claim_back(const struct bh_server *sv, uint64_t claim, uint64_t flags);

/* Forgets one that is REFUSED, or HELD for good. By its task. Commit: the store of FREE. */
void bh_claim_end(const struct bh_server *sv, uint64_t claim);

/* All of @owner, which ends, or has: gives up and gives back. */
void bh_claims_release(const struct bh_server *sv, uint64_t owner, uint64_t flags);

/* The same with claim @idx, if it is @owner's. */
void bh_claim_release(const struct bh_server *sv, uint32_t idx, uint64_t owner, uint64_t flags);

#endif
