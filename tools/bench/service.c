/* SPDX-License-Identifier: MIT */
/* service.c: the service that runs one workload, and the workloads' common functions. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/bench/bench.h"

struct page *page;
static bool fibers;

static const struct workload workloads[] = {
	{ .name = "spawn_many_local", .run = run_spawn_many_local, .n = 10000, .iters = 50 },
	{ .name = "spawn_many_remote_idle",
	  .run = run_spawn_many_remote_idle,
	  .n = 10000,
	  .iters = 50 },
	{ .name = "spawn_many_remote_busy1",
	  .run = run_spawn_many_remote_busy1,
	  .n = 10000,
	  .iters = 50 },
	{ .name = "yield_many", .run = run_yield_many, .n = 1000, .iters = 30 },
	{ .name = "ping_pong", .run = run_ping_pong, .n = 1000, .iters = 200 },
	{ .name = "chained_spawn", .run = run_chained_spawn, .n = 1000, .iters = 300 },
	{ .name = "timer_insert_cancel",
	  .run = run_timer_insert_cancel,
	  .n = 1000000,
	  .fiber_n = 10000,
	  .iters = 3 },
	{ .name = "timer_churn", .run = run_timer_churn, .n = 1000000, .iters = 5 },
	{ .name = "sleep_lateness", .run = run_sleep_lateness, .n = 100000, .latency = true },
	{ .name = "wake_cross_worker", .run = run_wake_cross_worker, .n = 5000, .latency = true },
	{ .name = "spawn_blocking", .run = run_spawn_blocking, .n = 20000, .latency = true },
	{ .name = "mem_pending_task",
	  .run = run_mem_pending,
	  .n = 1000000,
	  .fiber_n = 20000,
	  .memory = true },
	{ .name = "mem_sleeping_task",
	  .run = run_mem_sleeping,
	  .n = 1000000,
	  .fiber_n = 20000,
	  .memory = true },
	{ .name = "tcp_echo", .run = run_tcp_echo, .server = true },
	{ .name = "http_hello", .run = run_http_hello, .server = true },
};

const struct workload *workload_find(const char *name)
{
	for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++)
		if (!strcmp(workloads[i].name, name))
			return &workloads[i];
	return NULL;
}

void workload_list(void)
{
	for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++)
		fprintf(stderr, "  %s\n", workloads[i].name);
}

uint64_t bench_key(const char *key, uint64_t fallback)
{
	const char *text = bh_option(key);

	return text ? strtoull(text, NULL, 10) : fallback;
}

uint64_t bench_n(void)
{
	return bench_key("n", 0);
}

bool bench_fibers(void)
{
	return fibers;
}

uint64_t bench_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

int bench_spawn(bh_poll_fn poll, bh_fiber_fn fiber, const void *arg, size_t len)
{
	if (fibers)
		return bh_spawn(NULL, fiber, arg, len, NULL);
	return bh_spawn_poll(NULL, poll, arg, len, NULL);
}

void bench_ask(enum ask what)
{
	atomic_store(&page->ask, what);
	while (atomic_load(&page->ack) != what) {
		int err = bh_sleep(BH_MS(2));

		if (err == -EDEADLK)
			usleep(2000); /* a job */
		else if (err)
			return;
	}
}

void bench_one_done(void)
{
	if (atomic_fetch_sub_explicit(&page->left, 1, memory_order_acq_rel) == 1)
		bh_wake(page->waiter);
}

int bench_wait_left(void)
{
	while (atomic_load_explicit(&page->left, memory_order_acquire)) {
		int err = bh_suspend(BH_FOREVER);

		if (err)
			return err;
	}
	return 0;
}

int bench_measure(uint64_t ops, uint64_t left, int (*once)(void))
{
	uint64_t iters = bench_key("iters", 1);

	page->ops = ops;
	for (uint64_t i = 0; i <= iters; i++) {
		int err;

		if (i == 1)
			bench_ask(ASK_BEGIN);
		atomic_store(&page->left, left);
		int64_t t = bh_now();
		err = once();
		if (!err)
			err = bench_wait_left();
		if (err)
			return err;
		if (i)
			page->sample[page->samples++] = (double)(bh_now() - t) / (double)ops;
	}
	bench_ask(ASK_END);
	return 0;
}

static int64_t bench_main(void *unused)
{
	const char *name = bh_option("bench");
	const struct workload *w = name ? workload_find(name) : NULL;

	(void)unused;
	page->waiter = bh_self();
	int err = w && w->run ? w->run() : -EINVAL;

	if (err) {
		page->error = err;
		snprintf(page->why, sizeof(page->why), "%s", name ? name : "no workload");
		atomic_store(&page->ask, ASK_FAILED);
	} else {
		atomic_store(&page->ask, ASK_DONE);
	}
	return err;
}

/* Before any worker: they all inherit the page at one address. */
static int bench_init(void)
{
	const char *path = bh_option("page"), *kind = bh_option("kind");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -EINVAL;
	fibers = kind && !strcmp(kind, "fiber");
	page = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return page == MAP_FAILED ? -ENOMEM : 0;
}

const struct bh_service bench_service = {
	.size = sizeof(struct bh_service),
	.name = "bench",
	.init = bench_init,
	.main = bench_main,
};
