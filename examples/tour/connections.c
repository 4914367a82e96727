/* SPDX-License-Identifier: MIT */
/* connections.c: net.h: connecting, vectors, files, halves, and other descriptors. */
#include "tour.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SOON bh_after(BH_S(10))

/* A file of 11 bytes without a name. */
static int a_file(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	if (fd < 0 || write(fd, "from a file", 11) != 11)
		MUST(-1);
	return fd;
}

/* The other end: says what it reads up to the end, and answers it all the same. */
static int64_t peer(void *arg)
{
	bh_io io = *(bh_io *)arg;
	char head[4], body[32], tail[3];
	struct iovec iov[] = { { body, 8 }, { body + 8, sizeof(body) - 8 } };
	ssize_t n;

	MUST(bh_read_exact(io, head, sizeof(head), SOON));
	n = bh_readv(io, iov, 2, SOON);
	MUST(n);
	say("%.4s, then %.*s", head, (int)n, body);
	MUST(bh_read(io, tail, sizeof(tail), SOON)); /* 0: it writes no more */
	MUST(bh_write(io, "thanks", 6, SOON));
	return 0;
}

static void connect_to(const char *address, bh_io *io)
{
	char text[BH_ADDRESS_MAX];

	MUST(bh_connect(io, address, SOON));
	MUST(bh_peer_address(*io, text, sizeof(text)));
	say("at the address: %s", strcmp(text, address) ? "no" : "yes");
	MUST(bh_local_address(*io, text, sizeof(text)));
	MUST(bh_io_set_option(*io, BH_OPT_SEND_BUFFER, 65536));
}

static void tour_client(const char *address)
{
	struct iovec head[] = { { (char[]){ "he" }, 2 }, { (char[]){ "ad" }, 2 } };
	int fd = a_file();
	off_t offset = 0;
	char buf[8];
	bh_io io;

	connect_to(address, &io);
	MUST(bh_writev(io, head, 2, SOON));
	MUST(bh_writable(io, SOON));
	MUST(bh_sendfile(io, fd, &offset, 11, SOON));
	MUST(bh_shutdown(io, BH_HALF_WRITE));
	MUST(bh_read_exact(io, buf, 6, SOON));
	say("its answer: %.6s", buf);
	MUST(bh_close(io));
	close(fd);
}

struct poller {
	struct bh_async async;
	bh_io io;
	ssize_t n;
	int err, fd;
	off_t offset;
	char address[BH_ADDRESS_MAX], buf[6];
};

/* The same client without a stack. */
static enum bh_poll poller(struct bh_cx *cx, void *state)
{
	struct poller *p = state;
	struct iovec head = { (char[]){ "head" }, 4 }, in = { p->buf, 6 };

	BH_ASYNC_BEGIN(cx, &p->async);
	BH_AWAIT(p->err, bh_poll_connect(cx, &p->io, p->address));
	MUST(p->err);
	BH_AWAIT(p->err, bh_poll_writable(cx, p->io));
	BH_AWAIT(p->n, bh_poll_writev(cx, p->io, &head, 1));
	BH_AWAIT(p->n, bh_poll_sendfile(cx, p->io, p->fd, &p->offset, 11));
	MUST(bh_shutdown(p->io, BH_HALF_WRITE));
	BH_AWAIT(p->n, bh_poll_readv(cx, p->io, &in, 1));
	say("its answer: %.6s", p->buf);
	BH_ASYNC_END();
}

static void accept_one(bh_io listener, bh_task *t)
{
	struct bh_spawn_opts give = BH_SPAWN_OPTS_INIT;

	MUST(bh_accept(listener, &give.give, SOON));
	MUST(bh_spawn(t, peer, &give.give, sizeof(bh_io), &give));
}

static int64_t connect_later(void *arg)
{
	tour_client(arg);
	return 0;
}

static void tour_event(void)
{
	uint64_t n = 3;
	bh_io io;

	MUST(bh_io_adopt(&io, eventfd(0, 0)));
	MUST(write(bh_io_fd(io), &n, sizeof(n)));
	MUST(bh_read(io, &n, sizeof(n), SOON));
	say("an eventfd: %d", (int)n);
	MUST(bh_close(io)); /* and with it the descriptor */
}

void tour_connections(void)
{
	struct poller p = { .fd = a_file() };
	bh_task client, server;
	bh_io listener;

	snprintf(p.address, sizeof(p.address), "unix:@bulkhead-tour-%d", (int)getpid());
	MUST(bh_listen(&listener, p.address));
	MUST(bh_spawn(&client, connect_later, p.address, sizeof(p.address), NULL));
	accept_one(listener, &server);
	MUST(bh_join(client, NULL, BH_FOREVER));
	MUST(bh_join(server, NULL, BH_FOREVER));

	MUST(bh_spawn_poll(&client, poller, &p, sizeof(p), NULL));
	accept_one(listener, &server);
	MUST(bh_join(client, NULL, BH_FOREVER));
	MUST(bh_join(server, NULL, BH_FOREVER));
	MUST(bh_close(listener));
	close(p.fd);
	tour_event();
}
