/* SPDX-License-Identifier: MIT */
/* test_net.c: net.h: connections of every kind, and what is left when one is ended. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime.h"

#define SOON bh_after(BH_S(30))

/* -- what they share ----------------------------------------------------------------- */

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Stream sockets of the service, all of whose workers share them. (Of other descriptors
 * the zygote makes some of its own meanwhile.) */
static int sockets(void)
{
	int n = 0, type = 0;
	socklen_t len = sizeof(type);

	for (int fd = 0; fd < 4096; fd++)
		n += !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_STREAM;
	return n;
}

struct pair {
	bh_io listener, a, b;
	char address[BH_ADDRESS_MAX];
};

static void open_pair(struct pair *p, const char *at)
{
	CHECK(bh_listen(&p->listener, at) == 0);
	CHECK(bh_local_address(p->listener, p->address, sizeof(p->address)) > 0);
	CHECK(bh_connect(&p->a, p->address, SOON) == 0);
	CHECK(bh_accept(p->listener, &p->b, SOON) == 0);
}

static void close_pair(struct pair *p)
{
	CHECK(bh_close(p->a) == 0 && bh_close(p->b) == 0 && bh_close(p->listener) == 0);
}

static void check_talk(const struct pair *p)
{
	char buf[8];

	CHECK(bh_write(p->a, "ping", 4, SOON) == 4);
	CHECK(bh_read(p->b, buf, sizeof(buf), SOON) == 4 && !memcmp(buf, "ping", 4));
	CHECK(bh_write(p->b, "pong", 4, SOON) == 4);
	CHECK(bh_read(p->a, buf, sizeof(buf), SOON) == 4 && !memcmp(buf, "pong", 4));
}

/* A path in a directory of its own; in memory that all workers have. */
static const char *temporary(const char *name)
{
	char *path = bh_alloc(100), dir[60];

	snprintf(dir, sizeof(dir), "/tmp/bh-net.XXXXXX");
	CHECK(path && mkdtemp(dir));
	snprintf(path, 100, "unix:%s/%s", dir, name);
	return path;
}

static void remove_temporary(const char *path)
{
	char dir[100];

	snprintf(dir, sizeof(dir), "%s", path + strlen("unix:"));
	unlink(dir);
	*strrchr(dir, '/') = '\0';
	CHECK(rmdir(dir) == 0);
}

/* -- connect --------------------------------------------------------------------------- */

TEST(both_ends_know_each_other)
{
	static const char *const at[] = { "127.0.0.1:0", "[::1]:0" };
	char one[BH_ADDRESS_MAX], two[BH_ADDRESS_MAX];
	struct pair p;

	for (size_t i = 0; i < 2; i++) {
		open_pair(&p, at[i]);
		CHECK(bh_peer_address(p.a, one, sizeof(one)) == (int)strlen(one));
		CHECK(!strcmp(one, p.address));
		CHECK(!strncmp(one, at[i], strlen(at[i]) - 1));
		CHECK(bh_local_address(p.a, one, sizeof(one)) > 0 &&
		      bh_peer_address(p.b, two, sizeof(two)) > 0);
		CHECK(!strcmp(one, two));
		CHECK(bh_peer_address(p.b, two, 5) == -ENOSPC);
		CHECK(bh_peer_address(p.listener, two, sizeof(two)) == -ENOTCONN);
		check_talk(&p);
		close_pair(&p);
		CHECK(bh_peer_address(p.a, one, sizeof(one)) == -BH_ESTALE);
	}
}

