/* SPDX-License-Identifier: MIT */
/* cancels.c: cancel.h: clean-ups and tokens. */
#include "tour.h"

static void goodbye(void *arg)
{
	say("clean-up: %s", (const char *)arg);
}

static int64_t careful(void *arg)
{
	_Atomic int *ready = *(_Atomic int **)arg;

	/* Constants may be named: what lies in this function's frame may not. */
	MUST(bh_defer(goodbye, (void *)(uintptr_t) "last"));
	MUST(bh_defer(goodbye, (void *)(uintptr_t) "first"));
	*ready = 1;
	return bh_suspend(BH_FOREVER);
}

static int64_t wait_for_token(void *arg)
{
	return bh_token_wait(*(bh_token *)arg, BH_FOREVER);
}

static int64_t sleep_an_hour(void *unused)
{
	(void)unused;
	return bh_sleep(BH_S(3600));
}

static int64_t run_under_token(void *arg)
{
	int64_t value;

	return bh_token_run(*(bh_token *)arg, sleep_an_hour, NULL, &value);
}

static enum bh_poll poll_token(struct bh_cx *cx, void *state)
{
	return bh_poll_token_wait(cx, *(bh_token *)state) == 0 ? BH_READY : BH_PENDING;
}

static void tokens(void)
{
	bh_token root, leaf;
	bh_task t[3];
	struct bh_result res;

	MUST(bh_token_open(&root, 0));
	MUST(bh_token_open(&leaf, root));
	MUST(bh_spawn(&t[0], wait_for_token, &leaf, sizeof(leaf), NULL));
	MUST(bh_spawn(&t[1], run_under_token, &leaf, sizeof(leaf), NULL));
	MUST(bh_spawn_poll(&t[2], poll_token, &leaf, sizeof(leaf), NULL));
	MUST(bh_sleep(BH_MS(2)));
	MUST(bh_token_cancel(root)); /* and what is below it */
	for (int i = 0; i < 3; i++) {
		MUST(bh_join(t[i], &res, BH_FOREVER));
		say("task %d stopped: %s", i, res.value ? bh_strerror((int)res.value) : "told");
	}
	say("canceled: %d", bh_token_canceled(leaf));
	MUST(bh_token_close(leaf));
	say("the service is to stop: %d", bh_token_canceled(bh_stop_token()));
}

void tour_cancel(void)
{
	_Atomic int *ready = bh_calloc(1, sizeof(*ready));
	bh_task t;

	MUST(bh_spawn(&t, careful, &ready, sizeof(ready), NULL));
	while (!*ready)
		MUST(bh_sleep(BH_MS(1)));
	MUST(bh_abort(t));
	MUST(bh_join(t, NULL, BH_FOREVER));
	tokens();
}
