/* SPDX-License-Identifier: MIT */
/*
 * Every death that is provoked appears, with the right task: by each deadly signal,
 * from inside and from outside, by the out-of-memory killer; of workers that are on
 * the board, and of those that die before anybody has seen them.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "tests/check_run.h"

#define GROUP "/sys/fs/cgroup/memory/bulkhead-test-crash"

static struct scene scene;

static void start(void)
{
	scene_open(&scene);
}

static void stop(void)
{
	scene_close(&scene);
}

static const int signals[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGTRAP, SIGABRT,
			       SIGBUS,  SIGFPE,  SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2,
			       SIGPIPE, SIGALRM, SIGTERM, SIGXCPU, SIGXFSZ, SIGVTALRM,
			       SIGPROF, SIGIO,   SIGPWR,  SIGSYS };

static struct role role_of(int i)
{
	return (struct role){ .slot = (uint32_t)i % 8,
			      .gen = 1000 + (uint32_t)i,
			      .idx = 1 + (uint32_t)i,
			      .type = (uint16_t)(i % 200) };
}

static void assert_role(const struct bh_event *e, const struct role *r)
{
	ck_assert_uint_eq(e->task, role_task(r));
	ck_assert_uint_eq(e->type, r->type);
	ck_assert_uint_eq(e->slot, r->slot);
	ck_assert_uint_eq(e->service, 0);
}

static void no_core(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
}

/* From outside, while it waits. */
START_TEST(killed_by_each_signal)
{
	struct role r = role_of(_i);
	int sig = signals[_i], status;
	struct sleeper w = scene_worker(&scene, &r, _i % 2);

	sleeper_poke(&w, 0);
	ck_assert_int_eq(kill(w.pid, sig), 0);
	ck_assert_int_eq(waitpid(w.pid, &status, 0), w.pid);
	ck_assert(WIFSIGNALED(status));
	struct bh_event sent = scene_event(&scene, BH_EV_SIGNAL, w.pid);
	ck_assert_uint_eq((uint32_t)sent.a, (uint32_t)sig);
	ck_assert_uint_eq(sent.other_pid, (uint32_t)getpid());
	struct bh_event died = scene_event(&scene, BH_EV_DIED, w.pid);
	ck_assert_uint_eq(died.a & 0x7f, (uint32_t)WTERMSIG(status));
	assert_role(&died, &r);
}
END_TEST

static void write_nowhere(void *arg)
{
	*(volatile int *)arg = 1;
}

START_TEST(fault_has_address_stack_and_registers)
{
	static struct bh_event e[4096];
	struct role r = role_of(3);
	struct sleeper w = scene_actor(&scene, &r, _i, write_nowhere, (void *)0x1234);
	bool in_stack = false, in_registers = false;
	uint32_t record = 0;
	int status;

	ck_assert_int_eq(write(w.poke, "", 1), 1);
	ck_assert_int_eq(waitpid(w.pid, &status, 0), w.pid);
	rig_refresh(&scene.rig);
	uint32_t n = scene_events(&scene, e, 4096);
	for (uint32_t i = 0; i < n; i++) {
		if (e[i].kind != BH_EV_SIGNAL || e[i].pid != (uint32_t)w.pid)
			continue;
		assert_role(&e[i], &r);
		ck_assert_uint_eq((uint32_t)e[i].a, SIGSEGV);
		ck_assert_uint_eq(e[i].a >> 32, SEGV_MAPERR);
		ck_assert_uint_eq(e[i].b, 0x1234);
		record = (uint32_t)e[i].other;
	}
	ck_assert_uint_ne(record, 0);
	for (uint32_t i = 0; i < n; i++) {
		const uint64_t words[] = { e[i].task, e[i].other, e[i].a, e[i].b };

		if (e[i].kind != BH_EV_MORE || e[i].pid != record)
			continue;
		for (int k = 0; k < 4; k++) {
			bool here = words[k] - (uintptr_t)write_nowhere < 64;
			in_stack |= here && e[i].type == BH_EVM_USER;
			in_registers |= here && e[i].type == BH_EVM_REGISTERS;
		}
	}
	ck_assert(in_stack);
	ck_assert(in_registers);
}
END_TEST

