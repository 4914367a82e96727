/* SPDX-License-Identifier: MIT */
/* hello.c: a service in ten lines. Greets whoever connects; try `nc 127.0.0.1 PORT`. */
#include <stdio.h>

#include <bulkhead/bulkhead.h>

static int64_t hello(void *unused)
{
	bh_io listener, peer;
	int err = bh_listen(&listener, NULL);

	(void)unused;
	while (err == 0 && (err = bh_accept(listener, &peer, BH_FOREVER)) == 0) {
		if (bh_write(peer, "hello\n", 6, bh_after(BH_S(5))) < 0)
			fputs("hello: a client left before it was greeted\n", stderr);
		bh_close(peer);
	}
	return err == -BH_ESTOPPING ? 0 : err;
}

const struct bh_service bulkhead_service = { sizeof(struct bh_service), 0, "hello", NULL, hello };
