/* SPDX-License-Identifier: MIT */
/*
 * needy.c: a service that takes all there is of something when it is told to.
 *
 * One line in, one line out, as often as the peer likes; what a request took is
 * given back when its connection ends.
 *
 *   ping            pong
 *   fds             opens files until there are no more: "fds N why"
 *   alloc           bh_alloc() until NULL: "alloc N"
 *   spawn           tasks that sleep, until one is refused: "spawn N why"
 *   listen          sockets, until one is refused: "listen N why"
 *   crash           a task that crashes: "crash signal N"
 *   oom             a task that takes memory until it is killed: "oom signal N"
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bulkhead/bulkhead.h>

enum {
	FDS = 4096,
	ALLOC = 16 << 10,
	OOM_STEP = 1 << 20,
};

struct connection {
	bh_io peer;
	int *fds, n_fds; /* in the task's memory: another worker may end it */
	char out[160];
};

static int64_t sleeper(void *unused)
{
	(void)unused;
	return bh_sleep(BH_S(3600));
}

static int64_t crasher(void *unused)
{
	volatile int *volatile nowhere = NULL;

	(void)unused;
	*nowhere = 1;
	return 0;
}

static int64_t glutton(void *unused)
{
	(void)unused;
	for (;;) {
		char *p = malloc(OOM_STEP);

		if (!p)
			return -ENOMEM;
		memset(p, 1, OOM_STEP);
		__asm__ volatile("" : : "r"(p) : "memory");
	}
}

static void take_fds(struct connection *c)
{
	int fd, err = 0;

	if (!c->fds)
		c->fds = bh_calloc(FDS, sizeof(*c->fds));
	while (c->fds && c->n_fds < FDS) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		err = errno;
		if (fd < 0)
			break;
		c->fds[c->n_fds++] = fd;
	}
	snprintf(c->out, sizeof(c->out), "fds %d %s\n", c->n_fds, strerrorname_np(err));
}

static void take_memory(struct connection *c)
{
	int n = 0;

	while (bh_alloc(ALLOC))
		n++;
	snprintf(c->out, sizeof(c->out), "alloc %d\n", n);
}

static void take_tasks(struct connection *c)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = "needy.sleeper" };
	int n = 0, err;
	bh_task t;

	while (!(err = bh_spawn(&t, sleeper, NULL, 0, &opts)))
		n++;
	snprintf(c->out, sizeof(c->out), "spawn %d %s\n", n, bh_strerror(err));
}

static void take_sockets(struct connection *c)
{
	int n = 0, err;
	bh_io io;

	while (!(err = bh_listen(&io, "127.0.0.1:0")))
		n++;
	snprintf(c->out, sizeof(c->out), "listen %d %s\n", n, bh_strerror(err));
}

static void lose_task(struct connection *c, const char *what, bh_fiber_fn fn, const char *name)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = name };
	struct bh_result res;
	bh_task t;
	int err = bh_spawn(&t, fn, NULL, 0, &opts);

	if (!err)
		err = bh_join(t, &res, BH_FOREVER);
	if (err)
		snprintf(c->out, sizeof(c->out), "%s %s\n", what, bh_strerror(err));
	else
		snprintf(c->out, sizeof(c->out), "%s signal %d\n", what,
			 res.end == BH_END_CRASHED ? res.crash.signal : 0);
}

static void answer(struct connection *c, const char *line)
{
	snprintf(c->out, sizeof(c->out), "what?\n");
	if (!strcmp(line, "ping"))
		snprintf(c->out, sizeof(c->out), "pong\n");
	else if (!strcmp(line, "fds"))
		take_fds(c);
	else if (!strcmp(line, "alloc"))
		take_memory(c);
	else if (!strcmp(line, "spawn"))
		take_tasks(c);
	else if (!strcmp(line, "listen"))
		take_sockets(c);
	else if (!strcmp(line, "crash"))
		lose_task(c, line, crasher, "needy.crash");
	else if (!strcmp(line, "oom"))
		lose_task(c, line, glutton, "needy.oom");
}

/* A line at a time: the peer waits for the answer before it sends the next. */
static int64_t connection(void *arg)
{
	struct connection c = { .peer = *(bh_io *)arg };
	char line[64];
	ssize_t n;

	while ((n = bh_read(c.peer, line, sizeof(line) - 1, BH_FOREVER)) > 0) {
		line[n] = '\0';
		line[strcspn(line, "\r\n")] = '\0';
		answer(&c, line);
		if (bh_write(c.peer, c.out, strlen(c.out), BH_FOREVER) < 0)
			break;
	}
	while (c.n_fds)
		close(c.fds[--c.n_fds]);
	return 0;
}

static int64_t needy_main(void *unused)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = "needy.connection" };
	bh_io listener;
	int err = bh_listen(&listener, NULL);

	(void)unused;
	while (err == 0) {
		err = bh_accept(listener, &opts.give, BH_FOREVER);
		if (err == -EMFILE || err == -ENFILE || err == -BH_ENOSLOT)
			err = bh_sleep(BH_MS(10));
		else if (err == 0 && bh_spawn(NULL, connection, &opts.give, sizeof(bh_io), &opts))
			(void)bh_close(opts.give);
	}
	return err == -BH_ESTOPPING ? 0 : err;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "needy",
	.main = needy_main,
};
