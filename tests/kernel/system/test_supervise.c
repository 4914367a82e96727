/* SPDX-License-Identifier: MIT */
/* The kernel as a whole: who dies is replaced, whoever it is, and the others do
 * not notice. The service is fake_host: no tasks, but all the rest. */
#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/check_run.h"
#include "tests/kernel/rig.h"

enum {
	REACTORS = 3 /* of 17 workers */
};

static struct rig r;

static void setup(void)
{
	unsetenv("FAKE_INIT_ERROR");
	unsetenv("FAKE_INIT_MS");
	unsetenv("FAKE_INIT_OF");
	unsetenv("FAKE_BROKEN");
	unsetenv("FAKE_DIE_US");
	unsetenv("FAKE_DIE_IN_TASK");
	unsetenv("FAKE_VACANT");
	unsetenv("FAKE_CLAIM");
	unsetenv("FAKE_LEASE");
	unsetenv("FAKE_REACTOR");
	unsetenv("FAKE_EVENTS");
	rig_init(&r);
}

static void teardown(void)
{
	rig_fini(&r);
}

static pid_t worker(int slot)
{
	return r.board->services[0].worker_pid[slot];
}

static const struct bh_proc *worker_proc(uint32_t slot)
{
	const struct bh_proc *p = rig_proc(&r, BH_PROC_WORKER);

	return p + slot;
}

static bool all_up(void)
{
	for (uint32_t i = 0; i < RIG_WORKERS; i++)
		if (bh_ld_acq(&worker_proc(i)->state) != BH_PROC_UP)
			return false;
	return bh_ld_acq(&rig_proc(&r, BH_PROC_ZYGOTE)->state) == BH_PROC_UP &&
	       r.board->services[0].state == BH_PROC_UP;
}

