/* SPDX-License-Identifier: MIT */
/*
 * test_wheel.c: suite kernel.wheel. The wheel against a model that scans an
 * array. Random tests print their seed; BH_SEED=N replays them.
 */
#include "kernel/base/wheel.h"
#include "tests/check_run.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MS        ((int64_t)1000000)
#define SPAN(lvl) (1ull << 6 * (lvl)) /* ms that a slot of the level covers */
#define RANGE_MS  SPAN(6)

enum {
	CAPACITY_MAX = 512
};

/* For what is checked millions of times: ck_assert() also tells its parent of
 * each success, by a system call. */
#define REQUIRE(cond, ...)                         \
	do {                                       \
		if (!(cond))                       \
			ck_abort_msg(__VA_ARGS__); \
	} while (0)

static uint64_t rng_state;

static uint64_t rng(void)
{
	uint64_t z = rng_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t rng_below(uint64_t n)
{
	return n ? rng() % n : 0;
}

/* As likely to have few bits as many, up to @max. */
static uint64_t rng_log(uint64_t max)
{
	return rng_below((max >> rng_below(64 - (unsigned)__builtin_clzll(max | 1))) + 1);
}

static void rng_seed(void)
{
	const char *text = getenv("BH_SEED");
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	rng_state = text ? strtoull(text, NULL, 0) : (uint64_t)ts.tv_sec * 1000003 + ts.tv_nsec;
	printf("BH_SEED=%llu\n", (unsigned long long)rng_state);
	fflush(stdout);
}

/* -- the wheel's own invariants ---------------------------------------------- */

/* Walks @list and returns its length. */
static uint32_t walk(const struct bh_wheel *w, uint32_t list, uint64_t min_ms, uint64_t max_ms)
{
	uint32_t n = 0, at, prev = list;

	for (at = w->nodes[list].next; at != list; prev = at, at = w->nodes[at].next, n++) {
		REQUIRE(w->nodes[at].prev == prev, "list %u: broken at %u", list, at);
		REQUIRE(w->nodes[at].deadline_ms >= min_ms && w->nodes[at].deadline_ms <= max_ms,
			"list %u: a deadline that does not belong there", list);
	}
	REQUIRE(w->nodes[list].prev == prev, "list %u: broken at its end", list);
	return n;
}

/* I1 to I3, and that every armed node is in exactly one list. */
static void wheel_check(const struct bh_wheel *w)
{
	const uint32_t due = 1 + BH_WHEEL_LEVELS * BH_WHEEL_SLOTS;
	uint32_t n = walk(w, due, 0, UINT64_MAX) + walk(w, due + 1, w->base_ms, UINT64_MAX);
	uint64_t earlier_end = w->base_ms;

	for (unsigned l = 0; l < BH_WHEEL_LEVELS; l++) {
		uint64_t turn = w->base_ms / SPAN(l);

		for (unsigned k = 0; k < BH_WHEEL_SLOTS; k++) {
			uint64_t at = (turn + k) % BH_WHEEL_SLOTS, begin = (turn + k) * SPAN(l);
			bool last = l == BH_WHEEL_LEVELS - 1;
			uint32_t len = walk(w, (uint32_t)(1 + l * BH_WHEEL_SLOTS + at), begin,
					    last ? UINT64_MAX : begin + SPAN(l) - 1);

			REQUIRE(!!len == (w->occupied[l] >> at & 1), "level %u: bit %u is wrong", l,
				(unsigned)at);
			n += len;
			if (!len)
				continue;
			REQUIRE(begin >= earlier_end, "level %u: not later than the one below", l);
			REQUIRE(l == 0 || begin > w->base_ms, "level %u: a slot has begun", l);
			earlier_end = begin + SPAN(l);
		}
	}
	REQUIRE(n == w->count, "%u of %u are in a list", n, w->count);
}

/* -- the model ----------------------------------------------------------------- */

struct entry {
	bool armed;
	int64_t deadline_ns;
	uint64_t ms; /* rounded up */
	uint64_t seq;
};

struct model {
	struct bh_wheel w;
	struct entry e[CAPACITY_MAX];
	uint64_t seq;
	uint64_t last_ms, last_seq; /* of what was popped last */
	int64_t now;
};

/* How one random run behaves. Times in ms. */
struct config {
	const char *name;
	uint32_t capacity;
	uint64_t start;    /* at most */
	uint64_t deadline; /* from now, at most */
	uint64_t step;     /* of the clock, at most */
	unsigned cancel;   /* in 100 operations */
	unsigned past;     /* deadlines in 100 that have passed */
	unsigned same;     /* deadlines in 100 that repeat the one before */
	unsigned drain;    /* pops at a time; 0: all that is due */
	unsigned steps;
};

static const struct config configs[] = {
	{ "one", 1, 1000, 100, 10, 20, 10, 0, 0, 4000 },
	{ "level0", 64, 1000, 63, 3, 10, 10, 30, 0, 4000 },
	{ "level1", 200, SPAN(2), SPAN(2), 70, 10, 5, 20, 0, 4000 },
	{ "level2", 200, SPAN(3), SPAN(3), SPAN(2), 10, 5, 20, 0, 4000 },
	{ "level3", 200, SPAN(4), SPAN(4), SPAN(3), 10, 5, 20, 0, 4000 },
	{ "level4", 200, SPAN(5), SPAN(5), SPAN(4), 10, 5, 20, 0, 4000 },
	{ "level5", 200, RANGE_MS, RANGE_MS - SPAN(5), SPAN(5), 10, 5, 20, 0, 4000 },
	{ "all", 300, RANGE_MS, RANGE_MS - SPAN(5), RANGE_MS, 10, 5, 20, 0, 4000 },
	{ "beyond", 200, 2 * RANGE_MS, 60 * RANGE_MS, 2 * RANGE_MS, 10, 5, 0, 0, 4000 },
	{ "re-armed", 8, SPAN(3), SPAN(3), 50, 5, 5, 20, 0, 8000 },
	{ "behind", 300, SPAN(3), SPAN(2), 200, 5, 5, 50, 1, 8000 },
	{ "cascading", CAPACITY_MAX, SPAN(3), SPAN(3), SPAN(2), 2, 1, 90, 2, 8000 },
	{ "late clock", 300, 100, SPAN(4), SPAN(5), 5, 5, 20, 0, 4000 },
};

static uint64_t ms_up(int64_t ns)
{
	return ns <= 0 ? 0 : ((uint64_t)ns + MS - 1) / MS;
}

static uint64_t model_earliest(const struct model *m, uint32_t capacity)
{
	uint64_t min = UINT64_MAX;

	for (uint32_t i = 0; i < capacity; i++)
		if (m->e[i].armed && m->e[i].ms < min)
			min = m->e[i].ms;
	return min;
}

static void model_arm(struct model *m, uint32_t id, int64_t deadline_ns)
{
	REQUIRE(!bh_wheel_arm(&m->w, id, deadline_ns), "cannot arm %u", id);
	m->e[id] = (struct entry){ true, deadline_ns, ms_up(deadline_ns), ++m->seq };
}

/* One pop. False when there was none. */
static bool model_pop(struct model *m, const struct config *c)
{
	uint32_t id = bh_wheel_pop(&m->w, m->now);

	if (id == BH_WHEEL_NONE)
		return false;
	REQUIRE(id < c->capacity, "%s: popped %u", c->name, id);
	struct entry *e = &m->e[id];
	REQUIRE(e->armed, "%s: %u popped twice or after its cancel", c->name, id);
	REQUIRE(e->deadline_ns <= m->now, "%s: %u popped early", c->name, id);
	if (c->deadline < RANGE_MS && e->ms == m->last_ms)
		REQUIRE(e->seq > m->last_seq, "%s: equal deadlines out of order", c->name);
	m->last_ms = e->ms;
	m->last_seq = e->seq;
	e->armed = false;
	REQUIRE(!bh_wheel_armed(&m->w, id), "%s: %u is still armed", c->name, id);
	return true;
}

static void model_check(const struct model *m, const struct config *c, bool drained)
{
	uint64_t min = model_earliest(m, c->capacity);
	int64_t next = bh_wheel_next(&m->w);

	wheel_check(&m->w);
	if (min == UINT64_MAX) {
		REQUIRE(next == INT64_MAX && !m->w.count, "%s: not empty", c->name);
		return;
	}
	REQUIRE(!drained || min > (uint64_t)(m->now / MS), "%s: late", c->name);
	REQUIRE(!drained || next > m->now, "%s: would not sleep", c->name);
	/* A deadline in the past is due now, whatever it was. */
	REQUIRE(next <= (int64_t)min * MS || next <= m->now, "%s: sleeps too long", c->name);
}

static int64_t random_deadline(const struct model *m, const struct config *c, int64_t before)
{
	if (rng_below(100) < c->same)
		return before;
	if (rng_below(100) < c->past)
		return m->now - (int64_t)rng_log(10000 * (uint64_t)MS);
	return m->now + (int64_t)rng_log(c->deadline) * MS + (int64_t)rng_below(MS);
}

static void model_step(struct model *m, const struct config *c, int64_t *deadline)
{
	unsigned ops = (unsigned)rng_below(8);
	bool drained = false;

	while (ops--) {
		uint32_t id = (uint32_t)rng_below(c->capacity);

		if (rng_below(100) < c->cancel) {
			bh_wheel_cancel(&m->w, id);
			m->e[id].armed = false;
		} else {
			*deadline = random_deadline(m, c, *deadline);
			model_arm(m, id, *deadline);
		}
	}
	model_check(m, c, false);
	if (rng_below(4) == 0 && bh_wheel_next(&m->w) < INT64_MAX) {
		if (bh_wheel_next(&m->w) > m->now)
			m->now = bh_wheel_next(&m->w);
	} else {
		m->now += (int64_t)rng_log(c->step) * MS + (int64_t)rng_below(MS);
	}
	if (c->drain) {
		for (unsigned i = 0; i < c->drain; i++)
			model_pop(m, c);
	} else {
		while (model_pop(m, c) || bh_wheel_next(&m->w) <= m->now)
			;
		drained = true;
	}
	model_check(m, c, drained);
}

START_TEST(wheel_agrees_with_model)
{
	const struct config *c = &configs[_i];
	static struct model m;
	int64_t deadline;

	rng_seed();
	m.now = deadline = (int64_t)rng_below(c->start) * MS + (int64_t)rng_below(MS);
	ck_assert_int_eq(bh_wheel_init(&m.w, c->capacity, m.now), 0);
	for (unsigned i = 0; i < c->steps && m.now < INT64_MAX / 2; i++)
		model_step(&m, c, &deadline);
	while (m.w.count) {
		if (bh_wheel_next(&m.w) > m.now)
			m.now = bh_wheel_next(&m.w);
		model_pop(&m, c);
	}
	model_check(&m, c, true);
	bh_wheel_fini(&m.w);
}
END_TEST

/* -- by hand ------------------------------------------------------------------- */

static uint32_t pop_all_due(struct bh_wheel *w, int64_t now)
{
	uint32_t id;

	do {
		id = bh_wheel_pop(w, now);
	} while (id == BH_WHEEL_NONE && bh_wheel_next(w) <= now);
	return id;
}

START_TEST(wheel_is_exact_on_both_sides_of_every_boundary)
{
	struct bh_wheel w;

	for (unsigned level = 0; level <= 7; level++) {
		for (int64_t off = -2; off <= 2; off++) {
			int64_t start = 12345 * MS, at = ((int64_t)SPAN(level) + off) * MS;

			if (at <= 0)
				continue;
			for (int aligned = 0; aligned < 2; aligned++) {
				int64_t deadline = at + (aligned ? 0 : start);

				start = aligned ? 0 : start;
				ck_assert_int_eq(bh_wheel_init(&w, 1, start), 0);
				ck_assert_int_eq(bh_wheel_arm(&w, 0, deadline), 0);
				ck_assert_uint_eq(pop_all_due(&w, deadline - 1), BH_WHEEL_NONE);
				wheel_check(&w);
				ck_assert_uint_eq(pop_all_due(&w, deadline), 0);
				ck_assert_uint_eq(pop_all_due(&w, INT64_MAX - 1), BH_WHEEL_NONE);
				bh_wheel_fini(&w);
			}
		}
	}
}
END_TEST

START_TEST(wheel_wakes_few_times_before_the_deadline)
{
	const int64_t deadline = 12345678901 * MS + 1;
	struct bh_wheel w;
	int wakes = 0;

	ck_assert_int_eq(bh_wheel_init(&w, 1, 77 * MS), 0);
	ck_assert_int_eq(bh_wheel_arm(&w, 0, deadline), 0);
	while (bh_wheel_pop(&w, bh_wheel_next(&w)) == BH_WHEEL_NONE)
		wakes++;
	ck_assert_int_lt(wakes, BH_WHEEL_LEVELS);
}
END_TEST

START_TEST(wheel_takes_any_id_and_deadline)
{
	static const int64_t deadlines[] = { INT64_MIN,     INT64_MIN + 1, -1,       0, 1, MS - 1,
					     INT64_MAX - 1, INT64_MAX / 2, INT64_MAX };
	static const uint32_t ids[] = { 4, 5, 1024, UINT32_MAX / 2, UINT32_MAX - 1, UINT32_MAX };
	struct bh_wheel w;

	ck_assert_int_eq(bh_wheel_init(&w, 4, INT64_MIN), 0);
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		ck_assert_int_eq(bh_wheel_arm(&w, ids[i], 1), -EINVAL);
		ck_assert(!bh_wheel_armed(&w, ids[i]));
		bh_wheel_cancel(&w, ids[i]);
	}
	for (size_t i = 0; i < sizeof(deadlines) / sizeof(*deadlines); i++) {
		ck_assert_int_eq(bh_wheel_arm(&w, 3, deadlines[i]), 0);
		ck_assert_uint_eq(w.count, 1);
		wheel_check(&w);
		if (deadlines[i] <= 0)
			ck_assert_uint_eq(bh_wheel_pop(&w, 0), 3);
	}
	ck_assert_uint_eq(pop_all_due(&w, INT64_MAX - 1000000), BH_WHEEL_NONE);
	wheel_check(&w);
	bh_wheel_cancel(&w, 3);
	ck_assert_int_eq(bh_wheel_next(&w), INT64_MAX);
	/* The clock is now as far as it goes, and goes back. */
	ck_assert_int_eq(bh_wheel_arm(&w, 2, 5 * MS), 0);
	ck_assert_uint_eq(bh_wheel_pop(&w, 4 * MS), 2);
}
END_TEST

