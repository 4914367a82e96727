/* SPDX-License-Identifier: MIT */
/* handovers.c: unix.h and pipe.h: descriptors over a Unix socket, a pipe, a FIFO. */
#include "tour.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct relay {
	struct bh_async async;
	bh_io over, io;
	ssize_t n;
	char c;
};

/* Takes a descriptor and sends it back. */
static enum bh_poll relay(struct bh_cx *cx, void *state)
{
	struct relay *r = state;

	BH_ASYNC_BEGIN(cx, &r->async);
	BH_AWAIT(r->n, bh_poll_recv_io(cx, r->over, &r->io, &r->c, 1));
	MUST(r->n);
	BH_AWAIT(r->n, bh_poll_send_io(cx, r->over, r->io, &r->c, 1));
	MUST(r->n);
	BH_ASYNC_END();
}

/* A pipe's end goes there and back; what is written arrives. */
static void hand_over(bh_io over)
{
	char buf[8] = "", c;
	bh_io in, out, none;

	MUST(bh_pipe_open(&in, &out));
	MUST(bh_write(out, "water", 5, bh_after(BH_S(10))));
	say("nothing there: %s", bh_strerror((int)bh_try_recv_io(over, &none, &c, 1)));
	MUST(bh_send_io(over, in, "!", 1, bh_after(BH_S(10))));
	say("sent, and no longer its: %s", bh_strerror(bh_close(in)));
	MUST(bh_recv_io(over, &in, &c, 1, bh_after(BH_S(10))));
	MUST(bh_read(in, buf, 5, bh_after(BH_S(10))));
	say("back, with what was in it: %s", buf);
	MUST(bh_close(in));
	MUST(bh_close(out));
}

static void by_name(void)
{
	char dir[] = "/tmp/bh-tour.XXXXXX", path[40], c = 0;
	bh_io in, out;

	if (!mkdtemp(dir))
		return;
	snprintf(path, sizeof(path), "%s/fifo", dir);
	if (mkfifo(path, 0600) == 0) {
		MUST(bh_fifo_open(&in, path, BH_FIFO_READ));
		MUST(bh_fifo_open(&out, path, BH_FIFO_WRITE));
		MUST(bh_write(out, "f", 1, bh_after(BH_S(10))));
		MUST(bh_read(in, &c, 1, bh_after(BH_S(10))));
		MUST(bh_close(in));
		MUST(bh_close(out));
	}
	say("by a FIFO: %c", c);
	unlink(path);
	rmdir(dir);
}

void tour_handovers(void)
{
	struct bh_spawn_opts give = BH_SPAWN_OPTS_INIT;
	struct relay r = { 0 };
	bh_io over, spare, end;
	int fd[2];
	bh_task t;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd))
		return;
	MUST(bh_io_adopt(&over, fd[0]));
	MUST(bh_io_adopt(&r.over, fd[1]));
	give.give = r.over;
	MUST(bh_spawn_poll(&t, relay, &r, sizeof(r), &give));
	hand_over(over);
	MUST(bh_join(t, NULL, BH_FOREVER));
	MUST(bh_pipe_open(&spare, &end));
	say("to nobody: %s", bh_strerror((int)bh_try_send_io(over, spare, "!", 1)));
	by_name();
}
