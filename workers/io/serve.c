/* SPDX-License-Identifier: MIT */
/*
 * serve.c: accepting connections until the service stops, a task for each.
 *
 * When something is short, the connection in hand waits, and those behind it in the
 * socket's own queue, until there is room: a pause, and idle connections make some. So a
 * burst, or a limit that is too low, costs time and ends nothing.
 */
#include <errno.h>
#include <string.h>

#include "workers/base/rt.h"
#include "workers/base/types.h"
#include "workers/task/room.h"

/* What each task gets: its function, and an argument that begins with the connection. */
struct server {
	bh_fiber_fn fiber;
	bh_poll_fn poll; /* if not NULL */
	size_t size;
	struct bh_spawn_opts opts;
};

/* Errors: as bh_sleep(). */
static int wait_for_room(enum bh_short what, bool first)
{
	if (first)
		bh_add(&bh_rt.v.a->shortage.waited[what], 1);
	return bh_sleep(bh_room_make() ? BH_MS(1) : BH_MS(10));
}

static int accept_one(bh_io listener, bh_io *out)
{
	enum bh_short what;
	int err;

	for (bool first = true;; first = false) {
		err = bh_accept(listener, out, BH_FOREVER);
		what = bh_room_short_accept(err);
		if (what == BH_SHORTS || (err = wait_for_room(what, first)))
			return err;
	}
}

static int spawn_one(const struct server *s, void *arg)
{
	enum bh_short what;
	int err;

	for (bool first = true;; first = false) {
		err = s->poll ? bh_spawn_poll(NULL, s->poll, arg, s->size, &s->opts) :
				bh_spawn(NULL, s->fiber, arg, s->size, &s->opts);
		what = bh_room_short_spawn(err);
		if (what == BH_SHORTS || bh_stopping() || (err = wait_for_room(what, first)))
			return err;
	}
}

static int serve_with(struct server *s, bh_io listener, void *arg)
{
	int err;

	while (!(err = accept_one(listener, &s->opts.give))) {
		memcpy(arg, &s->opts.give, sizeof(bh_io));
		err = spawn_one(s, arg);
		if (!err)
			continue;
		bh_close(s->opts.give);
		if (err == -BH_EQUARANTINED)
			bh_add(&bh_rt.v.a->shortage.turned_away, 1);
		else if (!bh_stopping())
			break;
	}
	return err == -BH_ESTOPPING ? 0 : err;
}

static int serve_one(struct server *s, bh_io listener)
{
	void *arg = bh_calloc(1, s->size);
	int err = arg ? serve_with(s, listener, arg) : -ENOMEM;

	bh_free(arg);
	return err;
}

static int serve(struct server *s, bh_io listener, const struct bh_spawn_opts *opts)
{
	s->opts = opts ? *opts : (struct bh_spawn_opts)BH_SPAWN_OPTS_INIT;
	if (s->opts.size != sizeof(s->opts) || s->size < sizeof(bh_io) || !(s->fiber || s->poll))
		return -EINVAL;
	/* Its type has its name now: later spawns know no call of the user's (task.h). */
	if (bh_rt.task)
		bh_type_of((uint64_t)(s->fiber ? (uintptr_t)s->fiber : (uintptr_t)s->poll),
			   s->opts.name);
	int err = listener ? 0 : bh_listen(&listener, NULL);
	return err ? err : serve_one(s, listener);
}

int bh_serve(bh_io listener, bh_fiber_fn fn, const struct bh_spawn_opts *opts)
{
	return serve(&(struct server){ .fiber = fn, .size = sizeof(bh_io) }, listener, opts);
}

int bh_serve_poll(bh_io listener, bh_poll_fn fn, size_t size, const struct bh_spawn_opts *opts)
{
	return serve(&(struct server){ .poll = fn, .size = size }, listener, opts);
}
