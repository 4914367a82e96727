/* SPDX-License-Identifier: MIT */
/*
 * What the probe counts against what the test made happen: pokes it gave, and the
 * voluntary switches that Linux counted for the same process.
 */
#include <bpf/bpf.h>
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/load/privilege.h"
#include "bpf/load/probes.h"
#include "rig.h"
#include "tests/check_run.h"

#define SLEEPS    "voluntary_ctxt_switches"
#define PREEMPTED "nonvoluntary_ctxt_switches"

static struct rig rig;

static void start(void)
{
	rig_open(&rig);
	rig_start(&rig, getuid());
	ck_assert_msg(rig.said.trace_page.error == 0, "%s", rig.said.trace_page.why);
	ck_assert_str_eq(rig.said.trace_page.why, "");
}

static void stop(void)
{
	rig_stop(&rig);
}

static void assert_near(uint64_t got, uint64_t expected, uint64_t tolerance)
{
	uint64_t apart = got > expected ? got - expected : expected - got;

	ck_assert_msg(apart <= tolerance, "%llu, expected %llu within %llu",
		      (unsigned long long)got, (unsigned long long)expected,
		      (unsigned long long)tolerance);
}

/* No sleep counts twice. A few in a thousand may be missing: not every switch to a
 * worker reaches the programs (docs/observing.md). */
static void assert_sleeps_counted(uint64_t count, uint64_t slept)
{
	ck_assert_uint_le(count, slept + 1);
	ck_assert_uint_ge(count + slept / 50 + 1, slept);
}

static uint64_t bucket_sum(const uint64_t *buckets)
{
	uint64_t sum = 0;

	for (unsigned b = 0; b < BH_TRACE_BUCKETS; b++)
		sum += buckets[b];
	return sum;
}

/* How many waited for as long as the bucket of @ns, or longer. */
static uint64_t at_least(const struct bh_trace_worker *w, uint64_t ns)
{
	uint64_t n = 0;

	for (unsigned b = bh_trace_bucket(ns); b < BH_TRACE_BUCKETS; b++)
		n += w->times.run_queue.buckets[b];
	return n;
}

START_TEST(each_wakeup_counts_once)
{
	struct sleeper s = sleeper_start(-1);

	rig.board->services[0].worker_pid[3] = s.pid;
	const struct bh_trace_worker *w = rig_tracked(&rig, 3, s.pid);
	uint64_t slept = proc_status(s.pid, SLEEPS, 10);
	sleeper_poke(&s, 500);
	slept = proc_status(s.pid, SLEEPS, 10) - slept;
	rig_refresh(&rig);
	assert_sleeps_counted(w->times.run_queue.count, slept);
	assert_near(w->times.run_queue.count, 500, 10);
	ck_assert_uint_eq(bucket_sum(w->times.run_queue.buckets), w->times.run_queue.count);
	ck_assert_uint_ge(w->times.run_queue.sum_ns, w->times.run_queue.max_ns);
	ck_assert_uint_gt(w->times.run_queue.buckets[bh_trace_bucket(w->times.run_queue.max_ns)],
			  0);
}
END_TEST

/* Poked again at once, it is often woken while it is about to sleep, or not asleep
 * at all: Linux's own count of its sleeps is the truth. */
START_TEST(wakeups_that_race_with_sleeps_count_once)
{
	struct sleeper s = sleeper_start(-1);

	rig.board->services[0].worker_pid[0] = s.pid;
	const struct bh_trace_worker *w = rig_tracked(&rig, 0, s.pid);
	uint64_t slept = proc_status(s.pid, SLEEPS, 10);
	sleeper_rush(&s, 20000);
	sleeper_poke(&s, 0);
	slept = proc_status(s.pid, SLEEPS, 10) - slept;
	rig_refresh(&rig);
	assert_sleeps_counted(w->times.run_queue.count, slept);
}
END_TEST

/* Both workers are pinned to one CPU, and precede everything but the competitor. It
 * holds the CPU from before the delayed one is woken until DELAY_MS later. */
