/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/top/poll.h"

#include <time.h>

#include "tools/bhctl/bhctl.h"

static const int64_t second = 1000000000;

enum {
	SAMPLE_MS = 50,
	CRASHES = 100, /* the newest */
	SILENCE_S = 3, /* then the screen says that no system answers, and poll asks again */
};

int64_t bh_top_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * second + ts.tv_nsec;
}

int bh_top_poll_open(struct bh_top_poll *p, const char *url)
{
	*p = (struct bh_top_poll){ .heard_ns = bh_top_now() };
	return bh_line_open(&p->line, url);
}

static void ask_latency(struct bh_question *q, const struct bh_options *o)
{
	(void)o;
	bulkhead__trace_latency_request__init(&q->latency);
	q->request.verb_case = BULKHEAD__REQUEST__VERB_TRACE_LATENCY;
	q->request.trace_latency = &q->latency;
}

/* Of the tasks themselves only their types are shown. */
static bool ask(struct bh_top_poll *p)
{
	static void (*const questions[])(struct bh_question *, const struct bh_options *) = {
		[BH_TOP_ASK_LATENCY] = ask_latency,    [BH_TOP_ASK_STATUS] = bh_status_ask,
		[BH_TOP_ASK_CRASHES] = bh_crashes_ask, [BH_TOP_ASK_TASKS] = bh_tasks_ask,
		[BH_TOP_ASK_WORKERS] = bh_workers_ask,
	};
	struct bh_options o = { .service = "", .limit = p->ask == BH_TOP_ASK_TASKS ? 1 : CRASHES };
	struct bh_question q = { 0 };

	bulkhead__request__init(&q.request);
	questions[p->ask](&q, &o);
	return bh_line_ask(&p->line, &q.request);
}

static void ask_next(struct bh_top_poll *p, int64_t now, bool paused)
{
	if (p->asked && now - p->asked_ns < SILENCE_S * second)
		return;
	if (p->ask == BH_TOP_ASK_WORKERS && now - p->round_ns >= second)
		p->ask = 0;
	if (paused && (p->ask == 0 || p->ask == BH_TOP_ASK_WORKERS))
		return;
	if (p->ask == BH_TOP_ASK_WORKERS) {
		if (now - p->sample_ns < SAMPLE_MS * 1000000)
			return;
		p->sample_ns = now;
	}
	if (p->ask == 0)
		p->round_ns = now;
	p->asked = ask(p);
	p->asked_ns = now;
}

/* Whether the answer was the last one of a round. */
static bool take(struct bh_top_poll *p, struct bh_top_model *t, int64_t now)
{
	Bulkhead__Reply *r = p->asked ? bh_line_answer(&p->line) : NULL;
	enum bh_top_ask asked = p->ask;

	if (!r)
		return false;
	p->asked = false;
	p->heard_ns = now;
	bh_top_take(t, asked, r, now);
	if (asked < BH_TOP_ROUND)
		p->ask++;
	p->rounds += asked + 1 == BH_TOP_ROUND;
	return asked + 1 == BH_TOP_ROUND;
}

bool bh_top_poll_turn(struct bh_top_poll *p, struct bh_top_model *t, bool paused)
{
	int64_t now = bh_top_now();
	bool was_gone = p->gone, news = take(p, t, now);

	ask_next(p, now, paused);
	/* While paused, nothing is asked, and silence says nothing. */
	if (paused && !p->asked)
		p->heard_ns = now;
	p->gone = now - p->heard_ns > SILENCE_S * second;
	return news || p->gone != was_gone;
}
