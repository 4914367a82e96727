/* SPDX-License-Identifier: MIT */
/* rights.c: a service that sends itself a socket, and an eventfd, and closes them, and makes a
 * pipe, again and again, in worker 0. */
#include <bulkhead/bulkhead.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static int send_and_take(const bh_io over[2], bh_io io)
{
	char c;

	if (bh_send_io(over[0], io, "x", 1, BH_FOREVER) != 1 ||
	    bh_recv_io(over[1], &io, &c, 1, BH_FOREVER) != 1)
		return -1;
	return bh_close(io);
}

static int once(const bh_io over[2])
{
	bh_io io, out;

	if (bh_io_adopt(&io, eventfd(0, 0)) || send_and_take(over, io))
		return -1;
	if (bh_open_datagram(&io, "127.0.0.1:0", NULL) || send_and_take(over, io))
		return -1;
	return bh_pipe_open(&io, &out) || bh_close(io) || bh_close(out);
}

static int64_t send_again(void *unused)
{
	bh_io over[2];
	int fd[2];

	(void)unused;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) || bh_io_adopt(&over[0], fd[0]) ||
	    bh_io_adopt(&over[1], fd[1]))
		return 1;
	while (bh_sleep(BH_MS(1)) == 0)
		if (once(over))
			return 1;
	return 0;
}

static int64_t serve(void *unused)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	bh_task t;

	(void)unused;
	opts.on_crash = BH_CRASH_RESTART;
	int err = bh_spawn_on(0, &t, send_again, NULL, 0, &opts);
	return err ? err : bh_join(t, NULL, BH_FOREVER);
}

const struct bh_service bulkhead_service = { .size = sizeof(struct bh_service),
					     .name = "rights",
					     .main = serve };
