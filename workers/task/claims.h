/* SPDX-License-Identifier: MIT */
/*
 * claims.h: what the running task asks of sync objects, waits for, and holds.
 *
 * How many it has stands in the task, so that the end of one without any costs nothing:
 * of one with some all claims are looked at.
 */
#ifndef BH_WORKERS_TASK_CLAIMS_H
#define BH_WORKERS_TASK_CLAIMS_H

#include "ipc/sync/claim.h"
#include "workers/base/rt.h"

/* This worker, to ipc/sync. */
struct bh_server bh_claims_server(void);

/* Asks @sync for @count. The claim; 0: there are no more. */
uint64_t bh_claims_ask(uint64_t sync, uint32_t count);

/*
 * How it stands with a claim of the running task: 0: it is held; -BH_EOWNERDEAD: it is held,
 * and whoever had it before crashed; -BH_ESTALE: the object is gone, and so is the claim;
 * -EAGAIN: not yet.
 */
int bh_claims_look(uint64_t claim);

/* Waits for it, in a fiber or in a job. As bh_claims_look(), or why it waits no more:
 * -BH_ETIMEDOUT, -BH_ECANCELED, -EDEADLK; the claim is gone then. */
int bh_claims_wait(uint64_t claim, int64_t deadline);

/* Waits no more. False: it is held, or refused, by now. */
bool bh_claims_leave(uint64_t claim);

/* Gives it back. False: the running task does not hold it. */
bool bh_claims_back(uint64_t claim);

/* Forgets one that is held for good. */
void bh_claims_end(uint64_t claim);

/* All of the running task, which ends. */
void bh_claims_drop(struct bh_tcb *t);

#endif
