/* SPDX-License-Identifier: MIT */
/*
 * test_quarantine.c: who is quarantined, by crashes that are told one by one, on a clock
 * that is turned by hand.
 */
#include <check.h>
#include <signal.h>
#include <string.h>

#include "ipc/base/crash_key.h"
#include "kernel/base/clock.h"
#include "kernel/failure/facts.h"
#include "kernel/repair/quarantine.h"
#include "tests/check_run.h"
#include "tests/kernel/desk.h"

enum {
	TYPE = 7,
	PERIOD_S = 10,
	LIMIT = 5
};

static struct bh_kernel *k;
static struct bh_ksvc *s;

static void setup(void)
{
	desk_setup();
	k = desk.k;
	s = desk.s;
	strcpy(s->v.types[TYPE].name, "type7");
	strcpy(s->v.types[1].name, "type1");
	desk.p->crash_intensity = LIMIT;
	desk.p->crash_period_ms = PERIOD_S * 1000;
	strcpy(desk.p->crash_exempt, "other\nexempt");
}

/* As recovery does: judged, then recorded. */
static bool crash_of(uint32_t type, const char *name, uint64_t key, uint64_t task, int sig)
{
	struct bh_crash_facts f = {
		.task = task, .key = key, .type = type, .status = sig, .status_known = true
	};
	uint64_t id = ++k->board->crashes;

	strcpy(f.task_name, name);
	bool poison = bh_quarantine(s, &f);
	k->board->crash[id % BH_BOARD_CRASHES] = (struct bh_board_crash){ .id = id,
									  .task = task,
									  .task_type = type,
									  .crash_key = key,
									  .signal = sig,
									  .time_ns = k->now_ns };
	return poison;
}

static bool crash(uint64_t key)
{
	return crash_of(TYPE, "it", key, bh_handle(2, 3), SIGSEGV);
}

static void pass_s(int64_t seconds)
{
	k->now_ns += seconds * BH_NS_PER_S;
	bh_quarantine_look(k);
}

static uint32_t all(void)
{
	return bh_gate_state_of(bh_ld_acq(&s->v.types[TYPE].gate.word));
}

static struct bh_gate *gate(uint64_t key)
{
	for (uint32_t i = 0; i < BH_GATES; i++) {
		struct bh_gate *g = &s->v.a->gate[i];

		if (bh_gate_state_of(bh_ld_acq(&g->word)) != BH_GATE_OPEN && g->key == key)
			return g;
	}
	return NULL;
}

static uint32_t own(uint64_t key)
{
	return gate(key) ? bh_gate_state_of(bh_ld_acq(&gate(key)->word)) : BH_GATE_OPEN;
}

/* What a worker does: the next one is on trial. */
static void try(struct bh_gate *g, uint64_t task)
{
	ck_assert_uint_eq(bh_gate_state_of(g->word), BH_GATE_PROBATION);
	g->word = bh_gate_word(g->word, BH_GATE_TRIAL);
	g->trial = task;
}

START_TEST(one_client_is_refused_and_the_type_is_not)
{
	for (int i = 0; i < LIMIT; i++)
		ck_assert(!crash(42));
	ck_assert_uint_eq(own(42), BH_GATE_OPEN);
	ck_assert(crash(42));
	ck_assert_uint_eq(own(42), BH_GATE_QUARANTINED);
	ck_assert_uint_eq(all(), BH_GATE_KEYS);
	ck_assert(desk_said("task type type7 from 42 crashed more than 5 times"));
	/* A task of its that was there before is not started again; other clients' are. */
	ck_assert(crash(42));
	ck_assert(!crash(43));
	/* A hundred crashes of one are still one client. */
	for (int i = 0; i < 100; i++)
		crash(42);
	ck_assert_uint_eq(all(), BH_GATE_KEYS);
}
END_TEST

START_TEST(crashes_of_long_ago_and_from_outside_do_not_count)
{
	for (int i = 0; i < 20; i++) {
		ck_assert(!crash_of(TYPE, "it", 42, 9, SIGKILL));
		ck_assert(!crash(42));
		pass_s(PERIOD_S / LIMIT + 1);
	}
	ck_assert_uint_eq(own(42), BH_GATE_OPEN);
}
END_TEST

