/* SPDX-License-Identifier: MIT */
/* test_top.c: what bhctl top makes of answers: differences, sorting, and the picture. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check_run.h"
#include "tools/bhctl/top/diff.h"
#include "tools/bhctl/top/view.h"

static char name_http[] = "http", state_up[] = "up", none[] = "";
static char hostile[] = "a\033[2Jb\nc\177\200";

/* As admind would send it: packed, and unpacked. */
static Bulkhead__Reply *sent(const Bulkhead__Reply *r)
{
	size_t n = bulkhead__reply__get_packed_size(r);
	uint8_t *bytes = malloc(n + 1);
	Bulkhead__Reply *got;

	ck_assert_ptr_nonnull(bytes);
	bulkhead__reply__pack(r, bytes);
	got = bulkhead__reply__unpack(NULL, n, bytes);
	free(bytes);
	ck_assert_ptr_nonnull(got);
	return got;
}

static void worker(Bulkhead__Worker *w, uint32_t slot, uint64_t since_s, uint64_t busy_ms,
		   uint64_t polls)
{
	bulkhead__worker__init(w);
	w->slot = slot;
	w->state = state_up;
	w->task_name = none;
	w->since_ns = since_s * 1000000000ull;
	w->busy_ns = busy_ms * 1000000ull;
	w->polls = polls;
}

static Bulkhead__Reply *status(int pid, Bulkhead__Worker *a, Bulkhead__Worker *b)
{
	Bulkhead__Reply r = BULKHEAD__REPLY__INIT;
	Bulkhead__Status s;
	Bulkhead__Service v, *services[] = { &v };
	Bulkhead__Worker *workers[] = { a, b };

	bulkhead__status__init(&s);
	bulkhead__service__init(&v);
	v.name = name_http;
	v.state = state_up;
	v.n_workers = 2;
	v.workers = workers;
	s.pid = pid;
	s.n_services = 1;
	s.services = services;
	r.answer_case = BULKHEAD__REPLY__ANSWER_STATUS;
	r.status = &s;
	return sent(&r);
}

static Bulkhead__Reply *latency(uint64_t count, uint64_t sum_ms, uint64_t preempted_ms)
{
	Bulkhead__Reply r = BULKHEAD__REPLY__INIT;
	Bulkhead__TraceLatency all = BULKHEAD__TRACE_LATENCY__INIT;
	Bulkhead__WorkerLatency w, *list[] = { &w };
	Bulkhead__OffCpu off, *offs[] = { &off };
	Bulkhead__LatencyHistogram h = BULKHEAD__LATENCY_HISTOGRAM__INIT;
	static char preempted[] = "preempted";

	bulkhead__worker_latency__init(&w);
	bulkhead__off_cpu__init(&off);
	h.sum_ns = preempted_ms * 1000000;
	off.reason = preempted;
	off.times = &h;
	w.service = name_http;
	w.slot = 1;
	w.count = count;
	w.sum_ns = sum_ms * 1000000;
	w.n_off_cpu = 1;
	w.off_cpu = offs;
	all.n_workers = 1;
	all.workers = list;
	r.answer_case = BULKHEAD__REPLY__ANSWER_TRACE_LATENCY;
	r.trace_latency = &all;
	return sent(&r);
}

static const struct bh_top_row *row_of(const struct bh_top_model *t, const char *who)
{
	const struct bh_top_table *w = &t->table[BH_TOP_WORKERS];

	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->rows[i].cell[0].text, who))
			return &w->rows[i];
	ck_abort_msg("no worker %s", who);
}

