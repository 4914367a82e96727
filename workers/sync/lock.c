/* SPDX-License-Identifier: MIT */
/* lock.c: mutexes, which have one permit, and rwlocks, of which a writer takes all. */
#include <errno.h>

#include "workers/sync/make.h"
#include "workers/task/claims.h"

int bh_mutex_open(bh_mutex *out)
{
	return bh_sync_open(out, BH_SYNC_MUTEX, 1);
}

int bh_mutex_close(bh_mutex m)
{
	return bh_sync_close(m, BH_SYNC_MUTEX);
}

int bh_mutex_lock(bh_mutex m, int64_t deadline)
{
	uint64_t claim;

	return bh_sync_ask(m, BH_SYNC_MUTEX, 1, &claim, deadline);
}

int bh_mutex_try_lock(bh_mutex m)
{
	uint64_t claim;

	return bh_sync_try(m, BH_SYNC_MUTEX, 1, &claim);
}

int bh_poll_mutex_lock(struct bh_cx *cx, bh_mutex m, struct bh_waits *w)
{
	uint64_t claim;

	return bh_sync_poll(cx, m, BH_SYNC_MUTEX, 1, &claim, w);
}

/* The claim granted last is the holder's. */
int bh_mutex_unlock(bh_mutex m)
{
	int err = bh_sync_usable(m, BH_SYNC_MUTEX);
	uint32_t idx;
	uint64_t w;

	if (err)
		return err;
	idx = bh_ld_acq(&bh_rt.v.syncs[bh_handle_idx(m)].holder);
	struct bh_claim *c = bh_claim_at(&bh_rt.v, idx);
	if (!c || bh_ld_rlx(&c->sync) != m)
		return -EPERM;
	w = bh_ld_acq(&c->word);
	return bh_claims_back(bh_handle(bh_state_gen(w), idx)) ? 0 : -EPERM;
}

int bh_rwlock_open(bh_rwlock *out)
{
	return bh_sync_open(out, BH_SYNC_RWLOCK, BH_SYNC_ALL);
}

int bh_rwlock_close(bh_rwlock l)
{
	return bh_sync_close(l, BH_SYNC_RWLOCK);
}

int bh_rwlock_read(bh_rwlock l, bh_permit *permit, int64_t deadline)
{
	return bh_sync_ask(l, BH_SYNC_RWLOCK, 1, permit, deadline);
}

int bh_rwlock_try_read(bh_rwlock l, bh_permit *permit)
{
	return bh_sync_try(l, BH_SYNC_RWLOCK, 1, permit);
}

int bh_poll_rwlock_read(struct bh_cx *cx, bh_rwlock l, bh_permit *permit, struct bh_waits *w)
{
	return bh_sync_poll(cx, l, BH_SYNC_RWLOCK, 1, permit, w);
}

int bh_rwlock_write(bh_rwlock l, bh_permit *permit, int64_t deadline)
{
	return bh_sync_ask(l, BH_SYNC_RWLOCK, BH_SYNC_ALL, permit, deadline);
}

int bh_rwlock_try_write(bh_rwlock l, bh_permit *permit)
{
	return bh_sync_try(l, BH_SYNC_RWLOCK, BH_SYNC_ALL, permit);
}

int bh_poll_rwlock_write(struct bh_cx *cx, bh_rwlock l, bh_permit *permit, struct bh_waits *w)
{
	return bh_sync_poll(cx, l, BH_SYNC_RWLOCK, BH_SYNC_ALL, permit, w);
}
