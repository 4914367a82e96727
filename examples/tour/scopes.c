/* SPDX-License-Identifier: MIT */
/* scopes.c: cancel.h: children that are waited for together. */
#include "tour.h"

#include <errno.h>

static int64_t sleep_ms(void *arg)
{
	int ms = *(int *)arg;

	return bh_sleep(BH_MS(ms)) ? -1 : ms;
}

static enum bh_poll one(struct bh_cx *cx, void *state)
{
	(void)state;
	bh_poll_result(cx, 1);
	return BH_READY;
}

struct sum {
	struct bh_scope *scope;
	int64_t sum;
};

/* A scope in a poll task. */
static enum bh_poll sum_up(struct bh_cx *cx, void *state)
{
	struct sum *s = state;
	struct bh_result res;
	int err;

	if (!s->scope) {
		MUST(bh_scope_open(&s->scope));
		for (int ms = 1; ms <= 3; ms++)
			MUST(bh_scope_spawn(s->scope, sleep_ms, &ms, sizeof(ms), NULL));
	}
	while ((err = bh_poll_scope_next(cx, s->scope, NULL, &res)) == 0)
		s->sum += res.value;
	if (err == -EAGAIN)
		return BH_PENDING;
	bh_scope_close(s->scope);
	bh_poll_result(cx, s->sum);
	return BH_READY;
}

void tour_scopes(void)
{
	int fast = 1, slow = 3600000;
	struct sum sum = { 0 };
	struct bh_result res;
	struct bh_scope *s;
	bh_task t;

	/* The first one wins, the others are ended. */
	MUST(bh_scope_open(&s));
	MUST(bh_scope_spawn(s, sleep_ms, &slow, sizeof(slow), NULL));
	MUST(bh_scope_spawn(s, sleep_ms, &fast, sizeof(fast), NULL));
	MUST(bh_scope_next(s, NULL, &res, BH_FOREVER));
	say("the first: %d ms; %zu left", (int)res.value, bh_scope_count(s));
	bh_scope_abort(s);
	say("not returned: %d", bh_scope_wait(s, BH_FOREVER));

	/* A child that was spawned by other means. */
	MUST(bh_spawn_poll(&t, one, NULL, 0, NULL));
	MUST(bh_scope_add(s, t));
	MUST(bh_scope_next(s, &t, &res, BH_FOREVER));
	say("added: %d", (int)res.value);
	bh_scope_close(s);

	MUST(bh_spawn_poll(&t, sum_up, &sum, sizeof(sum), NULL));
	MUST(bh_join(t, &res, BH_FOREVER));
	say("in a poll task: %d", (int)res.value);
}