TEST(refused_and_malformed_leave_nothing_open)
{
	static const char *const bad[] = { "",      "80",       "local host:80", "1.2.3.4:65536",
					   "unix:", "unix:@",   "1.2.3.4:",      "[::1:80",
					   ":80",   "1.2.3:80", "unix",          "1.2.3.4:1x" };
	char at[BH_ADDRESS_MAX], longer[200];
	bh_io io = 5, listener;

	CHECK(bh_listen(&listener, "127.0.0.1:0") == 0);
	CHECK(bh_local_address(listener, at, sizeof(at)) > 0 && bh_close(listener) == 0);
	int before = sockets();
	CHECK(bh_connect(&io, at, SOON) == -ECONNREFUSED);
	CHECK(bh_connect(&io, "unix:/nowhere/at/all", SOON) == -ENOENT);
	CHECK(bh_connect(&io, "unix:@bulkhead, but nobody", SOON) == -ECONNREFUSED);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK(bh_connect(&io, bad[i], SOON) == -EINVAL);
		CHECK(bh_listen(&io, bad[i]) == -EINVAL);
	}
	CHECK(bh_listen(&io, "localhost:80") == -EINVAL); /* a name: to connect to alone */
	memset(longer, 'x', sizeof(longer));
	memcpy(longer, "unix:/", 6);
	longer[sizeof(longer) - 1] = '\0';
	CHECK(bh_connect(&io, longer, SOON) == -ENAMETOOLONG);
	CHECK(bh_listen(&io, longer) == -ENAMETOOLONG);
	CHECK(io == 5 && sockets() == before);
}

/* A listener that answers nobody: whoever connects after the first few waits. */
static int deaf_listener(char *address, bh_io *clients, int *n)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0), err = 0;

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, len) == 0 && listen(fd, 0) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	sprintf(address, "127.0.0.1:%d", ntohs(a.sin_port));
	for (*n = 0; *n < 8 && !err; *n += !err)
		err = bh_connect(&clients[*n], address, bh_after(BH_MS(200)));
	CHECK(err == -BH_ETIMEDOUT);
	return fd;
}

TEST(connect_gives_up_at_its_deadline)
{
	char address[BH_ADDRESS_MAX];
	bh_io clients[8], io = 5;
	int n, before = sockets();
	int fd = deaf_listener(address, clients, &n);

	CHECK(sockets() == before + 1 + n);
	CHECK(bh_connect(&io, address, BH_NOWAIT) == -BH_ETIMEDOUT && io == 5);
	CHECK(sockets() == before + 1 + n);
	close(fd);
	while (n)
		CHECK(bh_close(clients[--n]) == 0);
}

/* -- Unix ------------------------------------------------------------------------------- */

TEST(unix_streams)
{
	const char *path = temporary("socket");
	char text[BH_ADDRESS_MAX];
	struct stat st;
	struct pair p;
	bh_io again;

	for (int round = 0; round < 2; round++) { /* the second finds the first one's file */
		open_pair(&p, path);
		CHECK(!strcmp(p.address, path));
		CHECK(bh_peer_address(p.a, text, sizeof(text)) > 0 && !strcmp(text, path));
		CHECK(bh_peer_address(p.b, text, sizeof(text)) > 0 && !strcmp(text, "unix:"));
		CHECK(bh_local_port(p.listener) == -EINVAL);
		CHECK(bh_listen(&again, path) == -EADDRINUSE);
		check_talk(&p);
		close_pair(&p);
		CHECK(stat(path + strlen("unix:"), &st) == 0 && S_ISSOCK(st.st_mode));
	}
	remove_temporary(path);
}

TEST(listening_spares_what_is_no_socket)
{
	const char *path = temporary("file");
	int fd = open(path + strlen("unix:"), O_CREAT | O_WRONLY, 0600);
	bh_io io;

	CHECK(fd >= 0 && close(fd) == 0);
	CHECK(bh_listen(&io, path) == -EADDRINUSE);
	CHECK(access(path + strlen("unix:"), F_OK) == 0);
	remove_temporary(path);
}

TEST(abstract_names)
{
	char name[60];
	struct pair p;
	bh_io io;

	snprintf(name, sizeof(name), "unix:@bulkhead-test-%d", (int)getpid());
	open_pair(&p, name);
	CHECK(!strcmp(p.address, name));
	CHECK(bh_listen(&io, name) == -EADDRINUSE);
	check_talk(&p);
	close_pair(&p);
	CHECK(bh_connect(&io, name, SOON) == -ECONNREFUSED);
}

static int64_t accept_later(void *arg)
{
	bh_io *listener = arg, io;

	CHECK(bh_sleep(BH_MS(20)) == 0);
	CHECK(bh_accept(*listener, &io, SOON) == 0);
	return bh_suspend(BH_FOREVER);
}

