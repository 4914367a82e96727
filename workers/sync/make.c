/* SPDX-License-Identifier: MIT */
#include "workers/sync/make.h"

#include <errno.h>

#include "ipc/sync/object.h"
#include "workers/owned/defer.h"
#include "workers/task/claims.h"
#include "workers/wait/coop.h"

/* Also the clean-up of the task that made it. Commit: the CAS on the owner. */
static void close_object(void *object)
{
	const struct bh_server sv = bh_claims_server();
	uint32_t idx = bh_handle_idx((uint64_t)(uintptr_t)object);

	if (!bh_sync_look(&bh_rt.v, (uint64_t)(uintptr_t)object))
		return;
	bh_pool_freeing(&bh_rt.me->syncs, idx);
	if (bh_sync_drop(&sv, idx, bh_rt.handle))
		bh_pool_give(&bh_rt.v.sync_pool, &bh_rt.me->syncs, idx);
}

int bh_sync_open(uint64_t *out, enum bh_sync_kind kind, uint32_t permits)
{
	const struct bh_server sv = bh_claims_server();
	uint64_t sync;

	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	sync = bh_sync_make(&sv, bh_rt.handle, kind, permits);
	if (!sync)
		return -BH_ENOSLOT;
	/* From the clean-up on, the task's flag says that it has some. */
	int err = bh_defer(close_object, (void *)(uintptr_t)sync);
	if (err)
		close_object((void *)(uintptr_t)sync);
	else
		*out = sync;
	return err;
}

int bh_sync_close(uint64_t sync, enum bh_sync_kind kind)
{
	int err = bh_sync_usable(sync, kind);

	if (err)
		return err;
	if (bh_ld_acq(&bh_rt.v.syncs[bh_handle_idx(sync)].owner) != bh_rt.handle)
		return -EPERM;
	close_object((void *)(uintptr_t)sync);
	bh_defer_drop(close_object, (void *)(uintptr_t)sync);
	return 0;
}

int bh_sync_usable(uint64_t sync, enum bh_sync_kind kind)
{
	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	return bh_sync_kind(bh_sync_look(&bh_rt.v, sync)) == kind ? 0 : -BH_ESTALE;
}

/* Says how it stands with the claim. 0: it was made. */
static int begin(uint64_t sync, enum bh_sync_kind kind, uint32_t count, uint64_t *claim)
{
	int err = bh_sync_usable(sync, kind);

	if (err)
		return err;
	*claim = bh_claims_ask(sync, count);
	return *claim ? 0 : -BH_ENOSLOT;
}

int bh_sync_ask(uint64_t sync, enum bh_sync_kind kind, uint32_t count, uint64_t *claim,
		int64_t deadline)
{
	int err;

	if (bh_rt.task && bh_rt.task->kind == BH_KIND_POLL)
		return -EDEADLK;
	bh_coop(); /* whatever it says: who waits is told again */
	err = begin(sync, kind, count, claim);
	return err ? err : bh_claims_wait(*claim, deadline);
}

int bh_sync_try(uint64_t sync, enum bh_sync_kind kind, uint32_t count, uint64_t *claim)
{
	int err = begin(sync, kind, count, claim);

	if (err)
		return err;
	err = bh_claims_look(*claim);
	return err == -EAGAIN && !bh_claims_leave(*claim) ? bh_claims_look(*claim) : err;
}

int bh_sync_poll(struct bh_cx *cx, uint64_t sync, enum bh_sync_kind kind, uint32_t count,
		 uint64_t *claim, struct bh_waits *w)
{
	int err = 0;

	if (!w->claim) {
		err = bh_coop_poll(cx);
		if (!err)
			err = begin(sync, kind, count, &w->claim);
		if (err)
			return err;
	}
	err = bh_claims_look(w->claim);
	if (err == -EAGAIN) {
		cx->task->wait = BH_WAIT_SYNC;
		return err;
	}
	*claim = w->claim;
	w->claim = 0;
	return err;
}

void bh_waits_leave(struct bh_waits *w)
{
	if (bh_rt.task && w->claim && !bh_claims_leave(w->claim))
		bh_claims_back(w->claim);
	w->claim = 0;
}
