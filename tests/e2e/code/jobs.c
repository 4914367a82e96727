/* SPDX-License-Identifier: MIT */
/*
 * jobs.c: a system whose service checks what blocking.h promises, one scenario a
 * run: option `scenario`. Prints "ok NAME", or what was wrong, and ends. See jobs.sh.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bulkhead/bulkhead.h>

enum {
	MANY = 100
};

/* Made before any process: all see it. */
static struct {
	_Atomic int running, most, started, go, tries, never;
	_Atomic int order[MANY], n_order;
	_Atomic int pid[MANY];
} * shared;

#define CHECK(expr)                                                                 \
	do {                                                                        \
		if (!(expr)) {                                                      \
			printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #expr); \
			fflush(stdout);                                             \
			return 1;                                                   \
		}                                                                   \
	} while (0)

/* In a fiber: until @expr is true; 20 s is for ever. */
#define UNTIL(expr)                                               \
	do {                                                      \
		int left_ = 10000;                                \
		while (!(expr) && left_-- && !bh_sleep(BH_MS(2))) \
			;                                         \
		CHECK(expr);                                      \
	} while (0)

static void nap_ms(long ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* Runs until `go`; argument: its number. */
static int64_t gated(void *arg)
{
	int n = *(int *)arg, now = ++shared->running, most = shared->most;

	while (most < now && !atomic_compare_exchange_weak(&shared->most, &most, now))
		;
	shared->pid[n] = getpid();
	shared->order[shared->n_order++] = n;
	shared->started++;
	while (!shared->go)
		nap_ms(1);
	shared->running--;
	return n;
}

static int spawn_gated(bh_task *tasks, int n)
{
	for (int i = 0; i < n; i++)
		CHECK(bh_spawn_blocking(&tasks[i], gated, &i, sizeof(i), NULL) == 0);
	return 0;
}

static int join_gated(const bh_task *tasks, int n)
{
	struct bh_result res;

	for (int i = 0; i < n; i++) {
		CHECK(bh_join(tasks[i], &res, bh_after(BH_S(20))) == 0);
		CHECK(res.end == BH_END_RETURNED && res.value == i);
	}
	return 0;
}

static bool alive(pid_t pid)
{
	return kill(pid, 0) == 0;
}

/* -- the pool: as many as the limit, and no more; in order; gone when idle ------- */

static int pool(int limit, int jobs)
{
	bh_task tasks[MANY];

	CHECK(spawn_gated(tasks, jobs) == 0);
	UNTIL(shared->running == limit);
	bh_sleep(BH_MS(50)); /* for one too many to come */
	CHECK(shared->running == limit);
	shared->go = 1;
	CHECK(join_gated(tasks, jobs) == 0);
	CHECK(shared->most == limit);
	return 0;
}

static int limit(void)
{
	return pool(4, 12);
}

static int many(void)
{
	return pool(MANY, MANY);
}

static int fifo(void)
{
	bh_task tasks[20];

	CHECK(spawn_gated(tasks, 20) == 0);
	UNTIL(shared->running == 1);
	shared->go = 1;
	CHECK(join_gated(tasks, 20) == 0);
	for (int i = 0; i < 20; i++)
		CHECK(shared->order[i] == i);
	return 0;
}

static int keep_alive(void)
{
	bh_task tasks[4];

	for (int round = 0; round < 3; round++) {
		shared->go = 0;
		CHECK(spawn_gated(tasks, 4) == 0);
		UNTIL(shared->running == 4);
		shared->go = 1;
		CHECK(join_gated(tasks, 4) == 0);
		for (int i = 0; i < 4; i++)
			UNTIL(!alive(shared->pid[i]));
	}
	return 0;
}

/* -- abort ---------------------------------------------------------------------------- */

static int64_t endless(void *arg)
{
	(void)arg;
	shared->pid[0] = getpid();
	shared->started++;
	while (!shared->never)
		;
	return 0;
}

static int abort_running(void)
{
	struct bh_result res;
	bh_task t;

	for (int i = 1; i <= 10; i++) {
		CHECK(bh_spawn_blocking(&t, endless, NULL, 0, NULL) == 0);
		UNTIL(shared->started == i);
		CHECK(bh_abort(t) == 0);
		CHECK(bh_join(t, &res, bh_after(BH_S(20))) == 0);
		CHECK(res.end == BH_END_CANCELED);
		CHECK(!alive(shared->pid[0]));
	}
	return 0;
}

/* It waits for the one process there is, which is busy: its end does not. */
static int abort_queued(void)
{
	struct bh_result res;
	bh_task t[4];

	CHECK(spawn_gated(t, 4) == 0);
	UNTIL(shared->running == 1);
	for (int i = 1; i < 3; i++) {
		CHECK(bh_abort(t[i]) == 0);
		CHECK(bh_join(t[i], &res, bh_after(BH_S(20))) == 0);
		CHECK(res.end == BH_END_CANCELED);
	}
	CHECK(shared->running == 1 && shared->started == 1);
	shared->go = 1;
	for (int i = 0; i < 4; i += 3) {
		CHECK(bh_join(t[i], &res, bh_after(BH_S(20))) == 0);
		CHECK(res.end == BH_END_RETURNED && res.value == i);
	}
	CHECK(shared->started == 2);
	return 0;
}

static int64_t spin_us(void *arg)
{
	int64_t end = bh_after(BH_US(*(int *)arg));

	while (bh_now() < end)
		;
	return 0;
}

/* Aborted about when they end, jobs take no other along. */
static int abort_at_the_end(void)
{
	struct bh_result res;
	bh_task doomed, next;
	int us = 200, none = 0;

	for (int i = 0; i < 300; i++) {
		CHECK(bh_spawn_blocking(&doomed, spin_us, &us, sizeof(us), NULL) == 0);
		CHECK(bh_spawn_blocking(&next, spin_us, &us, sizeof(us), NULL) == 0);
		none = i % 50 * 10;
		spin_us(&none);
		CHECK(bh_abort(doomed) == 0);
		CHECK(bh_join(next, &res, bh_after(BH_S(20))) == 0);
		CHECK(res.end == BH_END_RETURNED);
		CHECK(bh_join(doomed, &res, bh_after(BH_S(20))) == 0);
		CHECK(res.end == BH_END_RETURNED || res.end == BH_END_CANCELED);
	}
	return 0;
}

static int64_t leaves_endless(void *arg)
{
	bh_task t;

	(void)arg;
	if (bh_spawn_blocking(&t, endless, NULL, 0, NULL))
		return 1;
	while (!shared->started)
		bh_sleep(BH_MS(1));
	return 0; /* and t is aborted */
}

static int abort_with_parent(void)
{
	struct bh_result res;
	bh_task t;

	CHECK(bh_spawn(&t, leaves_endless, NULL, 0, NULL) == 0);
	CHECK(bh_join(t, &res, bh_after(BH_S(20))) == 0 && res.value == 0);
	UNTIL(!alive(shared->pid[0]));
	return 0;
}

/* -- crash ------------------------------------------------------------------------------- */

static int64_t crashes(void *arg)
{
	(void)arg;
	if (shared->tries++ < 2)
		raise(SIGSEGV);
	return 77;
}

static int crash(void)
{
	struct bh_spawn_opts once = { .size = sizeof(once), .name = "crashes" }, again = once;
	struct bh_result res;
	bh_task t, other;
	int none = 0;

	again.on_crash = BH_CRASH_RESTART;
	CHECK(bh_spawn_blocking(&other, gated, &none, sizeof(none), NULL) == 0);
	UNTIL(shared->running == 1);
	CHECK(bh_spawn_blocking(&t, crashes, NULL, 0, &once) == 0);
	CHECK(bh_join(t, &res, bh_after(BH_S(20))) == 0);
	CHECK(res.end == BH_END_CRASHED && res.crash.signal == SIGSEGV);
	CHECK(res.crash.worker >= 64 && !strcmp(res.crash.task_name, "crashes"));
	CHECK(bh_crash_wait(&res.crash, bh_after(BH_S(20))) == 0 && res.crash.restart_us);
	CHECK(bh_spawn_blocking(&t, crashes, NULL, 0, &again) == 0);
	CHECK(bh_join(t, &res, bh_after(BH_S(20))) == 0);
	CHECK(res.end == BH_END_RETURNED && res.value == 77 && shared->tries == 3);
	shared->go = 1;
	CHECK(join_gated(&other, 1) == 0);
	/* The configuration allows two crashes of a type. */
	shared->tries = 0;
	CHECK(bh_spawn_blocking(&t, crashes, NULL, 0, &once) == 0);
	CHECK(bh_join(t, &res, bh_after(BH_S(20))) == 0 && res.end == BH_END_CRASHED);
	CHECK(bh_spawn_blocking(&t, crashes, NULL, 0, &once) == -BH_EQUARANTINED);
	return 0;
}

/* -- what a job may do ---------------------------------------------------------------------- */

static int64_t child(void *arg)
{
	return bh_wake(*(bh_task *)arg);
}

static int64_t does_things(void *arg)
{
	char *text = bh_alloc(6);
	bh_task t, parent = *(bh_task *)arg;

	if (bh_sleep(BH_MS(1)) != -EDEADLK || bh_suspend(BH_FOREVER) != -EDEADLK || !text)
		return 1;
	memcpy(text, "hello", 6);
	if (bh_spawn(NULL, child, &parent, sizeof(parent), NULL) ||
	    bh_spawn_blocking(&t, child, &parent, sizeof(parent), NULL))
		return 2;
	/* It cannot wait for the child, but take the result if that has ended. */
	int err = bh_join(t, NULL, BH_FOREVER);

	if (err && err != -EDEADLK)
		return 3;
	return bh_reply(text, 6) + (err ? bh_detach(t) : 0);
}

struct waits {
	bh_task job, to;
	struct bh_result res;
};

static enum bh_poll waits_for_job(struct bh_cx *cx, void *state)
{
	struct waits *w = *(struct waits **)state;

	if (!w->job && bh_spawn_blocking(&w->job, does_things, &w->to, sizeof(w->to), NULL))
		return BH_READY;
	int err = bh_poll_join(cx, w->job, &w->res);

	if (err == -EAGAIN)
		return BH_PENDING;
	bh_poll_result(cx, err ? err : w->res.end + w->res.value + (w->res.len != 6));
	return BH_READY;
}

static int things(void)
{
	struct waits *w = bh_alloc(sizeof(*w));
	struct bh_result res;
	bh_task t;

	CHECK(w);
	*w = (struct waits){ .to = bh_self() };
	CHECK(bh_spawn_poll(&t, waits_for_job, &w, sizeof(w), NULL) == 0);
	CHECK(bh_join(t, &res, bh_after(BH_S(20))) == 0);
	CHECK(res.end == BH_END_RETURNED && res.value == 0);
	return 0;
}

/* -- others die ---------------------------------------------------------------------------------- */

static pid_t find(const char *name)
{
	char path[64], comm[32], line[256];
	pid_t found = 0;

	/* Siblings: the guardian is everybody's parent. */
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", getppid(), getppid());
	FILE *f = fopen(path, "re");

	while (f && fscanf(f, "%31s", comm) == 1) {
		snprintf(path, sizeof(path), "/proc/%s/comm", comm);
		FILE *c = fopen(path, "re");

		if (c && fgets(line, sizeof(line), c) && !strncmp(line, name, strlen(name)))
			found = atoi(comm);
		if (c)
			fclose(c);
	}
	if (f)
		fclose(f);
	return found;
}

static int kernel_dies(void)
{
	struct bh_result res;
	bh_task tasks[4], stuck;
	pid_t kernel;

	for (int round = 0; round < 5; round++) {
		shared->go = shared->started = 0;
		CHECK(spawn_gated(tasks, 4) == 0);
		UNTIL(shared->running == 4);
		kernel = find("bulkhead-kernel");
		CHECK(kernel && kill(kernel, SIGKILL) == 0);
		/* What nobody hears of: a job more, and an abort. */
		CHECK(bh_spawn_blocking(&stuck, endless, NULL, 0, NULL) == 0);
		UNTIL(shared->started == 5);
		kernel = find("bulkhead-kernel");
		if (kernel)
			kill(kernel, SIGKILL);
		CHECK(bh_abort(stuck) == 0);
		CHECK(bh_join(stuck, &res, bh_after(BH_S(20))) == 0);
		CHECK(res.end == BH_END_CANCELED);
		CHECK(shared->running == 4);
		shared->go = 1;
		CHECK(join_gated(tasks, 4) == 0);
		bh_sleep(BH_MS(700)); /* the guardian gives up on a kernel that dies too often */
	}
	return 0;
}

static int worker_dies(void)
{
	bh_task tasks[4];

	CHECK(spawn_gated(tasks, 4) == 0);
	UNTIL(shared->running == 4);
	for (int i = 0; i < 4; i++)
		kill(shared->pid[i], SIGKILL);
	for (int i = 0; i < 4; i++) {
		struct bh_result res;

		CHECK(bh_join(tasks[i], &res, bh_after(BH_S(20))) == 0);
		CHECK(res.end == BH_END_CRASHED && res.crash.signal == SIGKILL);
	}
	shared->running = 0;
	CHECK(spawn_gated(tasks, 4) == 0);
	UNTIL(shared->running == 4);
	shared->go = 1;
	return join_gated(tasks, 4);
}

/* -- in place -------------------------------------------------------------------------------------- */

static int64_t counts(void *arg)
{
	(void)arg;
	shared->started++;
	return 0;
}

/* All that was queued before is run by the other worker. */
static int64_t waits_for_20(void *arg)
{
	(void)arg;
	while (shared->started < 20)
		nap_ms(1);
	return 5;
}

static int64_t dies(void *arg)
{
	(void)arg;
	raise(SIGSEGV);
	return 0;
}

static int64_t in_place_crash(void *arg)
{
	return bh_block_in_place(dies, arg);
}

static int in_place(void)
{
	struct bh_result res;
	bh_task t;

	for (int i = 0; i < 20; i++)
		CHECK(bh_spawn(NULL, counts, NULL, 0, NULL) == 0);
	CHECK(bh_block_in_place(waits_for_20, NULL) == 5);
	CHECK(bh_spawn(&t, in_place_crash, NULL, 0, NULL) == 0);
	CHECK(bh_join(t, &res, bh_after(BH_S(20))) == 0 && res.end == BH_END_CRASHED);
	return 0;
}

/* Until the system is stopped. */
static int stopped(void)
{
	bh_task t;

	CHECK(bh_spawn_blocking(&t, endless, NULL, 0, NULL) == 0);
	UNTIL(shared->started == 1);
	puts("running");
	fflush(stdout);
	return bh_join(t, NULL, BH_FOREVER);
}

static const struct {
	const char *name;
	int (*run)(void);
} scenarios[] = {
	{ "limit", limit },
	{ "many", many },
	{ "fifo", fifo },
	{ "keep_alive", keep_alive },
	{ "abort_running", abort_running },
	{ "abort_at_the_end", abort_at_the_end },
	{ "abort_queued", abort_queued },
	{ "abort_with_parent", abort_with_parent },
	{ "crash", crash },
	{ "things", things },
	{ "kernel_dies", kernel_dies },
	{ "worker_dies", worker_dies },
	{ "in_place", in_place },
	{ "stopped", stopped },
};

static int64_t jobs_main(void *unused)
{
	const char *name = bh_option("scenario");

	(void)unused;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++)
		if (name && !strcmp(name, scenarios[i].name) && scenarios[i].run() == 0)
			printf("ok %s\n", name);
	fflush(stdout);
	return 0;
}

static int jobs_init(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return shared == MAP_FAILED ? -ENOMEM : 0;
}

static const struct bh_service jobs = {
	.size = sizeof(struct bh_service),
	.name = "jobs",
	.init = jobs_init,
	.main = jobs_main,
};

int main(int argc, char **argv)
{
	static const struct bh_service *const services[] = { &jobs };

	return bh_main(argc, argv, services, 1);
}
