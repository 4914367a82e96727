/* SPDX-License-Identifier: MIT */
/*
 * resolve.c: asking the system's resolver, by a job.
 *
 * The resolver opens sockets of its own, unseen, and the job may be killed in the middle of
 * it. So it runs in a child of the job, with the job's private memory and a table of
 * descriptors of its own, while the job stands still (as vfork() has it); the child dies with
 * the job, and its descriptors with it. It has none of the service's: peers of connections
 * that are closed meanwhile must see that.
 */
#include "ipc/base/address.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/base/close_from.h"
#include "workers/base/rt.h"
#include "workers/task/join.h"
#include "workers/wait/coop.h"

enum {
	HOST_MAX = 254,
	TEXT_MAX = HOST_MAX + 8,
	STACK = 1 << 20,
	MOST = 64 /* addresses of one name */
};

/* -- in a child of the job ------------------------------------------------------------- */

struct query {
	char host[HOST_MAX + 1], port[6];
	pid_t asker;
	struct addrinfo *found; /* malloc memory of the job's process */
	int rc, error;
};

static int ask(void *arg)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGSYS, SIGTRAP };
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV };
	struct query *q = arg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != q->asker)
		_exit(0);
	/* What the handlers would write is about the job. */
	for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
		signal(fatal[i], SIG_DFL);
	bh_close_from(STDERR_FILENO + 1);
	q->rc = getaddrinfo(q->host, q->port, &hints, &q->found);
	q->error = errno;
	_exit(0);
}

static int error_of(const struct query *q)
{
	switch (q->rc) {
	case 0:
		return 0;
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return -ENOENT;
	case EAI_AGAIN:
		return -EHOSTDOWN;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SYSTEM:
		return q->error > 0 ? -q->error : -EIO;
	default:
		return -EPROTO;
	}
}

static int run(struct query *q)
{
	int status = 0;
	pid_t pid;
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

	if (stack == MAP_FAILED)
		return -ENOMEM;
	q->asker = getpid();
	pid = clone(ask, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, q);
	int err = pid < 0 ? -errno : 0;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	munmap(stack, STACK);
	if (WIFSIGNALED(status)) {
		/* It had this process's memory: a crash of the job, then. */
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
		_exit(1);
	}
	return err ? err : error_of(q);
}

/* -- what it found -------------------------------------------------------------------------- */

/* The one after @a, at @from, of family @family, or of another one; NULL: none. */
static const struct addrinfo *next(const struct addrinfo *a, int family, bool same)
{
	while (a && (a->ai_family == family) != same)
		a = a->ai_next;
	return a;
}

static bool write_text(const struct addrinfo *a, char *text)
{
	struct bh_address address = { .len = a->ai_addrlen };

	if (a->ai_addrlen > sizeof(address.ss))
		return false;
	memcpy(&address.ss, a->ai_addr, a->ai_addrlen);
	return bh_address_text(&address, text, BH_ADDRESS_MAX) > 0;
}

/* Families in turn, each in the order in which it was given. Returns how many. */
static size_t order(const struct addrinfo *found, char (*to)[BH_ADDRESS_MAX])
{
	int family = found ? found->ai_family : 0;
	const struct addrinfo *at[2] = { next(found, family, true), next(found, family, false) };
	size_t n = 0;

	for (int turn = 0; n < MOST && (at[0] || at[1]); turn ^= 1) {
		const struct addrinfo *a = at[turn];

		if (!a)
			continue;
		n += write_text(a, to[n]);
		at[turn] = next(a->ai_next, family, turn == 0);
	}
	return n;
}

/* Asks, here and now; @room gives memory for the answer. */
static int look_up(struct query *q, int (*room)(size_t len, void **out), struct bh_addresses **out)
{
	static char found[MOST][BH_ADDRESS_MAX];
	void *at;
	int err = run(q);

	if (err)
		return err;
	size_t n = order(q->found, found);
	freeaddrinfo(q->found);
	if (!n)
		return -ENOENT;
	err = room(sizeof(**out) + n * BH_ADDRESS_MAX, &at);
	if (err)
		return err;
	*out = at;
	(*out)->count = n;
	memcpy((*out)->address, found, n * BH_ADDRESS_MAX);
	return 0;
}

