/* SPDX-License-Identifier: MIT */
/*
 * Whose time it was: what the probes attribute to tasks, against what workers with an
 * arena of their own say that they run. Nobody sends the probes a thing.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "tests/check_run.h"

enum {
	MOST = 1 << 16,
};

static struct scene scene;
static struct bh_event events[MOST];

static void start(void)
{
	scene_open(&scene);
}

static void stop(void)
{
	scene_close(&scene);
}

static const struct bh_trace_times *times_of(uint32_t type)
{
	uint32_t n = __atomic_load_n(&scene.rig.page->n_types, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < n; i++)
		if (scene.rig.page->types[i].service == 0 && scene.rig.page->types[i].type == type)
			return &scene.rig.page->types[i].times;
	return NULL;
}

/* All that happened before the call, and nothing more. */
static uint32_t all_events(void)
{
	rig_refresh(&scene.rig);
	return scene_events(&scene, events, MOST);
}

static uint32_t count_of(uint32_t n, enum bh_event_kind kind, pid_t pid)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < n; i++)
		found += events[i].kind == kind && events[i].pid == (uint32_t)pid;
	return found;
}

START_TEST(waits_count_for_the_task_type)
{
	const struct role a = { 0, 7, 5, 3 }, b = { 1, 9, 6, 4 };
	struct sleeper wa = scene_worker(&scene, &a, true), wb = scene_worker(&scene, &b, true);

	sleeper_poke(&wa, 200);
	sleeper_poke(&wb, 50);
	rig_refresh(&scene.rig);
	const struct bh_trace_times *ta = times_of(3), *tb = times_of(4);
	ck_assert_ptr_nonnull(ta);
	ck_assert_ptr_nonnull(tb);
	ck_assert_uint_le(ta->run_queue.count, 201);
	ck_assert_uint_ge(ta->run_queue.count, 180);
	ck_assert_uint_le(tb->run_queue.count, 51);
	ck_assert_uint_ge(tb->run_queue.count, 40);
	/* They slept in read(). */
	ck_assert_uint_eq(ta->off[BH_EVO_IO].count, ta->run_queue.count);
	ck_assert_uint_eq(ta->off[BH_EVO_FUTEX].count, 0);
}
END_TEST

/* A stale handle names a task, and no type: the type is that of its successor. */
START_TEST(stale_task_has_no_type)
{
	const struct role a = { 0, 7, 5, 3 };
	struct sleeper w = scene_worker(&scene, &a, true);

	sleeper_poke(&w, 1);
	bh_st_rlx(&scene.view.tasks[5].state, 8ull << 32);
	scene_record(&scene, true);
	sleeper_poke(&w, 20);
	struct bh_event e = scene_event(&scene, BH_EV_OFF_CPU, w.pid);
	ck_assert_uint_eq(e.task, role_task(&a));
	ck_assert_uint_eq(e.type, BH_EVENT_NO_TYPE);
}
END_TEST

START_TEST(switches_carry_worker_and_task)
{
	const struct role a = { 2, 7, 5, 3 };
	struct sleeper w = scene_worker(&scene, &a, true);

	scene_record(&scene, true);
	sleeper_poke(&w, 100);
	uint32_t n = all_events();
	ck_assert_uint_ge(count_of(n, BH_EV_OFF_CPU, w.pid), 90);
	ck_assert_uint_ge(count_of(n, BH_EV_ON_CPU, w.pid), 90);
	ck_assert_uint_ge(count_of(n, BH_EV_WOKEN, w.pid), 100);
	for (uint32_t i = 0; i < n; i++) {
		const struct bh_event *e = &events[i];
		/* The first may be of a sleep that began before anybody looked. */
		if (e->pid != (uint32_t)w.pid || e->task == BH_EVENT_NO_TASK)
			continue;
		ck_assert_uint_eq(e->task, role_task(&a));
		ck_assert_uint_eq(e->type, 3);
		ck_assert_uint_eq(e->service, 0);
		ck_assert_uint_eq(e->slot, 2);
		if (e->kind == BH_EV_WOKEN)
			ck_assert_uint_eq(e->other_pid, (uint32_t)getpid());
	}
	ck_assert_uint_eq(scene.lost, 0);
}
END_TEST

/* Passes each poke on to @next. */
static void relay(void *next)
{
	char c = 0;

	do
		(void)!write(*(int *)next, &c, 1);
	while (read(STDIN_FILENO, &c, 1) == 1);
}