/* Kills worker @slot and waits for another one in its place. */
static void replace_worker(int slot, int sig)
{
	pid_t old = worker(slot);

	ck_assert_int_gt(old, 0);
	kill(old, sig);
	rig_until(worker(slot) > 0 && worker(slot) != old && all_up());
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

START_TEST(worker_is_replaced_and_its_death_recorded)
{
	rig_start(&r, true);
	pid_t old = worker(1), other = worker(0);
	uint32_t epoch = r.board->services[0].worker_epoch[1];

	replace_worker(1, SIGUSR2); /* not one that a sanitizer takes for itself */
	const struct bh_board_crash *c = &r.board->crash[1];
	rig_until(c->id == 1 && c->restart_us > 0);
	ck_assert_int_eq(c->pid, old);
	ck_assert_int_eq(c->signal, SIGUSR2);
	ck_assert_uint_eq(c->worker, 1);
	ck_assert_uint_eq(c->kind, BH_PROC_WORKER);
	ck_assert_uint_eq(r.board->services[0].worker_epoch[1], epoch + 1);
	ck_assert_uint_eq(r.board->services[0].worker_crashes[1], 1);
	ck_assert_int_eq(worker(0), other);
}
END_TEST

/* One that dumps core is there until it has: it said before when it crashed. */
START_TEST(time_to_restart_counts_from_the_last_words)
{
	rig_start(&r, true);
	rig_until(all_up());
	rig_view(&r);
	struct bh_last_words *w = &r.v.workers[1].last_words;
	const struct bh_board_crash *c = &r.board->crash[1];

	rig_write(&r, &worker_proc(1)->started_ns, &(int64_t){ now_ns() - 10000000000ll }, 8);
	w->signal = SIGUSR2;
	w->time_ns = now_ns() - 5000000000ll;
	bh_st_rel(&w->valid, worker_proc(1)->epoch + 1);
	replace_worker(1, SIGUSR2);
	rig_until(c->id == 1 && c->restart_us > 0);
	ck_assert_uint_ge(c->restart_us, 5000000);
	ck_assert_uint_le(c->restart_us, 10000000);
}
END_TEST

START_TEST(all_workers_at_once)
{
	rig_start(&r, true);
	for (int round = 0; round < 10; round++) {
		pid_t old[RIG_WORKERS];

		for (int i = 0; i < RIG_WORKERS; i++)
			kill(old[i] = worker(i), SIGKILL);
		for (int i = 0; i < RIG_WORKERS; i++)
			rig_until(worker(i) > 0 && worker(i) != old[i]);
		rig_until(all_up());
	}
	ck_assert_uint_eq(r.board->services[0].resets, 0);
}
END_TEST

START_TEST(twin_takes_over_from_the_zygote)
{
	rig_start(&r, true);
	for (uint64_t round = 1; round <= 5; round++) {
		pid_t first = worker(0), zygote = rig_proc(&r, BH_PROC_ZYGOTE)->pid;

		rig_until(bh_ld_acq(&rig_proc(&r, BH_PROC_TWIN)->state) == BH_PROC_UP);
		kill(zygote, SIGKILL);
		rig_until(r.board->services[0].zygote_restarts == round);
		ck_assert_int_eq(worker(0), first);
		replace_worker(0, SIGKILL); /* by the new one */
	}
	ck_assert_uint_eq(r.board->services[0].resets, 0);
}
END_TEST

START_TEST(kernel_is_succeeded)
{
	rig_start(&r, true);
	for (uint32_t round = 1; round <= 5; round++) {
		pid_t first = worker(0);

		kill(r.board->kernel_pid, SIGKILL);
		rig_until(rig_proc(&r, BH_PROC_KERNEL)->restarts == round);
		ck_assert_int_eq(worker(0), first);
		replace_worker(0, SIGKILL);
	}
	ck_assert_uint_eq(r.board->services[0].resets, 0);
}
END_TEST

START_TEST(worker_that_died_without_a_kernel_is_replaced)
{
	rig_start(&r, true);
	pid_t old = worker(2);

	/* Stopped, it sees nothing of what happens before it is killed. */
	kill(r.board->kernel_pid, SIGSTOP);
	kill(old, SIGKILL);
	kill(r.board->kernel_pid, SIGKILL);
	rig_until(worker(2) > 0 && worker(2) != old && all_up());
	ck_assert_uint_eq(r.board->services[0].resets, 0);
}
END_TEST

START_TEST(zygote_worker_and_kernel_at_once)
{
	rig_start(&r, true);
	for (int round = 0; round < 5; round++) {
		pid_t old = worker(0);

		rig_until(bh_ld_acq(&rig_proc(&r, BH_PROC_TWIN)->state) == BH_PROC_UP);
		kill(rig_proc(&r, BH_PROC_ZYGOTE)->pid, SIGKILL);
		kill(old, SIGKILL);
		kill(r.board->kernel_pid, SIGKILL);
		rig_until(worker(0) > 0 && worker(0) != old && all_up());
	}
	ck_assert_uint_eq(r.board->services[0].resets, 0);
}
END_TEST

static bool is_stopped(pid_t pid)
{
	char path[40], text[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!(f = fopen(path, "r")))
		return false;
	bool got = fgets(text, sizeof(text), f) != NULL;
	fclose(f);
	return got && strstr(text, ") T ") != NULL;
}

/* It may need that very CPU to say how somebody died. The kernel waits for it a second,
 * by its own clock; a millisecond each turn. */
START_TEST(a_kernel_that_waits_for_the_guardian_sleeps)
{
	rig_start(&r, true);
	rig_until(all_up());
	const struct bh_board_crash *c = &r.board->crash[1];
	pid_t guardian = r.board->guardian_pid, old = worker(0);

	kill(guardian, SIGSTOP);
	rig_until(is_stopped(guardian));
	uint64_t before = r.board->turns;
	kill(old, SIGKILL);
	rig_until(bh_ld_acq(&r.board->crashes) == 1);
	uint64_t turns = r.board->turns - before;
	kill(guardian, SIGCONT);
	ck_assert_msg(turns < 2000, "%" PRIu64 " turns", turns);
	rig_until(worker(0) > 0 && worker(0) != old && all_up());
	ck_assert_uint_ge(c->restart_us, 1000000);
}
END_TEST

/* Both at once: the kernel sees neither die before the other. */
static void kill_zygote_and_twin(void)
{
	rig_until(all_up() && bh_ld_acq(&rig_proc(&r, BH_PROC_TWIN)->state) == BH_PROC_UP);
	kill(r.board->kernel_pid, SIGSTOP);
	rig_until(is_stopped(r.board->kernel_pid));
	kill(rig_proc(&r, BH_PROC_ZYGOTE)->pid, SIGKILL);
	kill(rig_proc(&r, BH_PROC_TWIN)->pid, SIGKILL);
	kill(r.board->kernel_pid, SIGCONT);
}

START_TEST(service_without_zygote_and_twin_is_reset)
{
	rig_start(&r, true);
	uint32_t arena = r.board->services[0].arena_seq;

	kill_zygote_and_twin();
	rig_until(r.board->services[0].arena_seq == arena + 1 && all_up());
	ck_assert_uint_eq(r.board->services[0].resets, 1);
	ck_assert_ptr_nonnull(strstr(r.board->services[0].last_reset, "had no twin"));
	replace_worker(0, SIGKILL);
}
END_TEST

START_TEST(resets_without_end_are_given_up)
{
	rig_start(&r, true);
	while (r.board->services[0].resets < 3) {
		uint64_t before = r.board->services[0].resets;

		kill_zygote_and_twin();
		rig_until(r.board->services[0].resets == before + 1);
	}
	kill_zygote_and_twin();
	int code = rig_end(&r);
	ck_assert_msg(code == 111, "exit code %d; said: %s", code, rig_said(&r));
	ck_assert_msg(strstr(rig_said(&r), "failed 4 times") != NULL, "said: %s", rig_said(&r));
}
END_TEST

#ifndef RIG_SANITIZED

/* How much address space the guardian has, and so the kernels that it starts; theirs is
 * what it is now and @more bytes. 0: as much as they like. */
static void limit_memory(uint64_t more)
{
	struct rlimit l = { RLIM_INFINITY, RLIM_INFINITY };
	unsigned long pages = 0;
	char path[40];

	if (more) {
		snprintf(path, sizeof(path), "/proc/%d/statm", r.guardian);
		FILE *f = fopen(path, "r");
		ck_assert_ptr_nonnull(f);
		ck_assert_int_eq(fscanf(f, "%lu", &pages), 1);
		fclose(f);
		l.rlim_cur = pages * (uint64_t)sysconf(_SC_PAGESIZE) + more;
	}
	ck_assert_int_eq(prlimit(r.guardian, RLIMIT_AS, &l, NULL), 0);
	if (!more)
		ck_assert_int_eq(prlimit(r.board->kernel_pid, RLIMIT_AS, &l, NULL), 0);
}

/* The small one is taken up; the large one is down until there is memory. */
START_TEST(a_new_kernel_tries_again_for_an_arena_it_has_no_memory_for)
{
	const uint32_t large = 512 << 20;

	r.plan->n_services = 2;
	r.plan->services[1] = r.plan->services[0];
	r.plan->services[1].n_listen = 0;
	r.plan->services[1].name[0] = 'g';
	r.plan->services[1].max_memory = large;
	rig_start(&r, true);
	const struct bh_board_service *down = &r.board->services[1];
	pid_t first = worker(0);

	limit_memory(r.v.l.bytes + large / 2);
	kill(r.board->kernel_pid, SIGKILL);
	rig_until(strstr(rig_said(&r), "service gake cannot start again: Cannot allocate") != NULL);
	ck_assert_ptr_nonnull(strstr(down->last_reset, "Cannot allocate memory"));
	ck_assert_int_eq(worker(0), first);
	replace_worker(0, SIGKILL);
	limit_memory(0);
	rig_until(down->state == BH_PROC_UP);
	ck_assert_uint_eq(down->resets, 1);
	ck_assert_uint_eq(r.board->services[0].resets, 0);
}
END_TEST

#endif

/* Three services; @strategy; the second is reset: whose arena changes? */
static void check_strategy(enum bh_strategy strategy, const uint32_t expected[3])
{
	r.plan->strategy = strategy;
	r.plan->n_services = 3;
	for (int i = 1; i < 3; i++) {
		r.plan->services[i] = r.plan->services[0];
		r.plan->services[i].n_listen = 0;
		r.plan->services[i].name[0] = (char)('f' + i);
	}
	rig_start(&r, true);
	const struct bh_proc *zygote =
		rig_proc(&r, BH_PROC_ZYGOTE) + 2 + RIG_WORKERS + BH_MAX_BLOCKING;

	rig_until(bh_ld_acq(&zygote[1].state) == BH_PROC_UP);
	kill(r.board->kernel_pid, SIGSTOP);
	rig_until(is_stopped(r.board->kernel_pid));
	kill(zygote[0].pid, SIGKILL);
	kill(zygote[1].pid, SIGKILL);
	kill(r.board->kernel_pid, SIGCONT);
	for (int i = 0; i < 3; i++)
		rig_until(r.board->services[i].arena_seq == expected[i] &&
			  r.board->services[i].state == BH_PROC_UP);
	replace_worker(0, SIGKILL); /* before which any other reset would have begun */
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(r.board->services[i].arena_seq, expected[i]);
}

START_TEST(one_for_one_resets_the_failed_service)
{
	check_strategy(BH_ONE_FOR_ONE, (const uint32_t[3]){ 1, 2, 1 });
}
END_TEST

START_TEST(one_for_all_resets_all_services)
{
	check_strategy(BH_ONE_FOR_ALL, (const uint32_t[3]){ 2, 2, 2 });
}
END_TEST

START_TEST(rest_for_one_resets_those_after_the_failed_one)
{
	check_strategy(BH_REST_FOR_ONE, (const uint32_t[3]){ 1, 2, 2 });
}
END_TEST

START_TEST(stop_reaps_all)
{
	rig_start(&r, true);
	kill(r.guardian, SIGTERM);
	ck_assert_int_eq(rig_end(&r), 0);
}
END_TEST

START_TEST(failed_init_is_told_in_one_sentence)
{
	setenv("FAKE_INIT_ERROR", "1", 1);
	rig_start(&r, false);
	ck_assert_int_eq(rig_end(&r), 111);
	ck_assert_str_eq(rig_said(&r), "bulkhead: service fake cannot start: init said no\n");
}
END_TEST

START_TEST(missing_host_is_told_in_one_sentence)
{
	strcpy(r.plan->services[0].host, "/nonexistent/host");
	rig_start(&r, false);
	ck_assert_int_eq(rig_end(&r), 111);
	ck_assert_str_eq(rig_said(&r), "bulkhead: service fake cannot start: cannot run "
				       "/nonexistent/host: No such file or directory\n");
}
END_TEST

enum {
	LIVES = 7
};

/* Loop @i = 1: and each says in its slot that it went by itself. */
START_TEST(workers_that_die_on_start_come_slower)
{
	if (_i)
		setenv("FAKE_VACANT", "1", 1);
	setenv("FAKE_DIE_US", "100", 1);
	int64_t begin = now_ns();
	rig_start(&r, true);
	rig_until(r.board->services[0].worker_crashes[0] >= LIVES);
	/* Their pauses double: before the last life there were some of 1, 2, 4, ... times the
	 * shortest, the first perhaps none, and of each a quarter may be left out. */
	int64_t least = (1 << (LIVES - 2)) - 1;
	ck_assert_int_ge(now_ns() - begin,
			 least * r.plan->services[0].backoff_min_ms * 1000000ll * 3 / 4);
}
END_TEST

/* However many in a row, and however soon: it is the task's fault. */
START_TEST(workers_that_tasks_take_down_come_back_at_once)
{
	struct bh_plan_service *plan = &r.plan->services[0];

	plan->backoff_min_ms = plan->backoff_max_ms = 3600000;
	setenv("FAKE_DIE_IN_TASK", "1", 1);
	rig_start(&r, true);
	kill(worker(0), SIGKILL);
	kill(worker(1), SIGKILL);
	rig_until(r.board->services[0].worker_crashes[0] >= 20 &&
		  r.board->services[0].worker_crashes[1] >= 20);
}
END_TEST

/* -- the arena, with this process for a worker ------------------------------------ */

static void post(uint32_t slot, uint32_t idx)
{
	struct bh_timer_ring *ring = &r.v.workers[slot].timers;
	uint32_t t = bh_ld_rlx(&ring->tail);

	bh_st_rlx(&ring->idx[t % BH_TIMER_RING], idx);
	bh_st_rel(&ring->tail, t + 1);
}

static bool waiting(uint32_t idx)
{
	return bh_state_of(bh_ld_acq(&r.v.tasks[idx].state)) == BH_WAITING;
}

START_TEST(deadline_wakes_its_task_also_over_a_kernels_death)
{
	rig_start(&r, true);
	for (uint32_t idx = 2; idx < 6; idx++) {
		int64_t deadline = now_ns() + 300000000;

		bh_st_rel(&r.v.tasks[idx].deadline_ns, deadline);
		bh_st_rel(&r.v.tasks[idx].state, bh_state_make(1, 0, BH_OWNER_NONE, 0, BH_WAITING));
		post(0, idx);
		/* The kernel looks once a second by itself, or when a bell rings. */
		rig_until(bh_ld_acq(&r.v.tasks[idx].armed_ns) == deadline || now_ns() > deadline);
		if (idx % 2)
			kill(r.board->kernel_pid, SIGKILL);
		rig_until(!waiting(idx));
		ck_assert_int_ge(now_ns(), deadline);
	}
}
END_TEST

START_TEST(garbage_refuses_no_task_type_for_ever)
{
	rig_start(&r, true);
	/* Of a type, and by key. */
	for (int i = 0; i < 2; i++) {
		struct bh_gate *g = i ? &r.v.a->gate[7] : &r.v.types[7].gate;

		bh_st_rel(&g->word, 99);
		rig_until(bh_ld_acq(&g->word) == BH_GATE_OPEN);
		/* Until the end of time: the kernel knows that no pause is that long. */
		bh_st_rel(&g->until_ns, INT64_MAX);
		bh_st_rel(&g->since_ns, now_ns());
		bh_st_rel(&g->word, BH_GATE_QUARANTINED);
		rig_until(bh_ld_acq(&g->word) == BH_GATE_PROBATION);
		/* A trial that nobody spawned: offered again. */
		bh_st_rel(&g->word, BH_GATE_TRIAL);
		rig_until(bh_ld_rlx(&g->until_ns) > 0);
		bh_st_rel(&g->until_ns, 1);
		rig_until(bh_ld_acq(&g->word) == BH_GATE_PROBATION);
	}
}
END_TEST

static uint32_t mode_of(int at)
{
	return bh_lease_mode_of(bh_ld_acq(&r.v.a->idle.lease[at].word));
}

/* Loop @i: each mode of the lease, in each of the instances. */
static void start_with_event(int i)
{
	char mode[2] = { (char)('0' + i / REACTORS), '\0' };
	char reactor[2] = { (char)('0' + i % REACTORS), '\0' };

	setenv("FAKE_LEASE", mode, 1);
	setenv("FAKE_REACTOR", reactor, 1);
	r.plan->services[0].max_workers = 17;
	rig_start(&r, true);
	rig_view(&r);
	ck_assert_uint_eq(r.v.l.reactors, REACTORS);
	rig_until(bh_state_of(bh_ld_acq(&r.v.tasks[2].state)) == BH_SCHEDULED);
}

/* No worker of fake_host ever looks at epoll: as if each were stuck in user code
 * (BH_LEASE_FREE), stopped while it looked, or stopped asleep in epoll_wait. */
START_TEST(events_that_no_worker_takes_are_the_kernels)
{
	start_with_event(_i);
	rig_until(bh_inject_ready(&r.v.inject));
	ck_assert_uint_eq(mode_of(_i % REACTORS), (uint32_t)_i / REACTORS);
}
END_TEST

/* Its holder is killed: whoever waits for a socket is woken, and the next one may
 * take the lease. */
START_TEST(a_dead_holders_lease_is_taken_back)
{
	start_with_event(_i);
	/* It waits again; nothing more comes from the socket. */
	bh_st_rel(&r.v.ios[1].ready[0], 2ull << 32);
	bh_st_rel(&r.v.tasks[2].state, bh_state_make(1, 0, BH_OWNER_NONE, 0, BH_WAITING));
	replace_worker(0, SIGKILL);
	rig_until(bh_state_of(bh_ld_acq(&r.v.tasks[2].state)) == BH_SCHEDULED);
	ck_assert_uint_eq(mode_of(_i % REACTORS), BH_LEASE_FREE);
}
END_TEST

/* The next kernel takes up every instance with what is in it. */
START_TEST(a_new_kernel_takes_events_of_every_instance)
{
	setenv("FAKE_EVENTS", "1", 1);
	start_with_event(_i);
	kill(r.board->kernel_pid, SIGKILL);
	rig_until(rig_attached(&r));
	/* The first mark is that of the new kernel, which marks all. */
	for (int i = 0; i < 3; i++) {
		rig_until(bh_ld_acq(&r.v.ios[1].ready[0]) & BH_IO_READY);
		bh_st_rel(&r.v.ios[1].ready[0], 0);
	}
}
END_TEST

START_TEST(a_process_that_somebody_is_cannot_be_claimed_for_another)
{
	setenv("FAKE_CLAIM", "1", 1);
	rig_start(&r, true);
	rig_until(all_up() && bh_ld_acq(&rig_proc(&r, BH_PROC_TWIN)->state) == BH_PROC_UP);
	for (int i = 1; i < RIG_WORKERS; i++)
		ck_assert_int_ne(worker(i), worker(0));
	ck_assert_int_ne(rig_proc(&r, BH_PROC_TWIN)->pid, worker(0));
	ck_assert_uint_eq(bh_ld_acq(&r.board->crashes), 0);
}
END_TEST

static void free_all_tasks(void)
{
	for (uint32_t i = 1; i < 64; i++)
		bh_st_rel(&r.v.tasks[i].state, bh_state_make(1, 0, 0, 0, BH_FREE));
}

/* Main has returned, and this was counted. */
static void main_returns(int64_t value)
{
	bh_st_rel(&r.v.a->booted, 1);
	bh_st_rlx(&r.v.a->main_value, value);
	bh_st_rel(&r.v.a->main_returned_ns, now_ns());
	free_all_tasks();
	bh_st_rel(&r.v.a->canceled, 1);
}

static const struct {
	int64_t value;
	int code;
	const char *said;
} mains[] = {
	{ 0, 0, "main returned 0\n" },
	{ 7, 7, "main returned 7\n" },
	{ 99, 99, "main returned 99\n" },
	{ 100, 1, "main returned 100\n" },
	{ 111, 1, "main returned 111\n" },
	{ 1ll << 32, 1, "main returned 4294967296\n" },
	{ -98, 1, "main returned -98 (Address already in use)\n" },
	{ INT64_MIN, 1, "main returned -9223372036854775808 (no error of the system)\n" },
};

START_TEST(a_service_without_tasks_is_done)
{
	rig_start(&r, true);
	main_returns(mains[_i].value);
	ck_assert_int_eq(rig_end(&r), mains[_i].code);
	ck_assert_ptr_nonnull(strstr(rig_said(&r), mains[_i].said));
	ck_assert_ptr_nonnull(strstr(rig_said(&r), "is done"));
}
END_TEST

/* Main has returned, and another task is there still. */
static void main_returns_before_another(int64_t value)
{
	bh_st_rel(&r.v.tasks[2].state, bh_state_make(1, 0, BH_OWNER_NONE, 0, BH_WAITING));
	bh_st_rel(&r.v.a->booted, 2);
	bh_st_rlx(&r.v.a->main_value, value);
	bh_st_rel(&r.v.a->main_returned_ns, now_ns());
	bh_st_rel(&r.v.tasks[1].state, 0);
	rig_until(r.board->services[0].main_ended);
}

/* What the kernel has seen is so: a worker that writes there later, and a kernel that
 * never saw it, change nothing. */
START_TEST(the_value_of_main_is_the_boards_once_it_was_seen)
{
	rig_start(&r, true);
	main_returns_before_another(7);
	bh_st_rel(&r.v.a->canceled, 1);
	ck_assert_int_eq(r.board->services[0].main_value, 7);
	bh_st_rel(&r.v.a->main_value, 0);
	kill(r.board->kernel_pid, SIGKILL);
	rig_until(r.board->kernel_restarts == 1 && rig_attached(&r));
	free_all_tasks();
	bh_st_rel(&r.v.a->canceled, 2);
	ck_assert_int_eq(rig_end(&r), 7);
}
END_TEST

/* A service that is asked to stop has not failed. */
START_TEST(a_stop_that_was_asked_for_ends_with_0)
{
	rig_start(&r, true);
	main_returns_before_another(7);
	kill(r.guardian, SIGTERM);
	ck_assert_int_eq(rig_end(&r), 0);
}
END_TEST

/* -- starts ------------------------------------------------------------------------- */

/* Two services, of which the second one's init() takes @ms. */
static void start_beside_a_slow_one(const char *ms)
{
	r.plan->n_services = 2;
	r.plan->services[1] = r.plan->services[0];
	r.plan->services[1].n_listen = 0;
	strcpy(r.plan->services[1].name, "slow");
	setenv("FAKE_INIT_MS", ms, 1);
	setenv("FAKE_INIT_OF", "slow", 1);
	rig_start(&r, false);
	rig_board(&r);
}

/* Longer than the audit takes to find a service without a task. Loop @i = 1: for some of
 * the time there is no kernel, and then another one. */
START_TEST(a_slow_init_is_left_alone)
{
	start_beside_a_slow_one("4000");
	const struct bh_board_service *fast = &r.board->services[0], *slow = fast + 1;

	rig_until(fast->state == BH_PROC_UP && slow->start_ns);
	int64_t began = slow->start_ns;
	if (_i)
		kill(r.board->kernel_pid, SIGKILL);
	rig_until(fast->announced);
	ck_assert_uint_eq(r.board->system_state, BH_SYSTEM_STARTING);
	rig_until(r.board->system_state == BH_SYSTEM_RUNNING);
	ck_assert_int_eq(slow->start_ns, began);
	ck_assert_uint_eq(slow->arena_seq, 1);
	ck_assert_uint_eq(slow->resets + slow->start_failures, 0);
}
END_TEST

/* Loop @i = 1: the kernel that fails it did not begin it. */
START_TEST(a_first_start_that_takes_too_long_ends_the_system)
{
	r.plan->services[0].start_timeout_ms = 1000;
	setenv("FAKE_INIT_MS", "60000", 1);
	rig_start(&r, false);
	if (_i) {
		rig_board(&r);
		rig_until(r.board->services[0].start_ns);
		kill(r.board->kernel_pid, SIGKILL);
	}
	ck_assert_int_eq(rig_end(&r), 111);
	ck_assert_ptr_nonnull(strstr(rig_said(&r), "service fake cannot start: its init() has not "
						   "returned within 1000 ms: raise start.timeout"));
}
END_TEST

/* Of admind, whose place fake_host takes, nothing is heard. */
START_TEST(an_admind_that_hangs_is_not_waited_for)
{
	char dir[] = "/tmp/bh-rig.XXXXXX", path[64];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/bulkhead-admind", dir);
	ck_assert_int_eq(symlink(RIG_HOST, path), 0);
	setenv("FAKE_ADMIND_HANGS", "1", 1);
	strcpy(r.plan->libexec, dir);
	r.plan->admin = true;
	rig_start(&r, false);
	rig_board(&r);
	rig_until(r.board->system_state == BH_SYSTEM_RUNNING);
	ck_assert_int_ne(rig_proc(&r, BH_PROC_ADMIND)->state, BH_PROC_UP);
	ck_assert_ptr_nonnull(strstr(rig_said(&r), "the admin server has not answered"));
	unlink(path);
	rmdir(dir);
}
END_TEST

START_TEST(a_stop_does_not_wait_for_an_init)
{
	r.plan->grace_ms = 60000;
	start_beside_a_slow_one("60000");
	rig_until(r.board->services[0].state == BH_PROC_UP);
	rig_view(&r);
	bh_st_rel(&r.v.tasks[1].state, 0); /* nothing else is waited for */
	bh_st_rel(&r.v.a->booted, 1);
	bh_st_rel(&r.v.a->canceled, 1);
	kill(r.guardian, SIGTERM);
	ck_assert_int_eq(rig_end(&r), 0);
}
END_TEST

/* More often than resets are allowed; the other service does not notice. Loop @i = 1: nor
 * do kernels that come and go in between. */
START_TEST(a_service_that_cannot_start_again_is_down_alone)
{
	char broken[] = "/tmp/bh-broken.XXXXXX";
	int fd = mkstemp(broken);

	ck_assert_int_ge(fd, 0);
	close(fd);
	unlink(broken);
	setenv("FAKE_BROKEN", broken, 1);
	r.plan->n_services = 2;
	r.plan->services[1] = r.plan->services[0];
	r.plan->services[1].n_listen = 0;
	strcpy(r.plan->services[1].name, "other");
	r.plan->services[0].backoff_max_ms = 100;
	rig_start(&r, true);
	const struct bh_board_service *down = &r.board->services[0], *other = down + 1;

	close(open(broken, O_CREAT | O_WRONLY, 0600));
	kill_zygote_and_twin();
	for (uint32_t n = 1; n <= 6; n++) {
		rig_until(down->start_failures >= n);
		ck_assert_uint_ne(down->state, BH_PROC_UP);
		if (_i && n % 3 == 0)
			kill(r.board->kernel_pid, SIGKILL);
	}
	ck_assert_str_eq(down->start_error, "init said no");
	ck_assert_ptr_nonnull(
		strstr(rig_said(&r), "service fake cannot start again: init said no"));
	unlink(broken);
	rig_until(all_up());
	ck_assert_uint_eq(down->start_failures, 0);
	ck_assert_uint_eq(down->resets, 1);
	ck_assert_uint_eq(other->arena_seq, 1);
}
END_TEST

/* It looks as if nothing were left, but no task has ended. */
START_TEST(a_service_whose_tasks_are_hidden_is_not_done)
{
	rig_start(&r, true);
	uint32_t arena = r.board->services[0].arena_seq;

	bh_st_rel(&r.v.a->booted, _i == 0);
	bh_st_rel(&r.v.a->task_pool.mark, 0);
	free_all_tasks();
	rig_until(r.board->services[0].arena_seq == arena + 1 && all_up());
	ck_assert_ptr_nonnull(strstr(r.board->services[0].last_reset, "audit 'lost-tasks'"));
}
END_TEST

START_TEST(garbage_in_the_arena_does_not_hurt_the_kernel)
{
	rig_start(&r, true);
	pid_t kernel = r.board->kernel_pid;
	const char *seed = getenv("BH_SEED");
	uint64_t x = seed ? strtoull(seed, NULL, 0) : (uint64_t)now_ns();
	unsigned char *base = (unsigned char *)r.v.a;
	uint64_t bounds[] = { r.v.l.off_inject, r.v.l.off_block[0] };

	x |= 1;
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 2000; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			/* Half of it in the header and the worker table; the words
			 * mostly small numbers, some wild. */
			uint64_t at = x % (bounds[i % 2] / 8) * 8, value = x >> 62 ? x % 2048 : x;
			memcpy(base + at, &value, sizeof(value));
		}
		if (round % 20 == 0 && worker(0) > 0)
			kill(worker(0), SIGKILL);
		usleep(500);
	}
	ck_assert_msg(r.board->kernel_pid == kernel, "the kernel died; seed %llu",
		      (unsigned long long)x);
	kill(r.guardian, SIGTERM);
	ck_assert_int_eq(rig_end(&r), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("supervise");
	TCase *c = tcase_create("supervise");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, worker_is_replaced_and_its_death_recorded);
	tcase_add_test(c, time_to_restart_counts_from_the_last_words);
	tcase_add_test(c, all_workers_at_once);
	tcase_add_test(c, twin_takes_over_from_the_zygote);
	tcase_add_test(c, kernel_is_succeeded);
	tcase_add_test(c, worker_that_died_without_a_kernel_is_replaced);
	tcase_add_test(c, zygote_worker_and_kernel_at_once);
	tcase_add_test(c, a_kernel_that_waits_for_the_guardian_sleeps);
	tcase_add_test(c, service_without_zygote_and_twin_is_reset);
	tcase_add_test(c, resets_without_end_are_given_up);