START_TEST(delay_by_a_competitor_shows)
{
	enum {
		POKES = 40,
		DELAY_MS = 3
	};
	struct sleeper free_worker = sleeper_start(0), delayed = sleeper_start(0);
	struct hog competitor = hog_start(0);

	ck_assert(set_priority(free_worker.pid, 1) && set_priority(delayed.pid, 1));
	rig.board->services[0].worker_pid[0] = free_worker.pid;
	rig.board->services[0].worker_pid[1] = delayed.pid;
	const struct bh_trace_worker *f = rig_tracked(&rig, 0, free_worker.pid);
	const struct bh_trace_worker *d = rig_tracked(&rig, 1, delayed.pid);
	for (unsigned i = 0; i < POKES; i++) {
		char c;
		sleeper_poke(&free_worker, 1);
		sleeper_poke(&delayed, 0);
		hog_begin(&competitor);
		ck_assert_int_eq(write(delayed.poke, "", 1), 1);
		pause_ms(DELAY_MS);
		hog_end(&competitor);
		ck_assert_int_eq(read(delayed.done, &c, 1), 1);
	}
	rig_refresh(&rig);
	/* A poke that comes before its sleeper sleeps is no wake-up; on a busy machine
	 * a few do. None counts twice, and nearly all that count were delayed. */
	ck_assert_uint_le(f->times.run_queue.count, POKES + 1);
	ck_assert_uint_le(d->times.run_queue.count, POKES + 1);
	ck_assert_uint_ge(f->times.run_queue.count, POKES * 3 / 4);
	ck_assert_uint_ge(d->times.run_queue.count, POKES * 3 / 4);
	ck_assert_uint_ge(at_least(d, DELAY_MS * 1000000), d->times.run_queue.count * 3 / 4);
	ck_assert_uint_ge(d->times.run_queue.sum_ns,
			  d->times.run_queue.count * 3 / 4 * DELAY_MS * 1000000);
	ck_assert_uint_lt(at_least(f, DELAY_MS * 1000000), f->times.run_queue.count / 2);
}
END_TEST

START_TEST(preemption_is_no_wakeup)
{
	pid_t worker = spinner_start(0);

	rig.board->services[0].worker_pid[0] = worker;
	const struct bh_trace_worker *w = rig_tracked(&rig, 0, worker);
	uint64_t slept = proc_status(worker, SLEEPS, 10);
	uint64_t preempted = proc_status(worker, PREEMPTED, 10);
	pid_t competitor = spinner_start(0);
	wait_until(proc_status(worker, PREEMPTED, 10) >= preempted + 20);
	kill(competitor, SIGKILL);
	rig_refresh(&rig);
	assert_near(w->times.run_queue.count, proc_status(worker, SLEEPS, 10) - slept, 1);
}
END_TEST

START_TEST(successor_counts_on_in_the_slot)
{
	struct sleeper first = sleeper_start(-1), second = sleeper_start(-1);
	int32_t *slot = &rig.board->services[0].worker_pid[5];

	*slot = first.pid;
	const struct bh_trace_worker *w = rig_tracked(&rig, 5, first.pid);
	sleeper_poke(&first, 100);
	kill(first.pid, SIGKILL);
	ck_assert_int_eq(waitpid(first.pid, NULL, 0), first.pid);
	*slot = 0;
	rig_refresh(&rig);
	assert_near(w->times.run_queue.count, 100, 5);
	*slot = second.pid;
	ck_assert_ptr_eq(rig_tracked(&rig, 5, second.pid), w);
	sleeper_poke(&second, 100);
	rig_refresh(&rig);
	assert_near(w->times.run_queue.count, 200, 10);
	ck_assert_uint_eq(rig.page->n_workers, 1);
}
END_TEST

