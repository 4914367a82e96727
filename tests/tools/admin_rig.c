/* SPDX-License-Identifier: MIT */
#include "admin_rig.h"

#include <check.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	WAIT_MS = 20000,
	TASKS = 500,
	IOS = 100,
};

static void *shared(const char *name, size_t bytes, int *fd)
{
	*fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_ge(*fd, 0);
	ck_assert_int_eq(ftruncate(*fd, (off_t)bytes), 0);
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	return p;
}

static int64_t clock_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static void make_plan(struct rig *r)
{
	struct bh_plan *p = shared("plan", sizeof(*p), &r->plan_fd);
	struct bh_plan_service *s = &p->services[0];

	r->plan = p;
	p->magic = BH_PLAN_MAGIC;
	p->format = bh_format;
	p->bytes = sizeof(*p);
	p->n_services = 1;
	strcpy(s->name, "demo");
	s->workers = 2;
	s->max_tasks = TASKS;
	s->max_io = IOS;
	s->max_memory = 1 << 20;
}

static void make_board(struct rig *r)
{
	struct bh_board *b = shared("board", sizeof(*b), &r->board_fd);
	struct bh_board_crash *c = &b->crash[1];

	r->board = b;
	b->magic = BH_BOARD_MAGIC;
	b->format = bh_format;
	b->bytes = sizeof(*b);
	strcpy(b->version, "test");
	b->guardian_pid = b->kernel_pid = getpid();
	b->system_state = BH_SYSTEM_RUNNING;
	b->started_ns = clock_of(CLOCK_MONOTONIC);
	snprintf(b->admin_url, sizeof(b->admin_url), "ipc://%s", r->path);
	b->n_services = 1;
	strcpy(b->services[0].name, "demo");
	b->services[0].workers = b->services[0].workers_wanted = 2;
	b->services[0].state = BH_PROC_UP;
	c->seq = 2;
	c->id = 1;
	c->kind = BH_PROC_WORKER;
	c->wall_ns = clock_of(CLOCK_REALTIME);
	c->signal = SIGSEGV;
	strcpy(c->task_name, "wild \033[1m task");
	b->crashes = 1;
}