/* Born and dead at once, a hundred times: nobody but the programs saw them. */
START_TEST(short_lives_are_not_missed)
{
	pid_t pids[100];

	for (int i = 0; i < 100; i++) {
		struct role r = role_of(i);
		struct sleeper w = scene_actor(&scene, &r, false, write_nowhere, NULL);

		ck_assert_int_eq(write(w.poke, "", 1), 1);
		ck_assert_int_eq(waitpid(w.pid, NULL, 0), w.pid);
		close(w.poke);
		close(w.done);
		pids[i] = w.pid;
	}
	static struct bh_event e[1 << 16];
	rig_refresh(&scene.rig);
	uint32_t n = scene_events(&scene, e, 1 << 16);
	ck_assert_uint_eq(scene.lost, 0);
	for (int i = 0; i < 100; i++) {
		struct role r = role_of(i);
		int found = 0;

		for (uint32_t k = 0; k < n; k++) {
			if (e[k].kind != BH_EV_DIED || e[k].pid != (uint32_t)pids[i])
				continue;
			assert_role(&e[k], &r);
			found++;
		}
		ck_assert_int_eq(found, 1);
	}
}
END_TEST

static void leave(void *arg)
{
	(void)arg;
	_exit(3);
}

START_TEST(exit_is_told_from_a_signal)
{
	struct role r = role_of(1);
	struct sleeper w = scene_actor(&scene, &r, true, leave, NULL);

	ck_assert_int_eq(write(w.poke, "", 1), 1);
	ck_assert_int_eq(waitpid(w.pid, NULL, 0), w.pid);
	struct bh_event died = scene_event(&scene, BH_EV_DIED, w.pid);
	ck_assert_uint_eq(died.a, 3 << 8);
	assert_role(&died, &r);
}
END_TEST

static bool put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool group_made(void)
{
	return (mkdir(GROUP, 0755) == 0 || errno == EEXIST) &&
	       put(GROUP "/memory.limit_in_bytes", "16777216");
}

static void eat(void *arg)
{
	for (;;) {
		char *p = malloc(1 << 20);
		if (p)
			memset(p, 1, 1 << 20);
		if (p == arg)
			_exit(1);
	}
}

START_TEST(out_of_memory_is_told)
{
	struct role r = role_of(2);
	struct sleeper w = scene_actor(&scene, &r, true, eat, NULL);
	char pid[16];
	int status;

	snprintf(pid, sizeof(pid), "%d", w.pid);
	ck_assert(put(GROUP "/cgroup.procs", pid));
	ck_assert_int_eq(write(w.poke, "", 1), 1);
	ck_assert_int_eq(waitpid(w.pid, &status, 0), w.pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	struct bh_event oom = scene_event(&scene, BH_EV_OOM, w.pid);
	ck_assert_uint_eq(oom.slot, r.slot);
	struct bh_event died = scene_event(&scene, BH_EV_DIED, w.pid);
	ck_assert_uint_eq(died.a & 0x7f, SIGKILL);
	assert_role(&died, &r);
}
END_TEST

int main(void)
{
	char line[256];

	if (rig_probe(line, sizeof(line)) == 1) {
		printf("skipped: bpf.crash: %s", line);
		return 77;
	}
	no_core();
	Suite *suite = suite_create("bpf.crash");
	TCase *t = tcase_create("crash");

	tcase_add_checked_fixture(t, start, stop);
	tcase_add_loop_test(t, killed_by_each_signal, 0, sizeof(signals) / sizeof(*signals));
	tcase_add_loop_test(t, fault_has_address_stack_and_registers, 0, 2);
	tcase_add_test(t, short_lives_are_not_missed);
	tcase_add_test(t, exit_is_told_from_a_signal);
	if (group_made())
		tcase_add_test(t, out_of_memory_is_told);
	else
		printf("skipped: bpf.crash: out_of_memory_is_told: no memory cgroup (v1)\n");
	suite_add_tcase(suite, t);

	int code = bh_check_run(suite);
	rmdir(GROUP);
	return code;
}