/* A wakes B, B wakes C: two arrows, and no other between the three. */
START_TEST(chain_of_wakers_is_seen)
{
	const struct role rc = { 2, 3, 12, 6 };
	struct sleeper c = scene_worker(&scene, &rc, true);
	struct role role = { 1, 2, 11, 5 };
	/* worker_process() closes what is above 2: relays write to their stderr. */
	int err = dup(STDERR_FILENO), two = STDERR_FILENO;
	dup2(c.poke, STDERR_FILENO);
	struct sleeper b = scene_actor(&scene, &role, true, relay, &two);
	dup2(b.poke, STDERR_FILENO);
	role = (struct role){ 0, 1, 10, 4 };
	struct sleeper a = scene_actor(&scene, &role, true, relay, &two);
	dup2(err, STDERR_FILENO);
	scene_record(&scene, true);
	for (int i = 0; i < 50; i++) {
		char ch = 0;
		ck_assert_int_eq(write(a.poke, &ch, 1), 1);
		if (i)
			ck_assert_int_eq(read(c.done, &ch, 1), 1);
		pause_ms(2);
	}
	uint32_t n = all_events(), ab = 0, bc = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct bh_event *e = &events[i];
		pid_t from = (pid_t)e->other_pid;

		if (e->kind != BH_EV_WOKEN || (from != a.pid && from != b.pid && from != c.pid))
			continue;
		if (from == a.pid && e->slot == 1) {
			ck_assert_uint_eq(e->other, bh_handle(1, 10));
			ck_assert_uint_eq(e->a, bh_event_worker(0, 0));
			ab++;
		} else if (from == b.pid && e->slot == 2) {
			ck_assert_uint_eq(e->other, bh_handle(2, 11));
			ck_assert_uint_eq(e->a, bh_event_worker(0, 1));
			bc++;
		} else {
			ck_abort_msg("%d woke slot %d", from, e->slot);
		}
	}
	ck_assert_uint_ge(ab, 40);
	ck_assert_uint_ge(bc, 40);
}
END_TEST

static double cpu_seconds(pid_t pid)
{
	char path[64];
	unsigned long long ns = 0;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	FILE *f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%llu", &ns), 1);
	fclose(f);
	return (double)ns / 1e9;
}

static void spin(void *arg)
{
	(void)arg;
	for (;;)
		__asm__ volatile("");
}

START_TEST(samples_name_what_spins)
{
	const struct role a = { 0, 7, 5, 3 };
	struct sleeper w = scene_actor(&scene, &a, true, spin, NULL);

	scene_record(&scene, true);
	ck_assert_int_eq(write(w.poke, "", 1), 1);
	struct bh_event e = scene_event(&scene, BH_EV_SAMPLE, w.pid);
	ck_assert_uint_eq(e.task, role_task(&a));
	ck_assert_uint_eq(e.type, 3);
	ck_assert_uint_ne(e.other, 0);
	kill(w.pid, SIGKILL);
}
END_TEST

/* As many samples as there was time on a CPU, by Linux's own account. */
START_TEST(samples_measure_cpu_time)
{
	const struct role a = { 0, 7, 5, 3 };
	struct sleeper w = scene_actor(&scene, &a, true, spin, NULL);
	uint32_t n = 0, found = 0;

	scene_record(&scene, true);
	double before = cpu_seconds(w.pid);
	ck_assert_int_eq(write(w.poke, "", 1), 1);
	wait_until(cpu_seconds(w.pid) >= before + 1);
	kill(w.pid, SIGKILL);
	ck_assert_int_eq(waitpid(w.pid, NULL, 0), w.pid);
	n = all_events();
	found = count_of(n, BH_EV_SAMPLE, w.pid);
	ck_assert_msg(found > 150 && found < 300, "%u samples in a second", found);
}
END_TEST

START_TEST(nothing_is_recorded_unasked)
{
	const struct role a = { 0, 7, 5, 3 };
	struct sleeper w = scene_worker(&scene, &a, true);

	sleeper_poke(&w, 50);
	ck_assert_uint_eq(all_events(), 0);
	scene_record(&scene, true);
	sleeper_poke(&w, 50);
	scene_record(&scene, false);
	all_events();
	sleeper_poke(&w, 50);
	ck_assert_uint_eq(all_events(), 0);
}
END_TEST

int main(void)
{
	char line[256];

	if (rig_probe(line, sizeof(line)) == 1) {
		printf("skipped: bpf.tasks: %s", line);
		return 77;
	}
	Suite *suite = suite_create("bpf.tasks");
	TCase *t = tcase_create("tasks");

	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, waits_count_for_the_task_type);
	tcase_add_test(t, stale_task_has_no_type);
	tcase_add_test(t, switches_carry_worker_and_task);
	tcase_add_test(t, chain_of_wakers_is_seen);
	tcase_add_test(t, samples_name_what_spins);
	tcase_add_test(t, samples_measure_cpu_time);
	tcase_add_test(t, nothing_is_recorded_unasked);
	suite_add_tcase(suite, t);

	return bh_check_run(suite);
}
