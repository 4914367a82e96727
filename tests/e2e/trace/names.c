/* SPDX-License-Identifier: MIT */
/* names.c: tasks without names, whose functions are static, crash; prints what each was
 * called: by the call that spawned it. */
#include <bulkhead/bulkhead.h>
#include <stdio.h>
#include <stdlib.h>

#define CRASHES(id)                \
	static int64_t id(void *u) \
	{                          \
		(void)u;           \
		abort();           \
	}

CRASHES(parse_head)
CRASHES(send_body)
CRASHES(read_disk)
CRASHES(fetch_part)
CRASHES(keep_cache)
CRASHES(warm_up)
CRASHES(greet)

static enum bh_poll tick(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	abort();
}

static void say(const char *call, const struct bh_result *res)
{
	printf("%s: %s\n", call, res->end == BH_END_CRASHED ? res->crash.task_name : "-");
	fflush(stdout);
}

static void end_of(const char *call, int err, bh_task task)
{
	struct bh_result res = { .end = BH_END_RETURNED };

	if (err || bh_join(task, &res, bh_after(BH_S(20))))
		printf("%s: cannot be spawned or joined\n", call);
	say(call, &res);
}

static int64_t spawn_all(void *unused)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	bh_fiber_fn chosen = send_body;
	struct bh_result res = { .end = BH_END_RETURNED };
	struct bh_scope *s;
	bh_task t;
	int err;

	(void)unused;
	err = bh_spawn(&t, parse_head, NULL, 0, NULL);
	end_of("spawn", err, t);
	err = bh_spawn(&t, chosen, NULL, 0, &opts);
	end_of("variable", err, t);
	err = bh_spawn_poll(&t, &tick, NULL, 0, NULL);
	end_of("poll", err, t);
	err = bh_spawn_on(0, &t, keep_cache, NULL, 0, NULL);
	end_of("on", err, t);
	err = bh_spawn_blocking(&t, read_disk, NULL, 0, NULL);
	end_of("blocking", err, t);
	if (bh_scope_open(&s) == 0) {
		if (bh_scope_spawn(s, fetch_part, NULL, 0, NULL) == 0 &&
		    bh_scope_next(s, NULL, &res, bh_after(BH_S(20))) == 0)
			say("scope", &res);
		bh_scope_close(s);
	}
	opts.name = "a.name";
	err = bh_spawn(&t, warm_up, NULL, 0, &opts);
	end_of("named", err, t);
	return bh_serve(0, greet, NULL);
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "names",
	.main = spawn_all,
};