#ifndef RIG_SANITIZED
	tcase_add_test(c, a_new_kernel_tries_again_for_an_arena_it_has_no_memory_for);
#endif
	tcase_add_test(c, one_for_one_resets_the_failed_service);
	tcase_add_test(c, one_for_all_resets_all_services);
	tcase_add_test(c, rest_for_one_resets_those_after_the_failed_one);
	tcase_add_test(c, stop_reaps_all);
	tcase_add_test(c, failed_init_is_told_in_one_sentence);
	tcase_add_test(c, missing_host_is_told_in_one_sentence);
	tcase_add_loop_test(c, workers_that_die_on_start_come_slower, 0, 2);
	tcase_add_test(c, workers_that_tasks_take_down_come_back_at_once);
	tcase_add_test(c, deadline_wakes_its_task_also_over_a_kernels_death);
	tcase_add_test(c, garbage_refuses_no_task_type_for_ever);
	tcase_add_loop_test(c, events_that_no_worker_takes_are_the_kernels, 0,
			    BH_LEASE_MODES * REACTORS);
	tcase_add_loop_test(c, a_dead_holders_lease_is_taken_back, BH_LEASE_POLL * REACTORS,
			    BH_LEASE_MODES * REACTORS);
	tcase_add_loop_test(c, a_new_kernel_takes_events_of_every_instance, 0, REACTORS);
	tcase_add_test(c, a_process_that_somebody_is_cannot_be_claimed_for_another);
	tcase_add_loop_test(c, a_service_without_tasks_is_done, 0,
			    sizeof(mains) / sizeof(mains[0]));
	tcase_add_test(c, the_value_of_main_is_the_boards_once_it_was_seen);
	tcase_add_test(c, a_stop_that_was_asked_for_ends_with_0);
	tcase_add_loop_test(c, a_slow_init_is_left_alone, 0, 2);
	tcase_add_loop_test(c, a_first_start_that_takes_too_long_ends_the_system, 0, 2);
	tcase_add_test(c, an_admind_that_hangs_is_not_waited_for);
	tcase_add_test(c, a_stop_does_not_wait_for_an_init);
	tcase_add_loop_test(c, a_service_that_cannot_start_again_is_down_alone, 0, 2);
	tcase_add_loop_test(c, a_service_whose_tasks_are_hidden_is_not_done, 0, 2);
	tcase_add_test(c, garbage_in_the_arena_does_not_hurt_the_kernel);
	suite_add_tcase(s, c);
	return bh_check_run(s);
}
