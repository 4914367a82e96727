/* SPDX-License-Identifier: MIT */
/* io.c: I/O slots with real descriptors, the heap, waiting on a socket. */
#include "tests/sweep/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/protocol/files.h"
#include "workers/base/rt.h"
#include "workers/io/io.h"
#include "workers/io/listen.h"
#include "workers/owned/files.h"
#include "workers/owned/gone.h"
#include "workers/owned/ioslot.h"
#include "workers/task/room.h"

static void must(int rc)
{
	if (rc)
		_Exit(3);
}

static void run_open_close(struct world *w)
{
	bh_io a, b;

	(void)w;
	world_epoll();
	must(bh_io_open(eventfd(0, EFD_NONBLOCK), BH_IO_STREAM, &a));
	must(bh_io_open(eventfd(0, EFD_NONBLOCK), BH_IO_STREAM, &b));
	must(bh_close(a));
	bh_ios_release(bh_rt.task, bh_rt.handle);
}
SWEEP(io_open_close, .run = run_open_close, .covers = "bh_io_open unlink_io close_slot");

/* No epoll instance: the registration fails, and all is undone. */
static void run_open_fails(struct world *w)
{
	bh_io a;

	(void)w;
	if (bh_io_open(eventfd(0, EFD_NONBLOCK), BH_IO_STREAM, &a) == 0)
		_Exit(3);
}
SWEEP(io_open_fails, .run = run_open_fails, .covers = "");

static void run_port_note(struct world *w)
{
	(void)w;
	bh_port_note(80);
	bh_port_note(443);
	bh_port_note(80);
	if (bh_ld_rlx(&bh_rt.v.a->ports[1]) != 443 || bh_ld_rlx(&bh_rt.v.a->ports[2]) != 0)
		_Exit(3);
}
SWEEP(port_note, .run = run_port_note, .covers = "bh_port_note");

static void run_heap(struct world *w)
{
	void *small = bh_alloc(40), *big = bh_alloc(3000);

	(void)w;
	small = bh_realloc(small, 400);
	bh_free(big);
	bh_free(small);
	must(!bh_alloc(100));
}
SWEEP(heap, .run = run_heap, .covers = "");

/* A poll task's read of what has nothing yet: the mark is taken. */
static void run_poll_read(struct world *w)
{
	struct bh_cx cx = { .task = bh_rt.task };
	int pair[2];
	char c;
	bh_io io;

	(void)w;
	world_epoll();
	bh_rt.budget = 1;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
	must(bh_io_open(pair[0], BH_IO_STREAM, &io));
	must(bh_poll_read(&cx, io, &c, 1) != -EAGAIN);
}
SWEEP(io_poll_read, .run = run_poll_read, .covers = "bh_io_arm");

/* Beside a child: it is armed, the peer has left, and that is taken back. */
static void setup_child(struct world *w)
{
	w->child = world_task(w, BH_WAITING, OTHER);
	world_adopt(w, w->me, w->child);
}

static void run_join_or_gone(struct world *w)
{
	bh_task child = bh_handle(bh_state_gen(bh_ld_rlx(&w->v.tasks[w->child].state)), w->child);
	int pair[2];
	bh_io io;

	world_epoll();
	bh_rt.budget = 1;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
	must(bh_io_open(pair[0], BH_IO_STREAM, &io));
	close(pair[1]);
	must(bh_join_or_gone(child, NULL, io, BH_GONE_EOF, BH_FOREVER) != -ECONNRESET);
	must(bh_ld_rlx(&w->v.ios[bh_handle_idx(io)].ready[0]) != BH_IO_CLOSED);
}
SWEEP(io_join_or_gone, .setup = setup_child, .run = run_join_or_gone, .covers = "bh_gone_arm");