void rig_make(struct rig *r)
{
	struct bh_layout l;

	memset(r, 0, sizeof(*r));
	r->ctl = -1;
	strcpy(r->dir, "/tmp/bh-admin.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(r->dir));
	snprintf(r->path, sizeof(r->path), "%s/admin.sock", r->dir);
	snprintf(r->log, sizeof(r->log), "%s/log", r->dir);
	make_plan(r);
	make_board(r);
	bh_layout_from_plan(&l, &r->plan->services[0]);
	r->arena_fd = bh_arena_create(&l, "demo", clock_of(CLOCK_MONOTONIC));
	ck_assert_int_ge(r->arena_fd, 0);
	ck_assert_int_eq(bh_view_map(&r->arena, &l, r->arena_fd, NULL, true), 0);
}

static int read_only(int fd)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void become_admind(const struct rig *r, int ctl)
{
	int log = open(r->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	int fds[] = { read_only(r->plan_fd), ctl, read_only(r->board_fd) };

	for (int i = 0; i < 3; i++)
		fds[i] = fcntl(fds[i], F_DUPFD, 100);
	dup2(log, STDERR_FILENO);
	for (int i = 0; i < 3; i++)
		dup2(fds[i], 3 + i);
	syscall(SYS_close_range, 6u, ~0u, 0u);
	execl(BH_ADMIND, "bulkhead-admind", (char *)NULL);
	_exit(127);
}

static void send_arena(struct rig *r)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = { .bytes = { 0 } };
	struct bh_ctl m = { .op = BH_CTL_ARENA, .arena.seq = 1 };
	struct iovec iov = { .iov_base = &m, .iov_len = sizeof(m) };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &room,
			    .msg_controllen = sizeof(room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	int fd = read_only(r->arena_fd);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	ck_assert_int_eq(sendmsg(r->ctl, &h, 0), sizeof(m));
	close(fd);
}

void rig_start(struct rig *r)
{
	struct bh_ctl m;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	r->pid = fork();
	ck_assert_int_ge(r->pid, 0);
	if (!r->pid)
		become_admind(r, pair[1]);
	close(pair[1]);
	r->ctl = pair[0];
	rig_hear(r, &m);
	ck_assert_uint_eq(m.op, BH_CTL_HELLO);
	send_arena(r);
}

void rig_hear(struct rig *r, struct bh_ctl *m)
{
	struct pollfd p = { .fd = r->ctl, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
	ck_assert_int_eq(recv(r->ctl, m, sizeof(*m), 0), sizeof(*m));
}

int rig_stop(struct rig *r)
{
	int status = -1;

	close(r->ctl);
	r->ctl = -1;
	ck_assert_int_eq(waitpid(r->pid, &status, 0), r->pid);
	r->pid = 0;
	return status;
}

void rig_remove(struct rig *r)
{
	unlink(r->path);
	unlink(r->log);
	rmdir(r->dir);
	bh_view_unmap(&r->arena);
	munmap(r->board, sizeof(*r->board));
	munmap(r->plan, sizeof(*r->plan));
	close(r->board_fd);
	close(r->plan_fd);
	close(r->arena_fd);
}

bool rig_alive(struct rig *r)
{
	return waitpid(r->pid, NULL, WNOHANG) == 0;
}

size_t rig_log_lines(const struct rig *r)
{
	FILE *f = fopen(r->log, "re");
	size_t n = 0;

	ck_assert_ptr_nonnull(f);
	for (int c = fgetc(f); c != EOF; c = fgetc(f))
		n += c == '\n';
	fclose(f);
	return n;
}

/* -- clients -------------------------------------------------------------------- */

int client_open(const struct rig *r)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = WAIT_MS / 1000 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	strcpy(a.sun_path, r->path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

bool client_send(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n) {
		ssize_t w = send(fd, at, n, MSG_NOSIGNAL);

		if (w <= 0) {
			ck_assert_msg(errno != EAGAIN, "admind does not read");
			return false;
		}
		at += w;
		n -= (size_t)w;
	}
	return true;
}

/* False: end of file, or reset. Silence fails the test. */
static bool receive(int fd, void *to, size_t n)
{
	char *at = to;

	while (n) {
		ssize_t got = recv(fd, at, n, 0);

		ck_assert_msg(got >= 0 || errno != EAGAIN, "admind does not answer");
		if (got <= 0)
			return false;
		at += got;
		n -= (size_t)got;
	}
	return true;
}

bool client_greet(int fd)
{
	static const unsigned char req[8] = { 0, 'S', 'P', 0, 0, 0x30, 0, 0 };
	static const unsigned char rep[8] = { 0, 'S', 'P', 0, 0, 0x31, 0, 0 };
	unsigned char got[8];

	if (!client_send(fd, req, sizeof(req)) || !receive(fd, got, sizeof(got)))
		return false;
	ck_assert_mem_eq(got, rep, sizeof(rep));
	return true;
}

bool client_frame(int fd, uint64_t length, const void *payload, size_t n)
{
	unsigned char head[9] = { 1 };

	length = htobe64(length);
	memcpy(head + 1, &length, sizeof(length));
	return client_send(fd, head, sizeof(head)) && client_send(fd, payload, n);
}

Bulkhead__Reply *client_reply(int fd)
{
	unsigned char head[9];
	uint64_t length;

	if (!receive(fd, head, sizeof(head)))
		return NULL;
	memcpy(&length, head + 1, sizeof(length));
	length = be64toh(length);
	ck_assert_uint_eq(head[0], 1);
	ck_assert_uint_ge(length, 4);
	ck_assert_uint_lt(length, 64 << 20);
	unsigned char *bytes = malloc(length);
	ck_assert_ptr_nonnull(bytes);
	ck_assert(receive(fd, bytes, length));
	Bulkhead__Reply *r = bulkhead__reply__unpack(NULL, length - 4, bytes + 4);
	free(bytes);
	ck_assert_ptr_nonnull(r);
	return r;
}

Bulkhead__Reply *client_ask_bytes(const struct rig *r, const void *bytes, size_t n)
{
	unsigned char *payload = malloc(n + 4);
	int fd = client_open(r);

	ck_assert_ptr_nonnull(payload);
	memcpy(payload, "\x80\0\0\1", 4);
	if (n)
		memcpy(payload + 4, bytes, n);
	ck_assert(client_greet(fd));
	ck_assert(client_frame(fd, n + 4, payload, n + 4));
	Bulkhead__Reply *reply = client_reply(fd);
	close(fd);
	free(payload);
	return reply;
}

Bulkhead__Reply *client_ask(const struct rig *r, const Bulkhead__Request *q)
{
	unsigned char bytes[1024];

	ck_assert_uint_le(bulkhead__request__get_packed_size(q), sizeof(bytes));
	return client_ask_bytes(r, bytes, bulkhead__request__pack(q, bytes));
}

void client_expect_status(const struct rig *r)
{
	Bulkhead__StatusRequest s = BULKHEAD__STATUS_REQUEST__INIT;
	Bulkhead__Request q = BULKHEAD__REQUEST__INIT;

	q.verb_case = BULKHEAD__REQUEST__VERB_STATUS;
	q.status = &s;
	Bulkhead__Reply *reply = client_ask(r, &q);
	ck_assert_ptr_nonnull(reply);
	ck_assert_ptr_null(reply->error);
	ck_assert_int_eq(reply->answer_case, BULKHEAD__REPLY__ANSWER_STATUS);
	ck_assert_uint_eq(reply->status->n_services, 1);
	ck_assert_str_eq(reply->status->services[0]->name, "demo");
	bulkhead__reply__free_unpacked(reply, NULL);
}
