/* SPDX-License-Identifier: MIT */
/*
 * recovery.c: the service that is killed. One fiber yields all the time, and
 * starts again when it crashes; on a page that the measuring process shares it
 * notes when each new worker process polled it first. Options: `page`, the file
 * of that page, and `tasks`, how many poll tasks sleep beside it, one in a hundred
 * of them only until some moment of the next half minute.
 *
 * With a listener the kernel is killed instead: in place of the busy fiber, one fiber
 * echoes, and another sleeps again and again and notes how late it woke.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bulkhead/bulkhead.h>

#include "tools/bench-recovery/page.h"

static struct page *page;

enum {
	DUE_EACH = 100,
	DUE_FROM_MS = 5000,
	DUE_SPAN_MS = 25000,
	TICK_MS = 5,
};

/* @state: when it wakes up, 0 once it has. */
static enum bh_poll sleeper(struct bh_cx *cx, void *state)
{
	int64_t *at = state;

	if (*at && *at <= bh_now()) {
		*at = 0;
		atomic_fetch_add(&page->woken, 1);
	}
	bh_poll_at(cx, *at ? *at : bh_after(BH_S(86400)));
	return BH_PENDING;
}

static int spawn_sleeper(uint32_t n)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = "bench.sleeper" };
	bool due = n % DUE_EACH == 0;
	int64_t at = due ? bh_after(BH_MS(DUE_FROM_MS + n / DUE_EACH % DUE_SPAN_MS)) : 0;

	atomic_fetch_add(&page->due, due);
	return bh_spawn_poll(NULL, sleeper, &at, sizeof(at), &opts);
}

static int64_t ticker(void *unused)
{
	(void)unused;
	for (;;) {
		int64_t at = bh_after(BH_MS(TICK_MS)), late;

		if (bh_sleep(BH_MS(TICK_MS)))
			return 0;
		late = bh_now() - at;
		if (late > atomic_load(&page->late_ns))
			atomic_store(&page->late_ns, late);
	}
}

static int64_t echo(bh_io listener)
{
	char c[64];
	ssize_t n;
	bh_io peer;
	int err;

	while (!(err = bh_accept(listener, &peer, BH_FOREVER))) {
		while ((n = bh_read(peer, c, sizeof(c), BH_FOREVER)) > 0)
			if (bh_write(peer, c, (size_t)n, BH_FOREVER) < 0)
				break;
		bh_close(peer);
	}
	return err;
}

/* Killed half way, it starts again: what is there already is counted. */
static int64_t beater(void *unused)
{
	const char *text = bh_option("tasks");
	uint32_t want = text ? (uint32_t)strtoul(text, NULL, 10) : 0;
	bh_io listener;

	(void)unused;
	while (atomic_load(&page->sleepers) < want) {
		int err = spawn_sleeper(atomic_load(&page->sleepers));

		if (err)
			return err;
		atomic_fetch_add(&page->sleepers, 1);
		if (atomic_load(&page->sleepers) % 1000 == 0)
			bh_yield();
	}
	if (!bh_listen(&listener, NULL)) {
		int err = bh_spawn(NULL, ticker, NULL, 0, NULL);

		return err ? err : echo(listener);
	}
	while (!bh_stopping()) {
		if (atomic_load(&page->pid) != getpid()) {
			atomic_store(&page->polled_ns, bh_now());
			atomic_store(&page->pid, getpid());
		}
		bh_yield();
	}
	return 0;
}

static int64_t bench_main(void *unused)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts),
				      .name = "bench.beater",
				      .on_crash = BH_CRASH_RESTART };
	struct bh_result res;
	bh_task task;
	int err = bh_spawn(&task, beater, NULL, 0, &opts);

	(void)unused;
	return err ? err : bh_join(task, &res, BH_FOREVER);
}

static int bench_init(void)
{
	const char *path = bh_option("page");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0)
		return -EINVAL;
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return page == MAP_FAILED ? -ENOMEM : 0;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "recovery",
	.init = bench_init,
	.main = bench_main,
};