/* Linux says EAGAIN then, and no event tells when it would no longer. */
TEST(connect_waits_for_room_in_a_unix_backlog)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	char name[60];
	bh_io clients[8], io;
	bh_task t;
	int n = 0, err = 0;

	snprintf(name, sizeof(name), "unix:@bulkhead-full-%d", (int)getpid());
	CHECK(bh_listen(&opts.give, name) == 0);
	CHECK(listen(bh_io_fd(opts.give), 1) == 0);
	for (; n < 8 && !err; n += !err)
		err = bh_connect(&clients[n], name, bh_after(BH_MS(20)));
	CHECK(err == -BH_ETIMEDOUT);
	CHECK(bh_spawn(&t, accept_later, &opts.give, sizeof(bh_io), &opts) == 0);
	CHECK(bh_connect(&io, name, SOON) == 0);
	CHECK(bh_abort(t) == 0 && bh_join(t, NULL, BH_FOREVER) == 0);
	CHECK(bh_close(io) == 0);
	while (n)
		CHECK(bh_close(clients[--n]) == 0);
}

/* -- vectors, files, halves ---------------------------------------------------------------- */

enum {
	PARTS = 100,
	PART = 40000 /* times PARTS: more than any socket buffer here */
};

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 31 + i / 251);
}

struct reader {
	bh_io io;
	size_t len;
};

/* Reads that many bytes, in vectors of odd sizes, and checks each, then the end. */
static int64_t read_vectors(void *arg)
{
	const struct reader *r = arg;
	unsigned char a[7], b[3000], c[1];
	struct iovec iov[] = { { a, sizeof(a) }, { b, 0 }, { b, sizeof(b) }, { c, 1 } };
	size_t at = 0;
	ssize_t n;

	while ((n = bh_readv(r->io, iov, 4, SOON)) > 0)
		for (size_t i = 0; i < (size_t)n; i++, at++)
			CHECK((i < 7 ? a[i] : i < 3007 ? b[i - 7] : c[0]) == byte_at(at));
	CHECK(n == 0 && at == r->len);
	return 0;
}

/* Spawns read_vectors() for the end @b of @p, which becomes its. */
static bh_task spawn_reader(const struct pair *p, size_t len)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	struct reader r = { p->b, len };
	bh_task t;

	opts.give = p->b;
	CHECK(bh_spawn(&t, read_vectors, &r, sizeof(r), &opts) == 0);
	return t;
}

static void end_of_reader(const struct pair *p, bh_task t)
{
	struct bh_result res;

	CHECK(bh_shutdown(p->a, BH_HALF_WRITE) == 0);
	CHECK(bh_join(t, &res, BH_FOREVER) == 0 && res.end == BH_END_RETURNED);
	CHECK(bh_close(p->a) == 0 && bh_close(p->listener) == 0);
}

TEST(vectors_arrive_whole)
{
	struct iovec iov[PARTS];
	unsigned char *all = bh_alloc((size_t)PARTS * PART);
	size_t len = 0;
	struct pair p;

	CHECK(all);
	for (size_t i = 0; i < (size_t)PARTS * PART; i++)
		all[i] = byte_at(i);
	for (size_t i = 0; i < PARTS; i++) { /* some are empty */
		iov[i] = (struct iovec){ all + len, i % 7 ? PART : 0 };
		len += iov[i].iov_len;
	}
	open_pair(&p, "127.0.0.1:0");
	bh_task t = spawn_reader(&p, len);
	CHECK(bh_writev(p.a, iov, PARTS, SOON) == (ssize_t)len);
	CHECK(bh_writev(p.a, iov, 0, SOON) == 0);
	CHECK(bh_writev(p.a, iov, 1, SOON) == 0); /* an empty part alone */
	CHECK(bh_readv(p.a, iov, -1, SOON) == -EINVAL);
	end_of_reader(&p, t);
	bh_free(all);
}

TEST(read_exact_reads_on_to_the_count_or_the_end)
{
	struct pair p;
	char buf[8];

	open_pair(&p, "127.0.0.1:0");
	CHECK(bh_write(p.a, "abcde", 5, SOON) == 5);
	CHECK(bh_read_exact(p.b, buf, 2, SOON) == 2 && !memcmp(buf, "ab", 2));
	CHECK(bh_read_exact(p.b, buf, 8, bh_after(BH_MS(5))) == -BH_ETIMEDOUT);
	CHECK(bh_write(p.a, "xyz", 3, SOON) == 3 && bh_shutdown(p.a, BH_HALF_WRITE) == 0);
	CHECK(bh_read_exact(p.b, buf, 8, SOON) == 3 && !memcmp(buf, "xyz", 3));
	close_pair(&p);
}