/* -- the text that is asked for ---------------------------------------------------------------- */

static int own_room(size_t len, void **out)
{
	*out = bh_alloc(len);
	return *out ? 0 : -ENOMEM;
}

/* Letters, digits, - and _, with dots between; not digits and dots alone. */
static bool is_name(const char *host, size_t n)
{
	bool letter = false;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)host[i];

		if (c >= 0x80 || (!isalnum(c) && c != '-' && c != '_' && c != '.'))
			return false;
		letter |= !isdigit(c) && c != '.';
	}
	return letter && host[0] != '.';
}

static int split(const char *address, struct query *q)
{
	const char *colon = strrchr(address, ':');
	size_t n = colon ? (size_t)(colon - address) : 0;
	char *end;

	if (!n || n > HOST_MAX || !is_name(address, n) || !isdigit((unsigned char)colon[1]))
		return -EINVAL;
	unsigned long port = strtoul(colon + 1, &end, 10);
	if (*end || port > 65535 || end - colon > 6)
		return -EINVAL;
	*q = (struct query){ .rc = 0 };
	memcpy(q->host, address, n);
	memcpy(q->port, colon + 1, (size_t)(end - colon - 1));
	return 0;
}

/* An address in numbers is its own answer: 1. 0: @q is to be asked. */
static int begin(const char *address, struct query *q, struct bh_addresses **out)
{
	struct bh_address a;
	void *at;
	int err;

	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	if (!address)
		return -EINVAL;
	if (bh_address_parse(address, &a) || strlen(address) >= BH_ADDRESS_MAX)
		return split(address, q);
	err = own_room(sizeof(**out) + BH_ADDRESS_MAX, &at);
	if (err)
		return err;
	*out = at;
	(*out)->count = 1;
	strcpy((*out)->address[0], address);
	return 1;
}

/* -- by a job -------------------------------------------------------------------------------------- */

static int64_t resolve_job(void *arg)
{
	struct bh_addresses *list;
	struct query q = *(struct query *)arg; /* out of the arena: the child writes there */

	return look_up(&q, bh_reply_room, &list);
}

static int start(bh_task *job, const struct query *q)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;

	o.name = "resolve";
	return bh_spawn_blocking(job, resolve_job, q, sizeof(*q), &o);
}

static int answer(const struct bh_result *res, struct bh_addresses **out)
{
	int err = res->end == BH_END_RETURNED ? (int)res->value :
		  res->end == BH_END_CANCELED ? -BH_ECANCELED :
						-EIO;

	if (err)
		bh_free(res->data);
	else
		*out = res->data;
	return err;
}

int bh_resolve(const char *address, struct bh_addresses **out, int64_t deadline)
{
	struct bh_result res;
	struct query q;
	bh_task job;
	int err = begin(address, &q, out);

	if (err)
		return err < 0 ? err : 0;
	if (bh_rt.task->kind == BH_KIND_BLOCKING)
		return look_up(&q, own_room, out);
	if (bh_rt.task->kind != BH_KIND_FIBER)
		return -EDEADLK;
	err = deadline == BH_NOWAIT ? -BH_ETIMEDOUT : bh_coop();
	if (!err)
		err = start(&job, &q);
	if (err)
		return err;
	err = bh_join(job, &res, deadline);
	if (!err)
		return answer(&res, out);
	bh_abort(job);
	bh_detach(job);
	return err;
}

int bh_poll_resolve(struct bh_cx *cx, struct bh_resolve_op *op, const char *address,
		    struct bh_addresses **out)
{
	struct bh_result res;
	struct query q;
	int err = bh_coop_poll(cx);

	if (err)
		return err;
	if (!op->job) {
		err = begin(address, &q, out);
		if (err)
			return err < 0 ? err : 0;
		err = start(&op->job, &q);
		if (err)
			return err;
	}
	err = bh_poll_join(cx, op->job, &res);
	if (err == -EAGAIN)
		return err;
	op->job = 0;
	return err ? err : answer(&res, out);
}