START_TEST(counters_that_go_back_count_from_nothing)
{
	Bulkhead__Worker then, now;
	struct bh_top_work work;

	ck_assert_uint_eq(bh_top_since(7, 5), 2);
	ck_assert_uint_eq(bh_top_since(3, 5), 3);
	worker(&then, 0, 10, 1000, 100);
	worker(&now, 0, 12, 2000, 150);
	bh_top_work_between(&work, &now, &then);
	ck_assert_double_eq_tol(work.busy, 0.5, 1e-9);
	ck_assert_uint_eq(work.polls, 50);
	/* Its service was reset one second ago. */
	worker(&now, 0, 1, 250, 30);
	bh_top_work_between(&work, &now, &then);
	ck_assert_double_eq_tol(work.seconds, 1, 1e-9);
	ck_assert_double_eq_tol(work.busy, 0.25, 1e-9);
	ck_assert_uint_eq(work.polls, 30);
	/* The one worker's counters alone. */
	worker(&now, 0, 12, 200, 7);
	bh_top_work_between(&work, &now, &then);
	ck_assert_double_eq_tol(work.busy, 0.1, 1e-9);
	ck_assert_uint_eq(work.polls, 7);
}
END_TEST

START_TEST(busy_and_waits_are_of_the_last_second)
{
	const int64_t s = 1000000000;
	Bulkhead__Worker a, b;
	struct bh_top_model t;

	bh_top_init(&t);
	worker(&a, 0, 10, 0, 0);
	worker(&b, 1, 10, 9000, 9);
	bh_top_take(&t, BH_TOP_ASK_LATENCY, latency(5, 5000, 4000), s);
	bh_top_take(&t, BH_TOP_ASK_STATUS, status(7, &a, &b), s);
	ck_assert_str_eq(row_of(&t, "http  1")->cell[3].text, "?");
	worker(&a, 0, 11, 0, 0);
	worker(&b, 1, 11, 9700, 29);
	bh_top_take(&t, BH_TOP_ASK_LATENCY, latency(9, 5300, 4200), 2 * s);
	bh_top_take(&t, BH_TOP_ASK_STATUS, status(7, &a, &b), 2 * s);
	/* 0.7 busy, of which 0.2 preempted; 0.3 waits after wake-ups. */
	ck_assert_double_eq_tol(row_of(&t, "http  1")->busy, 0.5, 1e-9);
	ck_assert_double_eq_tol(row_of(&t, "http  1")->waits, 0.5, 1e-9);
	ck_assert_str_eq(row_of(&t, "http  1")->cell[4].text, "20");
	ck_assert_str_eq(t.table[BH_TOP_SERVICES].rows[0].cell[3].text, "25%"); /* of both */
	ck_assert_str_eq(row_of(&t, "http  0")->cell[2].text, "0%");
	/* The tracer was restarted: its counts are from there on. */
	bh_top_take(&t, BH_TOP_ASK_LATENCY, latency(1, 100, 0), 3 * s);
	worker(&b, 1, 12, 9700, 29);
	bh_top_take(&t, BH_TOP_ASK_STATUS, status(7, &a, &b), 3 * s);
	ck_assert_double_eq_tol(row_of(&t, "http  1")->waits, 0.1, 1e-9);
	ck_assert_uint_eq(t.systems, 1);
	bh_top_take(&t, BH_TOP_ASK_STATUS, status(8, &a, &b), 4 * s);
	ck_assert_uint_eq(t.systems, 2);
	bh_top_fini(&t);
}
END_TEST

/* A sample: one worker runs a task called @name. */
static void take_name(struct bh_top_model *t, char *name)
{
	Bulkhead__Reply r = BULKHEAD__REPLY__INIT;
	Bulkhead__Workers all = BULKHEAD__WORKERS__INIT;
	Bulkhead__Worker w, *list[] = { &w };

	worker(&w, 0, 1, 0, 0);
	w.service = name_http;
	w.task_name = name;
	all.n_workers = 1;
	all.workers = list;
	r.answer_case = BULKHEAD__REPLY__ANSWER_WORKERS;
	r.workers = &all;
	bh_top_take(t, BH_TOP_ASK_WORKERS, sent(&r), 1);
}

static void take_type(struct bh_top_model *t, char *name)
{
	Bulkhead__Reply r = BULKHEAD__REPLY__INIT;
	Bulkhead__Tasks all = BULKHEAD__TASKS__INIT;
	Bulkhead__TaskType y, *list[] = { &y };

	bulkhead__task_type__init(&y);
	y.service = name_http;
	y.name = name;
	all.n_types = 1;
	all.types = list;
	r.answer_case = BULKHEAD__REPLY__ANSWER_TASKS;
	r.tasks = &all;
	bh_top_take(t, BH_TOP_ASK_TASKS, sent(&r), 1);
}