START_TEST(wheel_cancel_is_legal_in_every_state)
{
	struct bh_wheel w;

	ck_assert_int_eq(bh_wheel_init(&w, 300, 0), 0);
	bh_wheel_cancel(&w, 7); /* never armed */
	for (uint32_t i = 0; i < 300; i++)
		ck_assert_int_eq(bh_wheel_arm(&w, i, 5000 * MS), 0);
	/* Most of them are now half-way through a cascade. */
	ck_assert_uint_eq(bh_wheel_pop(&w, 5000 * MS), BH_WHEEL_NONE);
	wheel_check(&w);
	for (uint32_t i = 0; i < 300; i++) {
		bh_wheel_cancel(&w, i);
		bh_wheel_cancel(&w, i);
		wheel_check(&w);
	}
	ck_assert_int_eq(bh_wheel_next(&w), INT64_MAX);
	ck_assert_uint_eq(pop_all_due(&w, 6000 * MS), BH_WHEEL_NONE);
	ck_assert_int_eq(bh_wheel_arm(&w, 1, 1), 0); /* due */
	bh_wheel_cancel(&w, 1);
	ck_assert_uint_eq(pop_all_due(&w, 6000 * MS), BH_WHEEL_NONE);
}
END_TEST

START_TEST(wheel_pop_moves_a_bounded_number)
{
	const uint32_t n = 10000, cascade = 2 + BH_WHEEL_LEVELS * BH_WHEEL_SLOTS;
	struct bh_wheel w;
	uint32_t before, after = n;

	ck_assert_int_eq(bh_wheel_init(&w, n, 0), 0);
	for (uint32_t i = 0; i < n; i++)
		ck_assert_int_eq(bh_wheel_arm(&w, i, 5000 * MS), 0);
	while (after) {
		before = after;
		ck_assert_uint_eq(bh_wheel_pop(&w, 4097 * MS), BH_WHEEL_NONE);
		after = walk(&w, cascade, 0, UINT64_MAX);
		ck_assert_uint_le(before - after, BH_WHEEL_MOVES);
		ck_assert_int_le(after ? bh_wheel_next(&w) : 0, 4097 * MS);
	}
	ck_assert_int_gt(bh_wheel_next(&w), 4097 * MS);
}
END_TEST

