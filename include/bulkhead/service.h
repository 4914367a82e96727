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
 * zygote, before any worker exists. Workers are forks of the zygote. Then main()
 * runs as the service's first task, a fiber, in one of them. If main crashes it
 * is started again; when main returns and no task is left, the service is done.
 */
#ifndef BULKHEAD_SERVICE_H
#define BULKHEAD_SERVICE_H

#include <bulkhead/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bh_service {
	uint32_t size; /* sizeof(struct bh_service): the version */
	uint32_t reserved;
	const char *name; /* the service's name if the configuration has none */
	/* Loads what all workers share read-only. Single-threaded, must not
	 * start threads. 0, or a negative error that stops the start-up. May be
	 * NULL. */
	int (*init)(void);
	/* The first task. Its value is the service's exit status. */
	int64_t (*main)(void *unused);
};

/* The export of a module. */
BH_API extern const struct bh_service bulkhead_service;

/*
 * The main() of a program with services of its own: understands the command
 * line of `bulkhead run` (--help explains it) and runs @services (each, or
 * those its configuration names). Does not return on success: the process
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

/* Counters of the caller's service; see `bhctl status`. */
struct bh_stats {
	uint32_t size;
	uint32_t workers;
	uint64_t spawned, completed, crashed, canceled, live;
	uint64_t polls, steals, parks, worker_restarts;
	uint64_t uptime_ns;
};

/* Fills @stats (set stats->size first). Errors: -EINVAL. */
BH_API int bh_stats_get(struct bh_stats *stats) BH_NODISCARD;

/* Counters of one worker slot. Errors: -EINVAL (no such slot). */
struct bh_worker_stats {
	uint32_t size;
	int32_t pid;
	uint64_t restarts, crashes, polls, steals, parks;
};
BH_API int bh_worker_stats_get(uint32_t slot, struct bh_worker_stats *stats) BH_NODISCARD;

#ifdef __cplusplus
}
#endif
#endif