START_TEST(names_without_end_are_forgotten)
{
	char name[16], spin[] = "spin";
	struct bh_top_model t;

	bh_top_init(&t);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 19; i++) {
			snprintf(name, sizeof(name), "n%d", 20 * round + i);
			take_name(&t, name);
		}
		take_name(&t, spin);
		take_type(&t, spin);
		ck_assert_uint_le(t.n_hits, 20 * BH_TOP_WINDOW);
	}
	ck_assert_str_eq(t.table[BH_TOP_TYPES].rows[0].cell[2].text, "5%");
	for (int i = 0; i < 2 * BH_TOP_NAMES; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		take_name(&t, name);
	}
	ck_assert_uint_eq(t.n_hits, BH_TOP_NAMES);
	bh_top_fini(&t);
}
END_TEST

START_TEST(sorts)
{
	struct bh_top_ui ui = { .focus = BH_TOP_WORKERS };
	struct bh_top_table *w;
	Bulkhead__Worker a, b;
	struct bh_top_model t;

	bh_top_init(&t);
	w = &t.table[BH_TOP_WORKERS];
	worker(&a, 0, 10, 1000, 0);
	worker(&b, 1, 10, 9000, 0);
	bh_top_take(&t, BH_TOP_ASK_STATUS, status(7, &a, &b), 1);
	ck_assert_str_eq(w->rows[0].cell[0].text, "http  0");
	ck_assert(bh_top_key(&ui, &t, '3'));
	ck_assert_str_eq(w->rows[0].cell[0].text, "http  1");
	ck_assert(bh_top_key(&ui, &t, 'r'));
	ck_assert_str_eq(w->rows[0].cell[0].text, "http  0");
	/* Equal ones stay as they came. */
	ck_assert(bh_top_key(&ui, &t, '5'));
	ck_assert_str_eq(w->rows[0].cell[0].text, "http  0");
	for (size_t i = 0; i < w->n_columns; i++)
		ck_assert(bh_top_key(&ui, &t, '<'));
	ck_assert_uint_eq(w->sort, 4);
	ck_assert(!bh_top_key(&ui, &t, 'q'));
	bh_top_fini(&t);
}
END_TEST

START_TEST(draws_in_any_size_and_only_text)
{
	Bulkhead__Worker a, b;
	struct bh_top_grid g = { 0 };
	bool text = true;
	struct bh_top_model t;

	bh_top_init(&t);
	worker(&a, 0, 10, 1000, 0);
	worker(&b, 1, 10, 9000, 0);
	a.task_name = hostile;
	/* protobuf passes on what is no UTF-8, too. */
	bh_top_take(&t, BH_TOP_ASK_STATUS, status(7, &a, &b), 1);
	for (int rows = 1; rows < 30; rows += 1 + rows / 5)
		for (int columns = 1; columns < 140; columns += 3)
			for (int keys = 0; keys < 4; keys++) {
				struct bh_top_ui ui = { .alone = keys & 1, .help = keys & 2 };

				ck_assert(bh_top_grid_resize(&g, rows, columns));
				bh_top_draw(&g, &t, &ui);
				for (int i = 0; i < rows * columns; i++)
					text &= g.text[i] >= 0x20 && g.text[i] <= 0x7e;
			}
	ck_assert(text);
	ck_assert(bh_top_grid_resize(&g, 24, 80));
	bh_top_draw(&g, &t, &(struct bh_top_ui){ 0 });
	ck_assert_ptr_nonnull(memmem(g.text, 24 * 80, "a?[2Jb?c??", 9));
	bh_top_grid_fini(&g);
	bh_top_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("top");
	TCase *tc = tcase_create("top");

	tcase_add_test(tc, counters_that_go_back_count_from_nothing);
	tcase_add_test(tc, busy_and_waits_are_of_the_last_second);
	tcase_add_test(tc, names_without_end_are_forgotten);
	tcase_add_test(tc, sorts);
	tcase_add_test(tc, draws_in_any_size_and_only_text);
	suite_add_tcase(s, tc);
	return bh_check_run(s);
}
