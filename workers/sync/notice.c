/* SPDX-License-Identifier: MIT */
/* notice.c: what is taken out of a notice is not given back: the claim ends with the wait. */
#include <errno.h>

#include "ipc/sync/object.h"
#include "workers/sync/make.h"
#include "workers/task/claims.h"

int bh_notice_open(bh_notice *out)
{
	return bh_sync_open(out, BH_SYNC_NOTICE, 0);
}

int bh_notice_close(bh_notice n)
{
	return bh_sync_close(n, BH_SYNC_NOTICE);
}

int bh_notice_one(bh_notice n)
{
	const struct bh_server sv = bh_claims_server();
	int err = bh_sync_usable(n, BH_SYNC_NOTICE);

	if (!err)
		bh_sync_put(&sv, n, 1); /* with 2^29 there already, one is there */
	return err;
}

int bh_notice_all(bh_notice n)
{
	const struct bh_server sv = bh_claims_server();
	int err = bh_sync_usable(n, BH_SYNC_NOTICE);

	if (!err)
		bh_sync_put_all(&sv, n);
	return err;
}

static int taken(int err, uint64_t claim)
{
	if (!err)
		bh_claims_end(claim);
	return err;
}

int bh_notice_wait(bh_notice n, int64_t deadline)
{
	uint64_t claim;
	int err = bh_sync_ask(n, BH_SYNC_NOTICE, 1, &claim, deadline);

	return taken(err, claim);
}

int bh_notice_try_wait(bh_notice n)
{
	uint64_t claim;
	int err = bh_sync_try(n, BH_SYNC_NOTICE, 1, &claim);

	return taken(err, claim);
}

int bh_poll_notice_wait(struct bh_cx *cx, bh_notice n, struct bh_waits *w)
{
	uint64_t claim;
	int err = bh_sync_poll(cx, n, BH_SYNC_NOTICE, 1, &claim, w);

	return taken(err, claim);
}
