/* SPDX-License-Identifier: MIT */
/*
 * waits.c: a service whose tasks wait, each for something else, in functions whose
 * names the test knows. Compiled without frame pointers: a module need not have them.
 */
#include <string.h>
#include <unistd.h>

#include <bulkhead/bulkhead.h>

enum {
	SLEEPERS = 12
};

#ifdef __clang__
#define NEVER_INLINE __attribute__((noinline))
#else
#define NEVER_INLINE __attribute__((noinline, noclone))
#endif

/* What a compiler may not drop: the frame stays, and the call is no tail call. */
#define KEEP(value) __asm__ volatile("" : "+r"(value))

NEVER_INLINE static int64_t waits_inner(int64_t ns)
{
	int64_t err = bh_sleep(ns);

	KEEP(err);
	return err;
}

NEVER_INLINE static int64_t waits_middle(int64_t ns)
{
	char room[200];
	int64_t err;

	memset(room, (int)ns, sizeof(room));
	__asm__ volatile("" : : "r"(room) : "memory");
	err = waits_inner(ns);
	KEEP(err);
	return err;
}

NEVER_INLINE static int64_t waits_outer(int64_t ns)
{
	int64_t err = waits_middle(ns);

	KEEP(err);
	return err;
}

static int64_t sleeper(void *arg)
{
	(void)arg;
	int64_t err = waits_outer(BH_S(3600));

	KEEP(err);
	return err;
}

static int64_t joiner(void *arg)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	struct bh_result r;
	bh_task child;

	(void)arg;
	o.name = "waits.joined";
	if (bh_spawn(&child, sleeper, NULL, 0, &o))
		return 1;
	return bh_join(child, &r, BH_FOREVER);
}

static int64_t accepter(void *arg)
{
	bh_io listener, io;

	(void)arg;
	/* Not at the configured address: that would be the reader's socket, too. */
	if (bh_listen(&listener, "127.0.0.2:0"))
		return 1;
	/* Whoever looks for a server that had this port before is let go. */
	while (!bh_accept(listener, &io, BH_FOREVER))
		if (bh_close(io))
			return 1;
	return 0;
}

/* Serves a client that sends nothing: it waits to read. */
static int64_t reader(void *arg)
{
	bh_io listener, io;
	char byte[64];

	(void)arg;
	if (bh_listen(&listener, NULL) || bh_accept(listener, &io, BH_FOREVER))
		return 1;
	while (bh_read(io, byte, sizeof(byte), BH_FOREVER) > 0)
		;
	return 0;
}

/* Runs, as far as the runtime knows. */
static int64_t blocker(void *arg)
{
	(void)arg;
	while (sleep(3600))
		;
	return 0;
}

static enum bh_poll idler(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	return BH_PENDING;
}

static int64_t waits_main(void *unused)
{
	static const struct {
		const char *name;
		bh_fiber_fn fn;
	} fibers[] = { { "waits.joiner", joiner },
		       { "waits.accepter", accepter },
		       { "waits.reader", reader },
		       { "waits.blocker", blocker } };
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	int err = 0;

	(void)unused;
	o.name = "waits.sleeper";
	for (int i = 0; i < SLEEPERS && !err; i++)
		err = bh_spawn(NULL, sleeper, NULL, 0, &o);
	for (size_t i = 0; i < sizeof(fibers) / sizeof(fibers[0]) && !err; i++) {
		o.name = fibers[i].name;
		err = bh_spawn(NULL, fibers[i].fn, NULL, 0, &o);
	}
	o.name = "waits.idler";
	if (!err)
		err = bh_spawn_poll(NULL, idler, NULL, 0, &o);
	return err ? err : bh_suspend(BH_FOREVER);
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "waits",
	.main = waits_main,
};