static int file_of(size_t len)
{
	char path[] = "/tmp/bh-net.XXXXXX";
	unsigned char buf[4096];
	int fd = mkstemp(path);

	CHECK(fd >= 0 && unlink(path) == 0);
	for (size_t at = 0; at < len; at += sizeof(buf)) {
		for (size_t i = 0; i < sizeof(buf); i++)
			buf[i] = byte_at(at + i);
		CHECK(write(fd, buf, sizeof(buf)) == sizeof(buf));
	}
	return fd;
}

TEST(sendfile_sends_on_where_it_was_cut)
{
	enum {
		LEN = 8 << 20
	};
	int fd = file_of(LEN);
	off_t offset = 0;
	struct pair p;

	open_pair(&p, "127.0.0.1:0");
	CHECK(bh_sendfile(p.a, fd, &offset, LEN, bh_after(BH_MS(20))) == -BH_ETIMEDOUT);
	CHECK(offset > 0 && offset < LEN); /* nobody reads yet */
	bh_task t = spawn_reader(&p, LEN);
	size_t left = LEN - (size_t)offset;
	CHECK(bh_sendfile(p.a, fd, &offset, SIZE_MAX / 2, SOON) == (ssize_t)left);
	CHECK(offset == LEN);
	CHECK(bh_sendfile(p.a, fd, &offset, 1, SOON) == 0); /* the file's end */
	end_of_reader(&p, t);
	close(fd);
}

TEST(one_half_is_closed_and_the_other_goes_on)
{
	struct pair p;
	char buf[8];

	open_pair(&p, "127.0.0.1:0");
	CHECK(bh_write(p.a, "last", 4, SOON) == 4 && bh_shutdown(p.a, BH_HALF_WRITE) == 0);
	CHECK(bh_write(p.a, "x", 1, SOON) == -EPIPE);
	CHECK(bh_read(p.b, buf, 8, SOON) == 4 && bh_read(p.b, buf, 8, SOON) == 0);
	CHECK(bh_read(p.b, buf, 8, SOON) == 0);
	CHECK(bh_write(p.b, "answer", 6, SOON) == 6);
	CHECK(bh_read(p.a, buf, 8, SOON) == 6 && !memcmp(buf, "answer", 6));
	CHECK(bh_shutdown(p.b, BH_HALF_BOTH) == 0 && bh_read(p.a, buf, 8, SOON) == 0);
	CHECK(bh_shutdown(p.listener, BH_HALF_WRITE) == -ENOTCONN);
	close_pair(&p);
	CHECK(bh_shutdown(p.a, BH_HALF_READ) == -BH_ESTALE);
}

static int option(bh_io io, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	CHECK(getsockopt(bh_io_fd(io), level, name, &value, &len) == 0);
	return value;
}

TEST(options)
{
	struct pair p;
	char c;

	open_pair(&p, "127.0.0.1:0");
	CHECK(option(p.a, IPPROTO_TCP, TCP_NODELAY) && option(p.b, IPPROTO_TCP, TCP_NODELAY));
	CHECK(bh_io_set_option(p.a, BH_OPT_NODELAY, 0) == 0);
	CHECK(!option(p.a, IPPROTO_TCP, TCP_NODELAY));
	CHECK(bh_io_set_option(p.a, BH_OPT_KEEPALIVE, 77) == 0);
	CHECK(option(p.a, SOL_SOCKET, SO_KEEPALIVE) == 1);
	CHECK(option(p.a, IPPROTO_TCP, TCP_KEEPIDLE) == 77);
	CHECK(bh_io_set_option(p.a, BH_OPT_KEEPALIVE, 0) == 0);
	CHECK(option(p.a, SOL_SOCKET, SO_KEEPALIVE) == 0);
	CHECK(bh_io_set_option(p.a, BH_OPT_SEND_BUFFER, 20000) == 0);
	CHECK(option(p.a, SOL_SOCKET, SO_SNDBUF) == 40000);
	CHECK(bh_io_set_option(p.a, BH_OPT_RECEIVE_BUFFER, 30000) == 0);
	CHECK(option(p.a, SOL_SOCKET, SO_RCVBUF) == 60000);
	CHECK(bh_io_set_option(p.a, BH_OPT_NODELAY, -1) == -EINVAL);
	CHECK(bh_io_set_option(p.a, (enum bh_io_option)99, 1) == -EINVAL);
	CHECK(bh_io_set_option(p.a, BH_OPT_RESET, 1) == 0 && bh_close(p.a) == 0);
	CHECK(bh_read(p.b, &c, 1, SOON) == -ECONNRESET);
	CHECK(bh_close(p.b) == 0 && bh_close(p.listener) == 0);
}

