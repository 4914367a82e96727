/* SPDX-License-Identifier: MIT */
/* object.h: making and closing a sync object (serve.h). */
#ifndef BH_IPC_SYNC_OBJECT_H
#define BH_IPC_SYNC_OBJECT_H

#include "ipc/sync/serve.h"

/* Makes an object for task @owner, by a worker, whose journal names it. Its handle; 0: the
 * table is full. Commit: the CAS on the owner. */
uint64_t bh_sync_make(const struct bh_server *sv, uint64_t owner, enum bh_sync_kind kind,
		      uint32_t permits);

/* Puts @n permits in. False: the object is gone, or has too many. Commit: the CAS. */
bool bh_sync_put(const struct bh_server *sv, uint64_t sync, uint32_t n);

/* A notice to all claims that wait now. Commit: the exchange. */
void bh_sync_put_all(const struct bh_server *sv, uint64_t sync);

/* Closes object @idx if @owner has it: refuses all waiting claims, and frees the slot. True:
 * the slot is free now. Commit: the CAS on the owner. */
bool bh_sync_drop(const struct bh_server *sv, uint32_t idx, uint64_t owner);

#endif
