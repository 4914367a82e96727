/* SPDX-License-Identifier: MIT */
/* recover_sync.h: sync objects and claims of dead tasks (ipc/sync/serve.h). By the kernel. */
#ifndef BH_IPC_RECOVER_SYNC_H
#define BH_IPC_RECOVER_SYNC_H

#include "ipc/arena/arena.h"

/* Closes all objects that @task, which ends, has made; gives all its claims up, or back as
 * those of a crashed task. */
void bh_recover_syncs_of(const struct bh_view *v, uint64_t task);
void bh_recover_claims_of(const struct bh_view *v, uint64_t task);

/* Recovers by the journal of incarnation @epoch of @slot: the object that it served, the claim
 * that it was posting. */
void bh_recover_journal_sync(const struct bh_view *v, uint32_t slot, uint32_t epoch);

/* By the scan: entry @idx of a table. True: repaired. @gone says whether the incarnation in a
 * claim's word is dead. */
bool bh_verify_sync(const struct bh_view *v, uint32_t idx,
		    bool (*gone)(const struct bh_view *v, uint64_t word));
bool bh_verify_claim(const struct bh_view *v, uint32_t idx,
		     bool (*gone)(const struct bh_view *v, uint64_t word));

#endif