START_TEST(many_clients_have_the_type_refused)
{
	for (uint64_t key = 1; key <= LIMIT; key++)
		ck_assert(!crash(key));
	ck_assert_uint_eq(all(), BH_GATE_OPEN);
	ck_assert(crash(LIMIT + 1));
	ck_assert_uint_eq(all(), BH_GATE_QUARANTINED);
	ck_assert(desk_said("was crashed by 6 clients"));
}
END_TEST

START_TEST(few_clients_never_have_the_type_refused)
{
	desk.p->crash_intensity = 1;
	for (uint64_t key = 1; key <= 3; key++) {
		crash(key);
		ck_assert(crash(key));
		ck_assert_uint_eq(own(key), BH_GATE_QUARANTINED);
	}
	ck_assert_uint_eq(all(), BH_GATE_KEYS);
	ck_assert(crash(4));
	ck_assert_uint_eq(all(), BH_GATE_QUARANTINED);
}
END_TEST

START_TEST(without_a_key_it_is_the_types)
{
	for (int i = 0; i < LIMIT; i++)
		ck_assert(!crash(0));
	ck_assert(crash(0));
	ck_assert_uint_eq(all(), BH_GATE_QUARANTINED);
}
END_TEST

START_TEST(exempt_or_switched_off_nobody_is)
{
	for (int i = 0; i < 50; i++)
		ck_assert(!crash_of(TYPE, "exempt", 42, 9, SIGSEGV));
	desk.p->crash_intensity = 0;
	for (int i = 0; i < 50; i++)
		ck_assert(!crash(42));
	ck_assert_uint_eq(own(42), BH_GATE_OPEN);
}
END_TEST

/* @key 0: of the type. */
static void shut_out(uint64_t key)
{
	for (int i = 0; i <= LIMIT; i++)
		crash(key);
}

START_TEST(trial_decides)
{
	uint64_t key = _i ? 42 : 0, task = bh_handle(2, 5);
	struct bh_gate *g;

	shut_out(key);
	g = key ? gate(key) : &s->v.types[TYPE].gate;
	ck_assert_ptr_nonnull(g);
	pass_s(PERIOD_S - 1);
	ck_assert_uint_eq(bh_gate_state_of(g->word), BH_GATE_QUARANTINED);
	pass_s(2);
	/* From outside: it proved nothing. */
	try(g, task);
	crash_of(TYPE, "it", key, task, SIGKILL);
	ck_assert_uint_eq(bh_gate_state_of(g->word), BH_GATE_PROBATION);
	/* Its own fault: twice as long. */
	try(g, task);
	ck_assert(crash_of(TYPE, "it", key, task, SIGSEGV));
	ck_assert_uint_eq(bh_gate_state_of(g->word), BH_GATE_QUARANTINED);
	pass_s(2 * PERIOD_S - 1);
	ck_assert_uint_eq(bh_gate_state_of(g->word), BH_GATE_QUARANTINED);
	pass_s(2);
	/* It lives on for the period. */
	try(g, task);
	s->v.tasks[5].state = bh_state_make(2, 0, BH_OWNER_NONE, 0, BH_WAITING);
	pass_s(1);
	ck_assert_uint_eq(bh_gate_state_of(g->word), BH_GATE_TRIAL);
	pass_s(PERIOD_S + 1);
	ck_assert_uint_eq(all(), BH_GATE_OPEN);
	ck_assert_uint_eq(own(42), BH_GATE_OPEN);
	ck_assert(desk_said("has stood its trial"));
}
END_TEST

