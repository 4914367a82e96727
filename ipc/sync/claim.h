/* SPDX-License-Identifier: MIT */
/* claim.h: a task's claims: asking a sync object for permits, and giving them back (serve.h). */
#ifndef BH_IPC_SYNC_CLAIM_H
#define BH_IPC_SYNC_CLAIM_H

#include "ipc/sync/serve.h"

/*
 * Task @owner, which runs here, asks object @sync for @count. @flags: BH_CLAIM_JOB, or 0.
 * The claim's handle, perhaps granted already; 0: the table is full. The worker's journal
 * names the claim. Commit: the store of ASKS; served after it.
 */
uint64_t bh_claim_ask(const struct bh_server *sv, uint64_t owner, uint64_t sync, uint32_t count,
		      uint64_t flags);

/* The claim that @claim names, and its word; NULL: it is gone. */
struct bh_claim *bh_claim_of(const struct bh_view *v, uint64_t claim, uint64_t *word);

/* Stops waiting: ASKS -> GONE. False: the claim is not ASKS any more. Commit: the CAS. */
bool bh_claim_leave(const struct bh_server *sv, uint64_t claim);

/* Gives back a HELD claim, @flags: BH_CLAIM_DIED, or 0. False: it is not HELD. Commit: the
 * CAS. */
bool bh_claim_back(const struct bh_server *sv, uint64_t claim, uint64_t flags);

/* Frees a claim that is REFUSED, or HELD for good. By its task. Commit: the store of FREE. */
void bh_claim_end(const struct bh_server *sv, uint64_t claim);

/* Gives up or gives back all claims of @owner, which ends, or has ended. */
void bh_claims_release(const struct bh_server *sv, uint64_t owner, uint64_t flags);

/* The same with claim @idx, if it is @owner's. */
void bh_claim_release(const struct bh_server *sv, uint32_t idx, uint64_t owner, uint64_t flags);

#endif