START_TEST(wheel_refuses_more_than_it_can_index)
{
	struct bh_wheel w;

	ck_assert_int_eq(bh_wheel_init(&w, UINT32_MAX, 0), -EINVAL);
	ck_assert_int_eq(bh_wheel_init(&w, 0, 0), 0);
	ck_assert_int_eq(bh_wheel_arm(&w, 0, 1), -EINVAL);
	ck_assert_uint_eq(bh_wheel_pop(&w, MS), BH_WHEEL_NONE);
	bh_wheel_fini(&w);
	bh_wheel_fini(&w);
}
END_TEST

/* A million at once, over @_i ms: each popped once, in time, and in order. */
static const uint64_t million_spans[] = { 1, 1000, 600000, RANGE_MS * 2 };

START_TEST(wheel_holds_a_million)
{
	enum {
		N = 1000000
	};
	static int64_t deadline[N];
	struct bh_wheel w;
	int64_t now = 99 * MS, last = 0;
	uint32_t popped = 0;

	rng_seed();
	ck_assert_int_eq(bh_wheel_init(&w, N, now), 0);
	for (uint32_t i = 0; i < N; i++) {
		deadline[i] = now + 5000 * MS + (int64_t)rng_below(million_spans[_i]) * MS;
		if (bh_wheel_arm(&w, i, deadline[i]))
			ck_abort();
	}
	while (w.count) {
		uint32_t id = bh_wheel_pop(&w, now);

		if (id == BH_WHEEL_NONE) {
			now = bh_wheel_next(&w) > now ? bh_wheel_next(&w) : now;
			continue;
		}
		if (deadline[id] != now || deadline[id] < last)
			ck_abort_msg("%u popped out of time", id);
		last = deadline[id];
		deadline[id] = -1;
		popped++;
	}
	ck_assert_uint_eq(popped, N);
	bh_wheel_fini(&w);
}
END_TEST

static Suite *wheel_suite(void)
{
	Suite *s = suite_create("kernel.wheel");
	TCase *core = tcase_create("core");
	TCase *model = tcase_create("model");
	TCase *limits = tcase_create("limits");

	tcase_add_test(core, wheel_is_exact_on_both_sides_of_every_boundary);
	tcase_add_test(core, wheel_wakes_few_times_before_the_deadline);
	tcase_add_test(core, wheel_cancel_is_legal_in_every_state);
	suite_add_tcase(s, core);
	tcase_add_loop_test(model, wheel_agrees_with_model, 0,
			    (int)(sizeof(configs) / sizeof(*configs)));
	suite_add_tcase(s, model);
	tcase_add_test(limits, wheel_takes_any_id_and_deadline);
	tcase_add_test(limits, wheel_refuses_more_than_it_can_index);
	tcase_add_test(limits, wheel_pop_moves_a_bounded_number);
	tcase_add_loop_test(limits, wheel_holds_a_million, 0,
			    (int)(sizeof(million_spans) / sizeof(*million_spans)));
	suite_add_tcase(s, limits);
	return s;
}

int main(void)
{
	return bh_check_run(wheel_suite());
}