/* -- where a read stops short --------------------------------------------------------------- */

/* Returns when the events of all that was sent before have been handed out: they come
 * in order, and this waits for later ones. */
static void let_events_pass(const struct pair *other)
{
	check_talk(other);
	check_talk(other);
}

/* All of "abc", although a read ends behind the a, and no further event comes. */
static void check_reads_on(const struct pair *p)
{
	char buf[8] = "";
	ssize_t n = bh_read(p->b, buf, sizeof(buf), SOON);

	CHECK(n >= 1);
	while (n < 3) {
		ssize_t m = bh_read(p->b, buf + n, sizeof(buf) - (size_t)n, SOON);

		CHECK(m > 0);
		n += m;
	}
	CHECK(!memcmp(buf, "abc", 4));
	CHECK(bh_read(p->b, buf, sizeof(buf), bh_after(BH_MS(1))) == -BH_ETIMEDOUT);
}

TEST(a_read_goes_on_behind_urgent_data)
{
	struct pair p, other;
	int fd;

	open_pair(&p, "127.0.0.1:0");
	open_pair(&other, "127.0.0.1:0");
	CHECK((fd = bh_io_fd(p.a)) >= 0);
	check_talk(&p);
	for (int i = 0; i < 3; i++) {
		CHECK(send(fd, "a", 1, 0) == 1 && send(fd, "!", 1, MSG_OOB) == 1);
		CHECK(send(fd, "bc", 2, 0) == 2);
		let_events_pass(&other);
		if (i == 1)
			CHECK(bh_readable(p.b, SOON) == 0);
		check_reads_on(&p);
	}
	check_talk(&p);
	close_pair(&p);
	close_pair(&other);
}

