/* SPDX-License-Identifier: MIT */
#include "tools/bulkhead/config/keys.h"

#include <string.h>

#include "ipc/system/plan.h"

static const char *const strategies[] = { [BH_ONE_FOR_ONE] = "one_for_one",
					  [BH_ONE_FOR_ALL] = "one_for_all",
					  [BH_REST_FOR_ONE] = "rest_for_one",
					  NULL };

static const char *const cores[] = {
	[BH_CORE_TASK] = "task", [BH_CORE_NONE] = "none", [BH_CORE_ALL] = "all", NULL
};

static const char *const actions[] = { [BH_HOG_REPORT] = "report", [BH_HOG_KILL] = "kill", NULL };

enum {
	HOUR = 3600000,
	DAY = 24 * HOUR,
	NAME = sizeof(((struct bh_plan_service *)0)->name),
	MODULE = sizeof(((struct bh_plan_service *)0)->module),
};

#define PLAN(field) \
	.at = offsetof(struct bh_plan, field), .size = sizeof(((struct bh_plan *)0)->field)
#define SERVICE(field)                                 \
	.at = offsetof(struct bh_plan_service, field), \
	.size = sizeof(((struct bh_plan_service *)0)->field)
#define RANGE(from, to) .lo = (from), .hi = (to)