/* Nobody listens there: the socket is made, refused and closed. */
static void run_connect(struct world *w)
{
	bh_io io;

	(void)w;
	world_epoll();
	bh_rt.budget = 1;
	must(bh_connect(&io, "unix:@bulkhead nobody listens", BH_FOREVER) != -ECONNREFUSED);
}
SWEEP(io_connect, .run = run_connect, .covers = "");

/* It gets a name and a peer, sends, and takes what it sent. */
static void run_datagram(struct world *w)
{
	bh_io io;
	char c;

	(void)w;
	world_epoll();
	bh_rt.budget = 9;
	must(bh_open_datagram(&io, "unix:@bulkhead sweep", NULL));
	must(bh_set_peer(io, "unix:@bulkhead sweep"));
	must(bh_send_to(io, "x", 1, NULL, BH_FOREVER) != 1);
	must(bh_recv_from(io, &c, 1, NULL, BH_FOREVER) != 1);
	must(bh_try_recv_from(io, &c, 1, NULL) != -EAGAIN);
	must(bh_close(io));
}
SWEEP(io_datagram, .run = run_datagram, .covers = "");

/* One is on its way, and two more are made. The lowest free number is beyond those that
 * every process is given. */
static int way[2];

static void setup_incoming(struct world *w)
{
	(void)w;
	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, way));
	while (dup(way[0]) < 99)
		;
}

static void run_incoming(struct world *w)
{
	bh_io over[2], io, in, out;
	char c;

	world_epoll();
	bh_files_enter();
	bh_rt.budget = 9;
	for (int i = 0; i < 2; i++)
		must(bh_io_adopt(&over[i], fcntl(way[i], F_DUPFD, 100)));
	must(bh_io_adopt(&io, eventfd(0, 0)));
	must(bh_try_send_io(over[0], io, "x", 1) != 1);
	must(bh_try_recv_io(over[1], &io, &c, 1) != 1);
	must(bh_pipe_open(&in, &out));
	must(w->v.workers[VICTIM].journal.incoming.fd[0] != 0);
}

/* What Linux stored in the journal is a slot's, noted, or the zygote's to close. */
static const char *check_incoming(struct world *w)
{
	for (uint32_t fd = 0; fd < w->v.l.files; fd++)
		if (bh_file_known(bh_ld_acq(&w->v.files[fd].by)))
			return "a dead task's descriptor is nobody's to close";
	for (int i = 0; i < 2; i++)
		if (bh_ld_acq(&w->v.workers[VICTIM].journal.incoming.fd[i]))
			return "a dead worker's number stays in its journal";
	return NULL;
}
SWEEP(io_incoming, .setup = setup_incoming, .run = run_incoming, .check = check_incoming,
      .covers = "bh_incoming_take");

static void run_adopt(struct world *w)
{
	bh_io io;

	(void)w;
	world_epoll();
	int fd = fcntl(eventfd(0, 0), F_DUPFD, 100);
	must(bh_io_adopt(&io, fd));
	must(bh_close(io));
	must(fcntl(fd, F_GETFD) != -1);
}
SWEEP(io_adopt, .run = run_adopt, .covers = "");

/* -- making room -- */

/* Two of other tasks, of which one waits in bh_readable(). */
static void setup_idle(struct world *w)
{
	w->other = world_task(w, BH_WAITING, OTHER);
	w->io = world_io(w, w->other);
	bh_st_rlx(&w->v.ios[w->io].idle_ms, 1);
	world_io(w, world_task(w, BH_WAITING, OTHER));
}

static void run_make_room(struct world *w)
{
	if (bh_room_make() != 1 || !bh_ld_rlx(&w->v.ios[w->io].leave))
		_Exit(3);
	if (bh_room_make()) /* it is leaving already */
		_Exit(3);
}

static const char *check_asked(struct world *w)
{
	enum bh_state s = world_state(w, w->other);

	return s == BH_WAITING || s == BH_SCHEDULED ? NULL : "it neither waits nor was asked";
}
SWEEP(make_room, .setup = setup_idle, .run = run_make_room, .check = check_asked, .covers = "");
