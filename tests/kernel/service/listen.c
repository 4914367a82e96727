/* SPDX-License-Identifier: MIT */
/* listen.c: a service that listens at an address of its own, and greets nobody. */
#include <bulkhead/bulkhead.h>

static int64_t serve(void *unused)
{
	bh_io listener, peer;
	int err = bh_listen(&listener, "127.0.0.1:0");

	(void)unused;
	while (err == 0 && (err = bh_accept(listener, &peer, BH_FOREVER)) == 0)
		;
	return err == -BH_ESTOPPING ? 0 : err;
}

const struct bh_service bulkhead_service = { .size = sizeof(struct bh_service),
					     .name = "listen",
					     .main = serve };