/* The order is that of the reference, and of `known here:`. */
const struct bh_key bh_keys[] = {
	{ "services", BH_KEY_MAPPING, .most = BH_PLAN_SERVICES, .must = true,
	  .meaning = "what is run", .value = "a sequence of 1 to 16 services" },
	{ "admin", BH_KEY_ADMIN, .meaning = "where `bhctl` asks",
	  .value = "`ipc://` and an absolute path, at most 107 bytes", .otherwise = "see below" },
	{ "grace", BH_KEY_MS, RANGE(0, HOUR), PLAN(grace_ms), .standard = "10s",
	  .meaning = "how long a stop waits for requests under way" },
	{ "strategy", BH_KEY_WORD, .words = strategies, PLAN(strategy), .standard = "one_for_one",
	  .meaning =
		  "who else is reset when a service is: nobody, all, or those after it in the file" },
	{ "trace", BH_KEY_BOOL, PLAN(trace), .standard = "true",
	  .meaning = "starts `bulkhead-traced` ([observing.md](observing.md))" },

	{ "services.name", BH_KEY_NAME, RANGE(1, NAME), .must = true, SERVICE(name),
	  .meaning = "its name in messages and in `bhctl`; no two have the same",
	  .value = "at most 31 letters, digits, `_`, `-`, `.`" },
	{ "services.module", BH_KEY_TEXT, RANGE(1, MODULE),
	  .meaning = "the shared object with the service", .value = "a path, at most 255 bytes",
	  .otherwise = "the name and `.so`" },
	{ "services.workers", BH_KEY_NUMBER, RANGE(1, BH_MAX_WORKERS), SERVICE(workers),
	  .meaning = "worker processes",
	  .otherwise = "one for each CPU this process may use, by its affinity and by its control "
		       "group's quota" },
	{ "services.max_workers", BH_KEY_NUMBER, RANGE(1, BH_MAX_WORKERS), SERVICE(max_workers),
	  .meaning = "how far `bhctl workers --set` may go",
	  .value = "1 to 64, not less than `workers`", .otherwise = "`workers`" },
	{ "services.listen", BH_KEY_ADDRESS, .most = BH_PLAN_LISTEN,
	  .meaning = "sockets that are opened before anything runs",
	  .value = "a sequence of at most 8 addresses", .otherwise = "none" },
	{ "services.user", BH_KEY_TEXT, RANGE(1, 128),
	  .meaning = "as whom its processes run; only root can choose another",
	  .value = "`USER` or `USER:GROUP`, names or numbers",
	  .otherwise = "who started `bulkhead`" },
	{ "services.core", BH_KEY_WORD, .words = cores, SERVICE(core), .standard = "task",
	  .meaning = "what of the shared memory is in a worker's core dump, see below" },
	{ "services.options", BH_KEY_OPTIONS,
	  .meaning = "for the service itself, which reads them with `bh_option()`",
	  .value = "a mapping of at most 32 texts", .otherwise = "none" },

	{ "services.limits", .kind = BH_KEY_MAPPING },
	{ "services.limits.tasks", BH_KEY_NUMBER, RANGE(64, 1u << 24), SERVICE(max_tasks),
	  .standard = "1000000", .meaning = "tasks that are alive at a time" },
	{ "services.limits.io", BH_KEY_NUMBER, RANGE(64, 1000000), SERVICE(max_io),
	  .standard = "65536", .meaning = "sockets that are open at a time" },
	{ "services.limits.memory", BH_KEY_BYTES, RANGE(16ull << 20, 1ull << 40),
	  SERVICE(max_memory), .standard = "1G",
	  .meaning = "task memory and stacks, in blocks of all sizes together",
	  .otherwise = "`1G`, and room for stacks: see below" },

	{ "services.blocking", .kind = BH_KEY_MAPPING },
	{ "services.blocking.max", BH_KEY_NUMBER, RANGE(1, BH_MAX_BLOCKING), SERVICE(blocking_max),
	  .standard = "512", .meaning = "so many at a time; further jobs wait for their turn" },
	{ "services.blocking.keep_alive", BH_KEY_MS, RANGE(1, DAY), SERVICE(blocking_keep_ms),
	  .standard = "10s", .meaning = "one that has no job for so long ends" },

	{ "services.crash", .kind = BH_KEY_MAPPING },
	{ "services.crash.intensity", BH_KEY_NUMBER, RANGE(0, BH_PLAN_INTENSITY),
	  SERVICE(crash_intensity), .standard = "5",
	  .meaning = "quarantine at more crashes of one task type by one key than this; 0: never" },
	{ "services.crash.period", BH_KEY_MS, RANGE(1, DAY), SERVICE(crash_period_ms),
	  .standard = "10s", .meaning = "within this time" },
	{ "services.crash.exempt", BH_KEY_NAME, RANGE(1, NAME + 8), .most = 32,
	  .meaning = "task types that are never quarantined",
	  .value = "a sequence of at most 32 names", .otherwise = "none" },

	{ "services.start", .kind = BH_KEY_MAPPING },
	{ "services.start.timeout", BH_KEY_MS, RANGE(0, DAY), SERVICE(start_timeout_ms),
	  .standard = "90s", .meaning = "a start has failed after so long; 0: never" },

	{ "services.restart", .kind = BH_KEY_MAPPING },
	{ "services.restart.intensity", BH_KEY_NUMBER, RANGE(0, BH_PLAN_INTENSITY),
	  SERVICE(restart_intensity), .standard = "3",
	  .meaning = "the system gives up at more resets of the service than this; 0: never" },
	{ "services.restart.period", BH_KEY_MS, RANGE(1, DAY), SERVICE(restart_period_ms),
	  .standard = "5s", .meaning = "within this time" },
	{ "services.restart.backoff_min", BH_KEY_MS, RANGE(1, HOUR), SERVICE(backoff_min_ms),
	  .standard = "50ms", .meaning = "the first pause" },
	{ "services.restart.backoff_max", BH_KEY_MS, RANGE(1, HOUR), SERVICE(backoff_max_ms),
	  .standard = "5s", .meaning = "the longest" },

	{ "services.scheduler", .kind = BH_KEY_MAPPING },
	{ "services.scheduler.inject_interval", BH_KEY_NUMBER, RANGE(1, 1000000),
	  SERVICE(inject_interval),
	  .meaning =
		  "a worker with tasks of its own looks at the service's queue once in so many polls",
	  .otherwise = "tuned; 31 with one worker" },
	{ "services.scheduler.event_interval", BH_KEY_NUMBER, RANGE(1, 1000000),
	  SERVICE(event_interval),
	  .meaning = "likewise, it looks for events of sockets once in so many polls",
	  .otherwise = "as often as at the queue" },
	{ "services.scheduler.budget", BH_KEY_NUMBER, RANGE(1, 1000000), SERVICE(budget),
	  .meaning = "operations on timers, sockets and tasks it joins that a task may do in one "
		     "poll before others run",
	  .otherwise = "128" },
	{ "services.scheduler.lifo", BH_KEY_NUMBER, RANGE(1, 1000), SERVICE(lifo_max),
	  .meaning = "polls in a row of the task woken last, before those that wait longer",
	  .otherwise = "3" },
	{ "services.scheduler.spin", BH_KEY_SPIN, RANGE(0, BH_SPIN_MAX), SERVICE(spin_us),
	  .standard = "auto",
	  .meaning =
		  "the longest time that an idle worker watches for work before it sleeps; 0: it "
		  "sleeps at once",
	  .value = "`auto`, 0, or a time up to `1ms` (`20us`)", .otherwise = "`auto` (50 µs)" },
	{ "services.scheduler.seed", BH_KEY_NUMBER, RANGE(1, UINT32_MAX), SERVICE(seed),
	  .meaning = "where the random choices (whom to steal from) come from",
	  .otherwise = "another one each time" },

	{ "services.hang", .kind = BH_KEY_MAPPING },
	{ "services.hang.report_after", BH_KEY_MS, RANGE(0, DAY), SERVICE(hang_report_ms),
	  .standard = "1s",
	  .meaning = "a line in the log after so long: which worker, in which task, what its "
		     "process is doing; 0: never" },
	{ "services.hang.kill_after", BH_KEY_MS, RANGE(0, DAY), SERVICE(hang_kill_ms),
	  .standard = "0",
	  .meaning =
		  "the worker is ended after so long, whatever it does, and replaced; 0: never" },

	{ "services.hog", .kind = BH_KEY_MAPPING },
	{ "services.hog.after", BH_KEY_MS, RANGE(0, DAY), SERVICE(hog_after_ms), .standard = "0",
	  .meaning =
		  "the limit of tasks whose spawner set none (`hog_ms` of `bh_spawn_opts`); 0: no "
		  "limit" },
	{ "services.hog.action", BH_KEY_WORD, .words = actions, SERVICE(hog_action),
	  .standard = "report",
	  .meaning = "`kill`: after the report, the task is ended by ending its worker" },
};

const size_t bh_keys_n = sizeof(bh_keys) / sizeof(*bh_keys);

const char *bh_key_in(const struct bh_key *key, const char *parent)
{
	const char *last = strrchr(key->path, '.');
	size_t n = last ? (size_t)(last - key->path) : 0;

	if (strlen(parent) != n || strncmp(key->path, parent, n) != 0)
		return NULL;
	return last ? last + 1 : key->path;
}
