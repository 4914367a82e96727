/* SPDX-License-Identifier: MIT */
/*
 * service.h: what a service is, and how a program becomes a Bulkhead system.
 *
 * A service is a table of functions. It is either a shared object named by
 * `module:` in the configuration, which exports it as `bulkhead_service`:
 *
 *     const struct bh_service bulkhead_service = {
 *             .size = sizeof(struct bh_service),
 *             .name = "echo",
 *             .main = echo_main,
 *     };
 *
 * or is linked into a program whose main() hands it to bh_main().
 *
 * Life of a service: its code is loaded and init() run once, in the service's
 * zygote, before any worker exists. Workers are forks of the zygote, and each calls
 * worker_init(). Then main() runs as the service's first task, a fiber, in one of them. If
 * main crashes it is started again, after a pause that grows (`restart` in the configuration);
 * after more crashes than `restart.intensity` within `restart.period` the service has failed
 * and is reset. When main returns and no task is left, the service is done.
 *
 * When all services are done the system ends. Its exit code is the value of the first main
 * to return a value that is not 0: a value from 1 to 99 as it is, any other (a negative
 * error, 100 or more) as 1. 0: all mains returned 0, or the system was asked to stop (the
 * values of mains are ignored then). The log has a line for each value.
 */
#ifndef BULKHEAD_SERVICE_H
#define BULKHEAD_SERVICE_H

#include <bulkhead/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bh_service {
	uint32_t size; /* sizeof(struct bh_service): the version. New members come at the end,
			  and a module built with an older header has none of them */
	uint32_t reserved;
	const char *name; /* the service's name if the configuration has none */
	/* Loads data that all workers share read-only. It must leave no thread running
	 * (refused): workers would not have it. 0, or a negative error: the start has failed,
	 * and the log has the error. It may take up to `start.timeout` (90 s unless
	 * configured): other services start and serve meanwhile. May be NULL. */
	int (*init)(void);
	/* The first task. Its value becomes the system's exit code, see above. */
	int64_t (*main)(void *unused);
	/* Runs in each new process before its first task: in workers, their replacements,
	 * and the processes for jobs. For state that each process needs for itself: the seed
	 * of a generator, a connection, a thread. (The C library's generators have new seeds
	 * by then.) No task runs: calls that need a task fail. 0, or a negative error: the
	 * process ends and is replaced, with pauses that grow, and the log has the error. A
	 * crash in worker_init(), or 10 s without a return, has the same effect. If the
	 * service's first worker fails here, the start has failed, as by init(). May be NULL. */
	int (*worker_init)(void);
};

/*
 * Marks a global of which each process has its own copy: a cache, a seed, a counter of a
 * local set. `bulkhead run --strict` reports writes to all other globals (docs/guide.md).
 *
 *     static BH_PRIVATE int calls;
 */
#define BH_PRIVATE __attribute__((section("bh_private")))

/* The same for a thread-local: `static BH_PRIVATE_TLS __thread char text[80];`. */
#define BH_PRIVATE_TLS __attribute__((section("bh_private_tls")))

/*
 * Marks a library, by the beginning of its file's name up to a dot or a dash: each process
 * has its own copy of the globals that the library writes (caches, counts).
 *
 *     BH_PRIVATE_LIBRARY("libsqlite3");
 */
#define BH_PRIVATE_LIBRARY(name)          BH_PRIVATE_LIBRARY_AT(name, __LINE__)
#define BH_PRIVATE_LIBRARY_AT(name, line) BH_PRIVATE_LIBRARY_AT_LINE(name, line)
#define BH_PRIVATE_LIBRARY_AT_LINE(name, line)        \
	static const char bh_private_library_##line[] \
		__attribute__((section("bh_private_libraries"), used)) = name

/* The export of a module. */
BH_API extern const struct bh_service bulkhead_service;

/*
 * The main() of a program with services of its own: understands the command
 * line of `bulkhead run` (--help explains it) and runs @services (all, or
 * the ones its configuration names). Does not return on success: the process
 * becomes the system's root. Returns an exit status (100: usage, 111: system
 * failure) when it cannot start.
 *
 * Call it first thing in main(): worker processes come through here too.
 */
BH_API int bh_main(int argc, char **argv, const struct bh_service *const *services, size_t count);

/* The value of `options: {KEY: VALUE}` in the service's configuration, or NULL.
 * Valid for the life of the process. */
BH_API const char *bh_option(const char *key);

/* True once the service has been asked to stop. */
BH_API int bh_stopping(void);

/*
 * Counters of the caller's service and of its workers: always on, and shown by `bhctl
 * status` and `bhctl workers` (docs/metrics.md explains each). They begin anew
 * when the service is reset. A worker's counters belong to its slot, not to the
 * process: they go on when the worker crashes.
 *
 * Set `size` to sizeof the struct: only fields within it are filled. New fields come at
 * the end, so a module built with an older header gets the fields that it knows.
 */
struct bh_stats {
	uint32_t size;
	uint32_t workers; /* slots: the most there may be at once */
	uint64_t spawned, completed, crashed, canceled, live; /* tasks */
	uint64_t polls, steals, parks, worker_restarts;       /* of all workers */
	uint64_t uptime_ns;
	uint64_t queued; /* hints in the inject queue now */
	uint64_t timers; /* deadlines armed now, as of the kernel's last turn */
	/* The pool of blocking processes: at most, now, and without a job;
	 * jobs that wait for a process; jobs that have ended. */
	uint64_t blocking_max, blocking_processes, blocking_idle;
	uint64_t blocking_waiting, blocking_done;
};

/* Fills @stats. Errors: -EINVAL (no such size, not in a service). */
BH_API int bh_stats_get(struct bh_stats *stats) BH_NODISCARD;

/* Polls by their length, in ns: bucket 0 is [0, 16), then four buckets to a power of two; the
 * last bucket takes the rest, from 51 s on. */
#define BH_STATS_BUCKETS 128

/* The shortest poll in bucket @b, in ns. */
static inline uint64_t bh_stats_bucket_floor(unsigned b)
{
	return b ? (uint64_t)(4 + (b - 1) % 4) << (2 + (b - 1) / 4) : 0;
}

struct bh_worker_stats {
	uint32_t size;
	int32_t pid; /* 0: no process right now */
	uint64_t restarts, crashes, polls, steals, parks;
	uint64_t steal_ops;     /* times it stole; `steals` is how many tasks */
	uint64_t overflows;     /* times its ring was full */
	uint64_t unparks;       /* times it was woken */
	uint64_t noop_wakes;    /* times it was woken and found nothing to do */
	uint64_t lifo_hits;     /* tasks run straight after they were woken */
	uint64_t budget_yields; /* operations put off because the poll's budget was spent */
	uint64_t queued;        /* tasks in its ring now */
	uint64_t busy_ns;       /* polls, and looking for tasks; not sleep, nor spinning */
	/* Polls by length, and the sum of their lengths. Short polls are sampled: one timed
	 * poll stands for many, so the counts are estimates and may lag behind
	 * `polls`. */
	uint64_t poll_ns;
	uint64_t poll_buckets[BH_STATS_BUCKETS];
};

/* Fills @stats for worker slot @slot. Errors: -EINVAL (no such slot, no such size, not
 * in a service). */
BH_API int bh_worker_stats_get(uint32_t slot, struct bh_worker_stats *stats) BH_NODISCARD;

#ifdef __cplusplus
}
#endif
#endif