static void send_a_descriptor(int by, int fd)
{
	char space[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { .iov_base = (char[]){ 'b' }, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = space,
			    .msg_controllen = sizeof(space) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	CHECK(sendmsg(by, &m, 0) == 1);
}

TEST(a_read_goes_on_behind_a_sent_descriptor)
{
	struct pair p, other;
	int fd;

	open_pair(&p, temporary("rights"));
	open_pair(&other, "127.0.0.1:0");
	CHECK((fd = bh_io_fd(p.a)) >= 0);
	for (int i = 0; i < 3; i++) {
		CHECK(send(fd, "a", 1, 0) == 1);
		send_a_descriptor(fd, fd);
		CHECK(send(fd, "c", 1, 0) == 1);
		let_events_pass(&other);
		check_reads_on(&p);
	}
	remove_temporary(p.address);
	close_pair(&p);
	close_pair(&other);
}

/* -- other descriptors ------------------------------------------------------------------------ */

static int64_t ring_later(void *arg)
{
	uint64_t one = 1;

	CHECK(bh_sleep(BH_MS(10)) == 0);
	CHECK(write(*(int *)arg, &one, sizeof(one)) == sizeof(one));
	return 0;
}

TEST(an_eventfd_wakes_its_reader)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct bh_result res;
	uint64_t got;
	bh_task t;
	bh_io io;

	CHECK(bh_io_adopt(&io, fd) == 0 && bh_io_fd(io) == fd);
	CHECK(bh_read(io, &got, sizeof(got), bh_after(BH_MS(5))) == -BH_ETIMEDOUT);
	for (int i = 0; i < 3; i++) {
		CHECK(bh_spawn(&t, ring_later, &fd, sizeof(fd), NULL) == 0);
		if (i)
			CHECK(bh_readable(io, SOON) == 0);
		CHECK(bh_read(io, &got, sizeof(got), SOON) == sizeof(got) && got == 1);
		CHECK(bh_join(t, &res, SOON) == 0 && res.end == BH_END_RETURNED);
		CHECK(bh_readable(io, bh_after(BH_MS(5))) == -BH_ETIMEDOUT);
	}
	CHECK(bh_close(io) == 0 && !is_open(fd));
}

TEST(timers_signals_and_watches_are_read)
{
	struct itimerspec soon = { .it_value.tv_nsec = 5000000 };
	struct inotify_event event;
	const char *path = temporary("watched");
	char dir[100];
	uint64_t ticks;
	bh_io io;
	int fd;

	CHECK((fd = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0);
	CHECK(bh_io_adopt(&io, fd) == 0 && timerfd_settime(fd, 0, &soon, NULL) == 0);
	CHECK(bh_read(io, &ticks, sizeof(ticks), SOON) == sizeof(ticks) && ticks == 1);
	CHECK(bh_close(io) == 0);

	snprintf(dir, sizeof(dir), "%s", path + strlen("unix:"));
	CHECK((fd = inotify_init1(0)) >= 0 && bh_io_adopt(&io, fd) == 0);
	*strrchr(dir, '/') = '\0';
	CHECK(inotify_add_watch(fd, dir, IN_DELETE_SELF) >= 0);
	remove_temporary(path);
	CHECK(bh_read(io, &event, sizeof(event), SOON) > 0 && event.mask & IN_DELETE_SELF);
	CHECK(bh_close(io) == 0);
}

TEST(a_pipe_is_written_when_it_has_room)
{
	static char buf[1 << 16];
	bh_io in, out;
	int fds[2];

	CHECK(pipe(fds) == 0);
	CHECK(bh_io_adopt(&in, fds[0]) == 0 && bh_io_adopt(&out, fds[1]) == 0);
	CHECK(bh_writable(out, SOON) == 0);
	while (bh_write(out, buf, sizeof(buf), bh_after(BH_MS(5))) > 0)
		;
	CHECK(bh_writable(out, bh_after(BH_MS(5))) == -BH_ETIMEDOUT);
	CHECK(bh_read_exact(in, buf, sizeof(buf), SOON) == sizeof(buf));
	CHECK(bh_writable(out, SOON) == 0);
	CHECK(bh_close(in) == 0);
	CHECK(bh_writable(out, SOON) == 0); /* the write tells */
	CHECK(bh_write(out, buf, 1, SOON) == -EPIPE);
	CHECK(bh_shutdown(out, BH_HALF_WRITE) == -ENOTSOCK && bh_close(out) == 0);
}

/* What is drained by one read of a stream is not of messages. */
TEST(messages_are_read_one_by_one)
{
	int fds[2];
	char buf[16];
	bh_io io;

	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) == 0 && bh_io_adopt(&io, fds[0]) == 0);
	for (int round = 0; round < 3; round++) {
		CHECK(send(fds[1], "one", 3, 0) == 3 && send(fds[1], "three", 5, 0) == 5);
		CHECK(bh_read(io, buf, sizeof(buf), SOON) == 3);
		CHECK(bh_read(io, buf, sizeof(buf), SOON) == 5);
		CHECK(bh_read(io, buf, sizeof(buf), bh_after(BH_MS(2))) == -BH_ETIMEDOUT);
	}
	CHECK(bh_close(io) == 0 && close(fds[1]) == 0);
}

TEST(what_cannot_be_adopted_stays_the_callers)
{
	int file = open("/proc/self/exe", O_RDONLY), dir = open("/", O_RDONLY), event;
	bh_io io, twice;

	CHECK(bh_io_adopt(&io, file) == -EPERM && is_open(file));
	CHECK(bh_io_adopt(&io, dir) == -EPERM && is_open(dir));
	CHECK(bh_io_adopt(&io, -1) == -EBADF && bh_io_adopt(&io, 4000) == -EBADF);
	for (int fd = 0; fd < 9; fd++)
		CHECK(bh_io_adopt(&io, fd) == -EINVAL);
	event = eventfd(0, 0);
	CHECK(bh_io_adopt(&io, event) == 0 && bh_io_adopt(&twice, event) == -EEXIST);
	CHECK(bh_writable(io, SOON) == 0 && bh_close(io) == 0);
	CHECK(bh_io_fd(io) == -BH_ESTALE);
	close(file);
	close(dir);
}