START_TEST(workers_may_swap_slots)
{
	struct sleeper a = sleeper_start(-1), b = sleeper_start(-1);
	int32_t *pids = rig.board->services[0].worker_pid;

	pids[0] = a.pid;
	pids[1] = b.pid;
	rig_tracked(&rig, 0, a.pid);
	rig_tracked(&rig, 1, b.pid);
	pids[0] = b.pid;
	pids[1] = a.pid;
	const struct bh_trace_worker *w0 = rig_tracked(&rig, 0, b.pid);
	const struct bh_trace_worker *w1 = rig_tracked(&rig, 1, a.pid);
	sleeper_poke(&a, 100);
	rig_refresh(&rig);
	assert_near(w0->times.run_queue.count, 0, 5);
	assert_near(w1->times.run_queue.count, 100, 5);
}
END_TEST

START_TEST(garbage_in_the_board_is_borne)
{
	struct sleeper s = sleeper_start(-1);
	struct bh_board_service *services = rig.board->services;

	for (uint32_t v = 0; v < BH_PLAN_SERVICES; v++) {
		services[v].workers = UINT32_MAX;
		for (uint32_t w = 0; w < BH_MAX_WORKERS; w++)
			services[v].worker_pid[w] = (int32_t)(2654435761u * (v * 64 + w + 1));
	}
	services[0].worker_pid[0] = -1;
	services[0].worker_pid[1] = INT32_MAX;
	services[0].worker_pid[2] = INT32_MIN;
	services[0].worker_pid[3] = services[0].worker_pid[4] = s.pid;
	rig.board->n_services = UINT32_MAX;
	const struct bh_trace_worker *w = rig_tracked(&rig, 3, s.pid);
	sleeper_poke(&s, 100);
	rig_refresh(&rig);
	assert_near(w->times.run_queue.count, 100, 5);
	ck_assert_uint_le(rig.page->n_workers, BH_PLAN_SERVICES * BH_MAX_WORKERS);
	ck_assert_int_eq(kill(rig.traced, 0), 0);

	/* The twin of the pid counts once the first has let it go. */
	services[0].worker_pid[3] = 0;
	rig_tracked(&rig, 4, s.pid);
}
END_TEST

/* The ids of the programs that traced holds. */
static unsigned programs_of(pid_t pid, uint32_t *ids, unsigned max)
{
	unsigned n = 0;

	for (int fd = 0; fd < 64; fd++) {
		char path[64], line[128];
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
		FILE *f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			if (!strncmp(line, "prog_id:", 8) && n < max)
				ids[n++] = (uint32_t)strtoul(line + 8, NULL, 10);
		if (f)
			fclose(f);
	}
	return n;
}

