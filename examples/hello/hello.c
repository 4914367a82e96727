/* SPDX-License-Identifier: MIT */
/* hello.c: a service in ten lines. Greets whoever connects; try `nc 127.0.0.1 PORT`. */
#include <stdio.h>

#include <bulkhead/bulkhead.h>

static int64_t greet(void *peer)
{
	if (bh_write(*(bh_io *)peer, "hello\n", 6, bh_after(BH_S(5))) < 0)
		fputs("hello: a client left before it was greeted\n", stderr);
	return 0; /* the peer is closed with the task that owns it */
}

static int64_t hello(void *unused)
{
	(void)unused;
	return bh_serve(0, greet, NULL);
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "hello",
	.main = hello,
};
