/* SPDX-License-Identifier: MIT */
/* make.h: what the objects of bulkhead/sync.h have in common. */
#ifndef BH_WORKERS_SYNC_MAKE_H
#define BH_WORKERS_SYNC_MAKE_H

#include "ipc/sync/serve.h"
#include "workers/base/rt.h"

/* Makes an object that the running task owns. */
int bh_sync_open(uint64_t *out, enum bh_sync_kind kind, uint32_t permits);

/* Closes one of its own. Errors: -BH_ESTALE, -EPERM. */
int bh_sync_close(uint64_t sync, enum bh_sync_kind kind);

/* 0: the running task may use @sync, which is of that kind. */
int bh_sync_usable(uint64_t sync, enum bh_sync_kind kind);

/* Asks @sync for @count and waits. *@claim is what is held after 0 and -BH_EOWNERDEAD. */
int bh_sync_ask(uint64_t sync, enum bh_sync_kind kind, uint32_t count, uint64_t *claim,
		int64_t deadline);

/* The same without waiting, -EAGAIN; and for poll tasks. */
int bh_sync_try(uint64_t sync, enum bh_sync_kind kind, uint32_t count, uint64_t *claim);
int bh_sync_poll(struct bh_cx *cx, uint64_t sync, enum bh_sync_kind kind, uint32_t count,
		 uint64_t *claim, struct bh_waits *w);

#endif