static bool program_exists(uint32_t id)
{
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

START_TEST(death_detaches_and_the_next_starts_anew)
{
	uint32_t ids[16];
	struct sleeper s = sleeper_start(-1);

	rig.board->services[0].worker_pid[0] = s.pid;
	rig_tracked(&rig, 0, s.pid);
	sleeper_poke(&s, 100);
	unsigned n = programs_of(rig.traced, ids, 16);
	ck_assert_uint_ge(n, 2);
	ck_assert(program_exists(ids[0]));
	kill(rig.traced, SIGKILL);
	ck_assert_int_eq(waitpid(rig.traced, NULL, 0), rig.traced);
	for (unsigned i = 0; i < n; i++)
		wait_until(!program_exists(ids[i]));
	sleeper_poke(&s, 10);

	close(rig.ctl);
	rig_start(&rig, getuid());
	const struct bh_trace_worker *w = rig_tracked(&rig, 0, s.pid);
	rig_refresh(&rig);
	assert_near(w->times.run_queue.count, 0, 0);
	sleeper_poke(&s, 100);
	rig_refresh(&rig);
	assert_near(w->times.run_queue.count, 100, 5);
}
END_TEST

START_TEST(capabilities_are_given_up)
{
	wait_until(rig.page->updates > 0);
	ck_assert_uint_eq(proc_status(rig.traced, "CapEff", 16) & ~BH_CAP(CAP_BPF), 0);
	ck_assert_uint_eq(proc_status(rig.traced, "CapPrm", 16) & ~BH_CAP(CAP_BPF), 0);
	ck_assert_uint_eq(proc_status(rig.traced, "CapInh", 16), 0);
	ck_assert_uint_eq(proc_status(rig.traced, "CapAmb", 16), 0);
	ck_assert_uint_eq(proc_status(rig.traced, "CapBnd", 16) & ~BH_CAPS_TRACING, 0);
	ck_assert_uint_eq(proc_status(rig.traced, "NoNewPrivs", 10), 1);
}
END_TEST

START_TEST(new_kernel_is_sent_the_page_again)
{
	const struct bh_trace_page *first = rig.page;

	wait_until(first->updates > 0);
	rig.board->kernel_restarts++;
	rig_receive(&rig);
	uint64_t updates = first->updates;
	wait_until(rig.page->updates > updates && first->updates > updates);
}
END_TEST

START_TEST(messages_for_others_are_ignored)
{
	struct bh_ctl ctl = { .op = BH_CTL_ARENA };

	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(send(rig.ctl, &ctl, i ? sizeof(ctl) : 1, 0), i ? sizeof(ctl) : 1);
	rig_refresh(&rig);
}
END_TEST

START_TEST(rereading_the_state_counts_too)
{
	struct bh_probes *probes;
	const uint32_t last = BH_TRACE_WORKERS - 1;
	const struct bh_probe_worker worker = { .entry = last };
	struct sleeper s = sleeper_start(-1);

	ck_assert_int_eq(bh_probes_start_as(&probes, BH_PROBE_STATE_REREAD), 0);
	ck_assert_int_eq(bh_probes_track(probes, s.pid, &worker), 0);
	sleeper_poke(&s, 300);
	assert_near(bh_probes_counts(probes, last)->times.run_queue.count, 300, 15);
	ck_assert_int_eq(bh_probes_track(probes, s.pid, &worker), -EEXIST);
	bh_probes_untrack(probes, s.pid);
	uint64_t before = bh_probes_counts(probes, last)->times.run_queue.count;
	sleeper_poke(&s, 10);
	ck_assert_uint_eq(bh_probes_counts(probes, last)->times.run_queue.count, before);
	bh_probes_stop(probes);
}
END_TEST

static bool may_set_priorities(void)
{
	return bh_privilege_effective() & BH_CAP(CAP_SYS_NICE);
}

int main(void)
{
	char line[256];
	int probe = rig_probe(line, sizeof(line));

	if (probe == 1) {
		printf("skipped: bpf.wake: %s", line);
		return 77;
	}
	Suite *suite = suite_create("bpf.wake");
	TCase *alone = tcase_create("probe");
	TCase *traced = tcase_create("traced");

	tcase_add_test(alone, rereading_the_state_counts_too);
	tcase_add_checked_fixture(traced, start, stop);
	tcase_add_test(traced, each_wakeup_counts_once);
	tcase_add_test(traced, wakeups_that_race_with_sleeps_count_once);
	if (may_set_priorities())
		tcase_add_test(traced, delay_by_a_competitor_shows);
	else
		printf("skipped: bpf.wake: delay_by_a_competitor_shows: no CAP_SYS_NICE\n");
	tcase_add_test(traced, preemption_is_no_wakeup);
	tcase_add_test(traced, successor_counts_on_in_the_slot);
	tcase_add_test(traced, workers_may_swap_slots);
	tcase_add_test(traced, garbage_in_the_board_is_borne);
	tcase_add_test(traced, death_detaches_and_the_next_starts_anew);
	tcase_add_test(traced, capabilities_are_given_up);
	tcase_add_test(traced, new_kernel_is_sent_the_page_again);
	tcase_add_test(traced, messages_for_others_are_ignored);
	suite_add_tcase(suite, alone);
	suite_add_tcase(suite, traced);

	return bh_check_run(suite);
}
