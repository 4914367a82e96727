/* SPDX-License-Identifier: MIT */
/* polls.c: task.h and async.h: tasks without a stack. */
#include "tour.h"

/* By hand: called again and again; says how far it is by its state. */
struct countdown {
	int left;
	int64_t at;
};

static enum bh_poll countdown(struct bh_cx *cx, void *state)
{
	struct countdown *c = state;

	if (c->left > 2) {
		c->left--;
		bh_poll_again(cx); /* soon, but after those who wait */
		return BH_PENDING;
	}
	if (!c->at)
		c->at = bh_after(BH_MS(2));
	if (c->left > 1) {
		if (bh_now() < c->at) {
			bh_poll_at(cx, c->at);
			return BH_PENDING;
		}
		c->left--;
	}
	if (bh_poll_sleep_until(cx, c->at + BH_MS(1)) < 0)
		return BH_PENDING;
	bh_poll_result(cx, c->left);
	return BH_READY;
}

/* As straight code, with a child that it joins. */
struct parent {
	struct bh_async async;
	bh_task child;
	struct bh_result res;
	int i, err;
};

static int64_t square(void *arg)
{
	return *(int *)arg * *(int *)arg;
}

static enum bh_poll parent(struct bh_cx *cx, void *state)
{
	struct parent *p = state;

	BH_ASYNC_BEGIN(cx, &p->async);
	for (p->i = 2; p->i < 5; p->i++) {
		MUST(bh_spawn(&p->child, square, &p->i, sizeof(p->i), NULL));
		BH_AWAIT(p->err, bh_poll_join(cx, p->child, &p->res));
		say("%d squared is %d", p->i, (int)p->res.value);
		BH_AWAIT_SLEEP(BH_MS(1));
		BH_AWAIT_YIELD();
	}
	BH_ASYNC_RETURN(p->i);
	BH_ASYNC_END();
}

void tour_polls(void)
{
	struct countdown c = { .left = 5 };
	struct parent p = { 0 };
	struct bh_result res;
	bh_task t;

	MUST(bh_spawn_poll(&t, countdown, &c, sizeof(c), NULL));
	MUST(bh_join(t, &res, BH_FOREVER));
	say("counted down to %d", (int)res.value);

	MUST(bh_spawn_poll_on(0, &t, parent, &p, sizeof(p), NULL));
	MUST(bh_join(t, &res, BH_FOREVER));
	say("straight code came to %d", (int)res.value);
}
