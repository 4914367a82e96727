/* SPDX-License-Identifier: MIT */
/* buffers.c: buffered.h: lines and frames, gathered answers, and passing streams on. */
#include "tour.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SOON bh_after(BH_S(10))

/* Sends a line, a head and a frame, all in one go. Its value: the bytes of the answer. */
static int64_t asker(void *address)
{
	struct bh_writer *w;
	bh_io io;
	char answer[32];
	ssize_t n;

	MUST(bh_connect(&io, address, SOON));
	MUST(bh_writer_open(&w, io, 0));
	bh_writer_cork(w);
	MUST(bh_writer_write(w, "a line\r\na head\n\n", 16, SOON));
	MUST(bh_writer_flush(w, SOON)); /* not yet: it is corked */
	MUST(bh_writer_frame(w, "a frame", 7, 4, SOON));
	MUST(bh_writer_write(w, "12345678", 8, SOON));
	MUST(bh_writer_uncork(w, SOON));
	MUST(bh_shutdown(io, BH_HALF_WRITE));
	bh_writer_close(w);
	n = bh_read_exact(io, answer, sizeof(answer), SOON);
	MUST(n);
	return n;
}

/* Reads all that, and sends back what it does not understand. */
static int64_t answerer(void *arg)
{
	bh_io io = *(bh_io *)arg;
	struct bh_reader *r;
	struct bh_bytes b;

	MUST(bh_reader_open(&r, io, 0));
	MUST(bh_reader_readable(r, SOON));
	MUST(bh_reader_line(r, &b, 80, SOON));
	say("a line: %s", b.data);
	MUST(bh_reader_until(r, &b, "\n\n", 2, 0, SOON));
	say("all up to an empty line: %.6s", b.data);
	MUST(bh_reader_frame(r, &b, 4, 1000, SOON));
	say("a frame: %.*s", (int)b.len, b.data);
	MUST(bh_reader_exact(r, &b, 4, SOON));
	say("four bytes: %.4s; it holds %zu more", b.data, bh_reader_held(r));
	MUST(bh_reader_some(r, &b, 0, SOON));
	MUST(bh_write(io, b.data, b.len, SOON));
	say("a line of what is left: %d", bh_reader_line(r, &b, 0, SOON));
	bh_reader_close(r);
	return 0;
}

/* An echo, and a proxy: what they pass on is none of their business. */
static int64_t echo(void *arg)
{
	bh_io io = *(bh_io *)arg;
	uint64_t copied;

	MUST(bh_copy(io, io, UINT64_MAX, &copied, SOON));
	return (int64_t)copied;
}

static int64_t proxy(void *arg)
{
	bh_io *io = arg;
	struct bh_copied copied;

	MUST(bh_connect(&io[1], (const char *)&io[2], SOON));
	MUST(bh_copy_both(io[0], io[1], &copied, SOON));
	say("passed on: %d there, %d back", (int)copied.there, (int)copied.back);
	return 0;
}

static void accept_one(bh_io listener, bh_task *t, bh_fiber_fn fn, const char *address)
{
	struct bh_spawn_opts give = BH_SPAWN_OPTS_INIT;
	struct {
		bh_io client, server;
		char address[BH_ADDRESS_MAX];
	} arg = { 0 };

	snprintf(arg.address, sizeof(arg.address), "%s", address);
	MUST(bh_accept(listener, &give.give, SOON));
	arg.client = give.give;
	MUST(bh_spawn(t, fn, &arg, sizeof(arg), &give));
}

void tour_buffers(void)
{
	char front[BH_ADDRESS_MAX], back[BH_ADDRESS_MAX];
	bh_io at_front, at_back;
	bh_task client, server, between;
	struct bh_result res;

	snprintf(front, sizeof(front), "unix:@bulkhead-tour-front-%d", (int)getpid());
	snprintf(back, sizeof(back), "unix:@bulkhead-tour-back-%d", (int)getpid());
	MUST(bh_listen(&at_front, front));
	MUST(bh_listen(&at_back, back));

	MUST(bh_spawn(&client, asker, front, sizeof(front), NULL));
	accept_one(at_front, &server, answerer, "");
	MUST(bh_join(server, NULL, BH_FOREVER));
	MUST(bh_join(client, &res, BH_FOREVER));
	say("an answer of %d bytes", (int)res.value);

	MUST(bh_spawn(&client, asker, front, sizeof(front), NULL));
	accept_one(at_front, &between, proxy, back);
	accept_one(at_back, &server, echo, "");
	MUST(bh_join(client, &res, BH_FOREVER));
	MUST(bh_join(between, NULL, BH_FOREVER));
	MUST(bh_join(server, NULL, BH_FOREVER));
	say("an answer of %d bytes", (int)res.value);
}
