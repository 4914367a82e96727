/* SPDX-License-Identifier: MIT */
#include "workers/base/sched.h"

#include <sys/random.h>

#include "ipc/base/monotonic.h"

enum {
	BUDGET = 128,
	LIFO_MAX = 3,
	INJECT_INTERVAL = 61,
	INJECT_INTERVAL_ALONE = 31,
	INJECT_TARGET_NS = 200000,
	INJECT_MIN = 2,
	INJECT_MAX = 127,
	MEAN_WEIGHT = 8, /* the last interval counts one in so many */
};

/* Numbers that differ in few bits become numbers that differ in many (a finaliser of
 * multiplications and shifts, as in splitmix64). */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static uint64_t seed_of(const struct bh_plan_service *p, uint32_t slot, uint32_t epoch)
{
	uint64_t seed;

	if (p && p->seed)
		return mix((uint64_t)p->seed << 32 | (uint64_t)slot << 16 | (epoch & 0xffff)) | 1;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = mix((uint64_t)bh_monotonic_ns());
	return seed | 1;
}

/* Counts to whichever comes first. */
static void begin(struct bh_sched *s)
{
	s->step = s->until_inject;
	if (s->event_interval && s->until_events < s->step)
		s->step = s->until_events;
	s->until = s->step;
}

void bh_sched_init(struct bh_sched *s, const struct bh_plan_service *p, uint32_t workers,
		   uint32_t slot, uint32_t epoch)
{
	bool alone = workers == 1;

	*s = (struct bh_sched){ .budget = p && p->budget ? p->budget : BUDGET,
				.lifo_max = p && p->lifo_max ? p->lifo_max : LIFO_MAX,
				.inject_interval = alone ? INJECT_INTERVAL_ALONE : INJECT_INTERVAL,
				.tune = !alone,
				.rng = seed_of(p, slot, epoch) };
	if (alone)
		s->lifo_max = 0;
	if (p && p->inject_interval) {
		s->inject_interval = p->inject_interval;
		s->tune = false;
	}
	if (p)
		s->event_interval = p->event_interval;
	s->until_inject = s->inject_interval;
	s->until_events = s->event_interval;
	begin(s);
}

void bh_sched_tune(struct bh_sched *s, uint64_t ns, uint32_t turns)
{
	uint64_t mean = ns / (turns ? turns : 1), n;

	s->mean_ns = s->mean_ns ? s->mean_ns - s->mean_ns / MEAN_WEIGHT + mean / MEAN_WEIGHT : mean;
	n = INJECT_TARGET_NS / (s->mean_ns ? s->mean_ns : 1);
	s->inject_interval = (uint32_t)(n < INJECT_MIN ? INJECT_MIN :
					n > INJECT_MAX ? INJECT_MAX :
							 n);
}

static void next_inject(struct bh_sched *s)
{
	int64_t now;

	if (s->tune) {
		now = bh_monotonic_ns();
		if (s->since_ns)
			bh_sched_tune(s, (uint64_t)(now - s->since_ns), s->inject_interval);
		s->since_ns = now;
	}
	s->until_inject = s->inject_interval;
}

uint32_t bh_sched_interval(struct bh_sched *s)
{
	uint32_t due = BH_DUE_NOTHING;

	s->until_inject -= s->step;
	if (!s->until_inject) {
		due = BH_DUE_INJECT | (s->event_interval ? 0 : BH_DUE_EVENTS);
		next_inject(s);
	}
	if (s->event_interval) {
		s->until_events -= s->step;
		if (!s->until_events) {
			due |= BH_DUE_EVENTS;
			s->until_events = s->event_interval;
		}
	}
	begin(s);
	return due;
}

void bh_sched_slept(struct bh_sched *s)
{
	s->since_ns = 0;
}

uint32_t bh_sched_random(struct bh_sched *s)
{
	s->rng ^= s->rng << 13;
	s->rng ^= s->rng >> 7;
	s->rng ^= s->rng << 17;
	return (uint32_t)(s->rng >> 32);
}