static int64_t crash(void *arg)
{
	(void)arg;
	raise(SIGKILL);
	return 0;
}

TEST(a_crash_closes_what_was_adopted)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	int fds[2], event;
	struct bh_result res;
	bh_io reader;
	bh_task t;
	char c;

	CHECK(pipe(fds) == 0 && bh_io_adopt(&reader, fds[0]) == 0);
	CHECK(bh_io_adopt(&opts.give, fds[1]) == 0);
	CHECK(bh_spawn(&t, crash, NULL, 0, &opts) == 0);
	CHECK(bh_read(reader, &c, 1, SOON) == 0);
	CHECK(bh_join(t, &res, SOON) == 0 && res.end == BH_END_CRASHED);
	event = eventfd(0, 0);
	CHECK(bh_io_adopt(&opts.give, event) == 0);
	CHECK(bh_spawn(&t, crash, NULL, 0, &opts) == 0);
	CHECK(bh_join(t, &res, SOON) == 0 && res.end == BH_END_CRASHED);
	EVENTUALLY(!is_open(event));
	CHECK(bh_close(reader) == 0);
}

/* -- poll tasks ---------------------------------------------------------------------------------- */

struct client {
	struct bh_async async;
	bh_io io;
	char address[BH_ADDRESS_MAX];
	int err, file;
	ssize_t n;
	off_t offset;
	char in[6];
};

static struct iovec hello[] = { { (char[]){ "hel" }, 3 }, { (char[]){ "lo!" }, 3 } };

static enum bh_poll client(struct bh_cx *cx, void *state)
{
	struct client *c = state;
	struct iovec iov[] = { { c->in, 2 }, { c->in + 2, 4 } };

	BH_ASYNC_BEGIN(cx, &c->async);
	BH_AWAIT(c->err, bh_poll_connect(cx, &c->io, c->address));
	if (c->err)
		BH_ASYNC_RETURN(c->io ? 1 : c->err);
	BH_AWAIT(c->err, bh_poll_writable(cx, c->io));
	BH_AWAIT(c->n, bh_poll_writev(cx, c->io, hello, 2));
	if (c->n != 6)
		BH_ASYNC_RETURN(2);
	BH_AWAIT(c->n, bh_poll_readv(cx, c->io, iov, 2));
	if (c->n != 6 || memcmp(c->in, "answer", 6))
		BH_ASYNC_RETURN(3);
	while (c->file >= 0) {
		BH_AWAIT(c->n, bh_poll_sendfile(cx, c->io, c->file, &c->offset, 1 << 22));
		if (c->n < 0)
			BH_ASYNC_RETURN(c->n);
		if (c->n == 0)
			break;
	}
	bh_shutdown(c->io, BH_HALF_WRITE);
	BH_ASYNC_END();
}

TEST(poll_tasks_connect_and_send)
{
	enum {
		LEN = 8 << 20
	};
	struct client c = { .file = file_of(LEN) };
	struct bh_result res;
	struct pair p;
	char buf[8];
	bh_task t;

	CHECK(bh_listen(&p.listener, "127.0.0.1:0") == 0);
	CHECK(bh_local_address(p.listener, c.address, sizeof(c.address)) > 0);
	CHECK(bh_spawn_poll(&t, client, &c, sizeof(c), NULL) == 0);
	CHECK(bh_accept(p.listener, &p.b, SOON) == 0);
	CHECK(bh_read_exact(p.b, buf, 6, SOON) == 6 && !memcmp(buf, "hello!", 6));
	CHECK(bh_join(t, &res, bh_after(BH_MS(10))) == -BH_ETIMEDOUT);
	CHECK(bh_write(p.b, "answer", 6, SOON) == 6);
	bh_task reader = spawn_reader(&p, LEN);
	CHECK(bh_join(t, &res, SOON) == 0 && res.end == BH_END_RETURNED && res.value == 0);
	CHECK(bh_join(reader, &res, SOON) == 0 && res.end == BH_END_RETURNED);
	CHECK(bh_close(p.listener) == 0 && close(c.file) == 0);
	int before = sockets();
	CHECK(bh_spawn_poll(&t, client, &c, sizeof(c), NULL) == 0);
	CHECK(bh_join(t, &res, SOON) == 0 && res.value == -ECONNREFUSED);
	CHECK(sockets() == before);
}

