/* SPDX-License-Identifier: MIT */
/*
 * recovery.c: the service that is killed. One fiber yields all the time, and
 * starts again when it crashes; on a page that the measuring process shares it
 * notes when each new worker process polled it first. Options: `page`, the file
 * of that page, and `tasks`, how many poll tasks sleep beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bulkhead/bulkhead.h>

#include "page.h"

static struct page *page;

static enum bh_poll sleeper(struct bh_cx *cx, void *state)
{
	(void)state;
	bh_poll_at(cx, bh_after(BH_S(86400)));
	return BH_PENDING;
}

/* Killed half way, it starts again: what is there already is counted. */
static int64_t beater(void *unused)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = "bench.sleeper" };
	const char *text = bh_option("tasks");
	uint32_t want = text ? (uint32_t)strtoul(text, NULL, 10) : 0;

	(void)unused;
	while (atomic_load(&page->sleepers) < want) {
		int err = bh_spawn_poll(NULL, sleeper, NULL, 0, &opts);

		if (err)
			return err;
		atomic_fetch_add(&page->sleepers, 1);
		if (atomic_load(&page->sleepers) % 1000 == 0)
			bh_yield();
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