START_TEST(full_table_lets_the_oldest_go_aloud)
{
	desk.p->crash_intensity = 1;
	for (uint64_t key = 1; key <= BH_GATES; key++) {
		k->now_ns++;
		crash_of((uint32_t)key, "it", key, 9, SIGSEGV);
		crash_of((uint32_t)key, "it", key, 9, SIGSEGV);
		ck_assert_uint_eq(own(key), BH_GATE_QUARANTINED);
	}
	uint64_t before = gate(1)->word;
	struct bh_gate *first = gate(1);
	k->now_ns++;
	crash_of(200, "it", 200, 9, SIGSEGV);
	crash_of(200, "it", 200, 9, SIGSEGV);
	ck_assert_uint_eq(own(200), BH_GATE_QUARANTINED);
	ck_assert_uint_eq(own(1), BH_GATE_OPEN);
	ck_assert_uint_eq(own(2), BH_GATE_QUARANTINED);
	ck_assert(desk_said("type1 from 1 is let go for another"));
	ck_assert_uint_eq(bh_gate_state_of(s->v.types[1].gate.word), BH_GATE_OPEN);
	/* A worker that was about to move the old one's moves nothing. */
	ck_assert_ptr_eq(first, gate(200));
	ck_assert(!bh_cas(&first->word, &before, 0));
}
END_TEST

START_TEST(refused_are_told_now_and_then)
{
	shut_out(42);
	struct bh_gate *g = gate(42);
	g->refused = 3;
	pass_s(1);
	ck_assert(desk_said("from 42: 3 refused"));
	g->refused = 4;
	pass_s(1);
	ck_assert(!desk_said("from 42: 4 refused"));
	pass_s(10);
	ck_assert(desk_said("from 42: 4 refused"));
}
END_TEST

START_TEST(lifted_by_hand_it_begins_anew)
{
	uint64_t key = 42;

	shut_out(42);
	shut_out(43);
	k->now_ns++;
	bh_quarantine_lift(s, TYPE, &key);
	ck_assert_uint_eq(own(42), BH_GATE_OPEN);
	ck_assert_uint_eq(own(43), BH_GATE_QUARANTINED);
	ck_assert_uint_eq(all(), BH_GATE_KEYS);
	k->now_ns++;
	for (int i = 0; i < LIMIT; i++)
		ck_assert(!crash(42));
	ck_assert(crash(42));
	bh_quarantine_lift(s, TYPE + 1, NULL);
	ck_assert_uint_eq(own(42), BH_GATE_QUARANTINED);
	bh_quarantine_lift(s, BH_TYPES, NULL);
	ck_assert_uint_eq(own(42), BH_GATE_OPEN);
	ck_assert_uint_eq(own(43), BH_GATE_OPEN);
	ck_assert_uint_eq(all(), BH_GATE_OPEN);
}
END_TEST

/* Killed between the two stores; or scribbled over. */
START_TEST(type_and_keys_agree_after_the_next_look)
{
	shut_out(42);
	s->v.types[TYPE].gate.word = BH_GATE_OPEN;
	pass_s(0);
	ck_assert_uint_eq(all(), BH_GATE_KEYS);
	gate(42)->word = bh_gate_word(gate(42)->word, BH_GATE_OPEN);
	pass_s(0);
	ck_assert_uint_eq(all(), BH_GATE_OPEN);
	s->v.a->gate[9].word = BH_GATE_KEYS; /* no state of such a gate */
	s->v.a->gate[9].type = 1u << 31;
	pass_s(0);
	ck_assert_uint_eq(bh_gate_state_of(s->v.a->gate[9].word), BH_GATE_OPEN);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("quarantine");
	Suite *suite = suite_create("kernel.quarantine");

	tcase_add_checked_fixture(tc, setup, desk_teardown);
	tcase_add_test(tc, one_client_is_refused_and_the_type_is_not);
	tcase_add_test(tc, crashes_of_long_ago_and_from_outside_do_not_count);
	tcase_add_test(tc, many_clients_have_the_type_refused);
	tcase_add_test(tc, few_clients_never_have_the_type_refused);
	tcase_add_test(tc, without_a_key_it_is_the_types);
	tcase_add_test(tc, exempt_or_switched_off_nobody_is);
	tcase_add_loop_test(tc, trial_decides, 0, 2);
	tcase_add_test(tc, full_table_lets_the_oldest_go_aloud);
	tcase_add_test(tc, refused_are_told_now_and_then);
	tcase_add_test(tc, lifted_by_hand_it_begins_anew);
	tcase_add_test(tc, type_and_keys_agree_after_the_next_look);
	suite_add_tcase(suite, tc);
	return bh_check_run(suite);
}