TEST(a_poll_task_that_connects_is_aborted)
{
	struct client c = { .file = -1 };
	bh_io clients[8];
	int n, before = sockets(), fd = deaf_listener(c.address, clients, &n);
	struct bh_result res;
	bh_task t;

	CHECK(bh_spawn_poll(&t, client, &c, sizeof(c), NULL) == 0);
	CHECK(bh_join(t, &res, bh_after(BH_MS(20))) == -BH_ETIMEDOUT);
	CHECK(sockets() == before + n + 2);
	CHECK(bh_abort(t) == 0 && bh_join(t, &res, SOON) == 0 && res.end == BH_END_CANCELED);
	CHECK(sockets() == before + n + 1);
	close(fd);
	while (n)
		CHECK(bh_close(clients[--n]) == 0);
}

/* -- abort -------------------------------------------------------------------------------------------- */

struct victim {
	_Atomic int begun;
	_Atomic int64_t said;
	bh_io io;
	int file;
	off_t offset;
	char address[BH_ADDRESS_MAX];
	int64_t (*call)(struct victim *v);
};

static int64_t run_victim(void *arg)
{
	struct victim *v = *(struct victim **)arg;

	v->begun = 1;
	int64_t rc = v->call(v);
	v->said = rc;
	return 0;
}

static int64_t call_connect(struct victim *v)
{
	bh_io io;

	return bh_connect(&io, v->address, BH_FOREVER);
}

static int64_t call_readv(struct victim *v)
{
	char c;

	return bh_readv(v->io, &(struct iovec){ &c, 1 }, 1, BH_FOREVER);
}

static int64_t call_read_exact(struct victim *v)
{
	char buf[10];

	return bh_read_exact(v->io, buf, 10, BH_FOREVER);
}

static int64_t call_writev(struct victim *v)
{
	static char big[1 << 20];
	struct iovec iov[] = { { big, sizeof(big) }, { big, sizeof(big) } };
	ssize_t n;

	do
		n = bh_writev(v->io, iov, 2, BH_FOREVER);
	while (n > 0);
	return n;
}

static int64_t call_sendfile(struct victim *v)
{
	return bh_sendfile(v->io, v->file, &v->offset, 16 << 20, BH_FOREVER);
}

static int64_t call_writable(struct victim *v)
{
	ssize_t n = bh_sendfile(v->io, v->file, &v->offset, 16 << 20, bh_after(BH_MS(5)));

	return n == -BH_ETIMEDOUT ? bh_writable(v->io, BH_FOREVER) : n;
}

TEST(an_abort_ends_every_call_that_waits)
{
	static int64_t (*const calls[])(struct victim *) = { call_connect,    call_readv,
							     call_read_exact, call_writev,
							     call_sendfile,   call_writable };
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	struct victim *v = bh_calloc(1, sizeof(*v));
	bh_io clients[8];
	int n, fd = deaf_listener(v->address, clients, &n), before = sockets();
	struct bh_result res;
	struct pair p;
	bh_task t;

	v->file = file_of(16 << 20);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		open_pair(&p, "127.0.0.1:0");
		v->call = calls[i];
		v->io = opts.give = p.a;
		v->begun = 0;
		v->offset = 0;
		v->said = 1000;
		CHECK(bh_spawn(&t, run_victim, &v, sizeof(v), &opts) == 0);
		EVENTUALLY(v->begun);
		CHECK(bh_join(t, NULL, bh_after(BH_MS(30))) == -BH_ETIMEDOUT && v->said == 1000);
		CHECK(bh_abort(t) == 0 && bh_join(t, &res, BH_FOREVER) == 0);
		CHECK(res.end == BH_END_CANCELED && v->said == -BH_ECANCELED);
		CHECK(bh_close(p.b) == 0 && bh_close(p.listener) == 0);
		CHECK(sockets() == before);
	}
	close(v->file);
	close(fd);
	while (n)
		CHECK(bh_close(clients[--n]) == 0);
}

RUNTIME_MAIN("net")
