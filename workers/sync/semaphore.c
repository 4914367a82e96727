/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "ipc/sync/object.h"
#include "workers/sync/make.h"
#include "workers/task/claims.h"

int bh_semaphore_open(bh_semaphore *out, uint32_t permits)
{
	return permits > BH_SYNC_MOST ? -EINVAL : bh_sync_open(out, BH_SYNC_SEMAPHORE, permits);
}

int bh_semaphore_close(bh_semaphore s)
{
	return bh_sync_close(s, BH_SYNC_SEMAPHORE);
}

static bool some(uint32_t n)
{
	return n && n <= BH_SYNC_MOST;
}

int bh_semaphore_acquire(bh_semaphore s, uint32_t n, bh_permit *permit, int64_t deadline)
{
	return some(n) ? bh_sync_ask(s, BH_SYNC_SEMAPHORE, n, permit, deadline) : -EINVAL;
}

int bh_semaphore_try_acquire(bh_semaphore s, uint32_t n, bh_permit *permit)
{
	return some(n) ? bh_sync_try(s, BH_SYNC_SEMAPHORE, n, permit) : -EINVAL;
}

int bh_poll_semaphore_acquire(struct bh_cx *cx, bh_semaphore s, uint32_t n, bh_permit *permit,
			      struct bh_waits *w)
{
	return some(n) ? bh_sync_poll(cx, s, BH_SYNC_SEMAPHORE, n, permit, w) : -EINVAL;
}

int bh_semaphore_add(bh_semaphore s, uint32_t n)
{
	const struct bh_server sv = bh_claims_server();
	int err = bh_sync_usable(s, BH_SYNC_SEMAPHORE);

	if (err)
		return err;
	return n <= BH_SYNC_MOST && bh_sync_put(&sv, s, n) ? 0 : -EINVAL;
}

int64_t bh_semaphore_available(bh_semaphore s)
{
	int err = bh_sync_usable(s, BH_SYNC_SEMAPHORE);

	return err ? err : (int64_t)bh_sync_available(&bh_rt.v.syncs[bh_handle_idx(s)]);
}

int bh_permit_release(bh_permit permit)
{
	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	return bh_claims_back(permit) ? 0 : -BH_ESTALE;
}
