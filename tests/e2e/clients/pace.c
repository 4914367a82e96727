/* SPDX-License-Identifier: MIT */
/*
 * pace.c: a service whose tasks take times that are known. Of its services one has
 * option `spin`: two tasks that spin SPIN_MS at a time without a pause, each on a
 * worker, if there are two; and with each spin a task (pace.behind) is spawned at its
 * beginning, which a single worker polls after it. The other has option `block`:
 * tasks that make their worker wait BLOCK_MS in a system call. With option `pour`, a
 * task is polled that many times, POUR_PER_MS in each ms, each time that there is one
 * file more `$POUR_DIR/go.N`, N from 1.
 */
#include <linux/futex.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bulkhead/bulkhead.h>

enum {
	SPIN_MS = 20,
	BLOCK_MS = 30,
	POUR_PER_MS = 200,
	QUIET_MS = 300,
};

static int64_t nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int64_t spin(void *arg)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;

	(void)arg;
	o.name = "pace.behind";
	for (;;) {
		bh_task t;
		int64_t end;

		if (bh_spawn(&t, nothing, NULL, 0, &o))
			return 1;
		for (end = bh_now() + BH_MS(SPIN_MS); bh_now() < end;)
			;
		if (bh_join(t, NULL, BH_FOREVER))
			return 1;
	}
}

static const struct timespec pause_ = { .tv_nsec = BLOCK_MS * 1000000l };

static void in_futex(void)
{
	uint32_t word = 0;

	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &pause_, NULL, 0);
}

static void in_poll(void)
{
	poll(NULL, 0, BLOCK_MS);
}

static void in_sleep(void)
{
	nanosleep(&pause_, NULL);
}

static int64_t block(void *arg)
{
	void (*how)(void) = *(void (**)(void))arg;

	for (;;) {
		how();
		if (bh_sleep(BH_MS(5)))
			return 1;
	}
}

static void spin_until(int64_t ns)
{
	while (bh_now() < ns)
		;
}

struct pour {
	int64_t done, all, began_ns;
};

/* The first poll and the last take QUIET_MS, so that whoever is late with what was
 * before and after has its time. */
static enum bh_poll pour(struct bh_cx *cx, void *state)
{
	struct pour *p = state;

	if (!p->done) {
		spin_until(bh_now() + BH_MS(QUIET_MS));
		p->began_ns = bh_now();
	}
	if (p->done % POUR_PER_MS == 0)
		spin_until(p->began_ns + BH_MS(p->done / POUR_PER_MS));
	if (++p->done == p->all) {
		spin_until(bh_now() + BH_MS(QUIET_MS));
		return BH_READY;
	}
	bh_poll_again(cx);
	return BH_PENDING;
}

static int64_t pours(void *arg)
{
	const char *n = bh_option("pour"), *dir = getenv("POUR_DIR");
	char go[256];

	(void)arg;
	for (int round = 1;; round++) {
		struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
		struct pour p = { .all = atoll(n) };
		bh_task t;

		snprintf(go, sizeof(go), "%s/go.%d", dir ? dir : ".", round);
		while (access(go, F_OK))
			if (bh_sleep(BH_MS(50)))
				return 1;
		o.name = "pace.pour";
		int64_t began = bh_now();
		if (bh_spawn_poll(&t, pour, &p, sizeof(p), &o) || bh_join(t, NULL, BH_FOREVER))
			return 1;
		dprintf(STDERR_FILENO, "pace: round %d, polled %s times in %lld ms\n", round, n,
			(long long)((bh_now() - began) / BH_MS(1)));
	}
}

static bool spawn(const char *name, bh_fiber_fn fn, void (*how)(void))
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	bh_task t;

	o.name = name;
	return !bh_spawn(&t, fn, &how, sizeof(how), &o);
}

static int64_t pace_main(void *arg)
{
	(void)arg;
	if (bh_option("spin") &&
	    (!spawn("pace.spin", spin, NULL) || !spawn("pace.spin", spin, NULL)))
		return 1;
	if (bh_option("block") &&
	    (!spawn("pace.futex", block, in_futex) || !spawn("pace.poll", block, in_poll) ||
	     !spawn("pace.sleep", block, in_sleep)))
		return 1;
	if (bh_option("pour") && !spawn("pace.pours", pours, NULL))
		return 1;
	return bh_suspend(BH_FOREVER);
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "pace",
	.main = pace_main,
};
