/* SPDX-License-Identifier: MIT */
/*
 * plan.h: the services that the launcher tells the kernel to run.
 *
 * The kernel parses no configuration. `bulkhead run` reads it (YAML, options),
 * opens every listening socket, and hands over one sealed memfd with this
 * struct, on descriptor BH_PLAN_FD, to bulkhead-kernel, which it becomes by exec.
 * So an address that is in use, or a key misspelt, is reported by the program
 * the user typed, before anything runs.
 *
 * Single writer (the launcher), before any reader; never changed afterwards. The
 * kernel maps it read-only and keeps it mapped; zygotes inherit it on the same
 * descriptor and read their own entry (options, listeners).
 */
#ifndef BH_IPC_PLAN_H
#define BH_IPC_PLAN_H

#include <stdint.h>

#include "ipc/system/format.h"

#define BH_PLAN_MAGIC 0x4e414c5048420001ull
#define BH_PLAN_FD    3 /* the descriptor it is inherited on */

enum {
	BH_PLAN_SERVICES = 16,
	BH_PLAN_LISTEN = 8,
	BH_PLAN_ADDRESS = 128,   /* "unix:", the longest path, and more */
	BH_PLAN_INTENSITY = 255, /* the highest count: of crashes, resets */
	BH_PLAN_OPTIONS = 32,
	BH_MAX_WORKERS = 64, /* one bit each in a 64-bit mask */
	BH_MAX_BLOCKING = 512,
	BH_MAX_REACTORS = 8, /* epoll instances of a service */
	/* Slots of worker.h: workers from 0 on, blocking processes from BH_MAX_WORKERS. */
	BH_SLOTS = BH_MAX_WORKERS + BH_MAX_BLOCKING,
};

/* Restart policy across services (OTP's names). */
enum bh_strategy {
	BH_ONE_FOR_ONE = 0,
	BH_ONE_FOR_ALL = 1,
	BH_REST_FOR_ONE = 2,
};

/* How long an idle worker may spin, if not in us. */
enum {
	BH_SPIN_AUTO = 0,
	BH_SPIN_MAX = 1000, /* us */
	BH_SPIN_NEVER = 0xffff,
};

/* The part of the arena in a worker's core dump (workers/crash/dump.c). */
enum bh_core {
	BH_CORE_TASK = 0, /* the memory of the task that it ran */
	BH_CORE_NONE,     /* no core is dumped */
	BH_CORE_ALL,
};

/* The action on a hog's worker. */
enum bh_hog_action {
	BH_HOG_REPORT = 0,
	BH_HOG_KILL = 1,
};

struct bh_plan_listen {
	char address[BH_PLAN_ADDRESS]; /* as configured, the key of bh_listen() */
	char actual[BH_PLAN_ADDRESS];  /* as bound: the port is never 0 */
	uint64_t file_dev, file_ino;   /* of the socket's file */
	int32_t fd;                    /* inherited by the kernel; O_NONBLOCK, listening */
};

struct bh_plan_option {
	char key[32];
	char value[224];
};

/* At the end of a service's table of descriptors: no worker opens these. */
enum {
	BH_ZYGOTE_FDS = 16,
};

enum {
	BH_PLAN_GROUPS = 256, /* supplementary groups of a user */
};

/* The user that a service runs as. */
struct bh_plan_user {
	uint32_t uid, gid; /* UINT32_MAX: stays as it is, the groups as well */
	uint32_t n_groups;
	uint32_t groups[BH_PLAN_GROUPS];
	/* For its environment; home "": the environment stays as it is. */
	char name[64]; /* "": the user has none */
	char home[256], shell[128];
};

/* Soft limits of a service's workers, as far as the hard limits allow; 0: the hard limit. */
struct bh_plan_limits {
	uint64_t files;      /* open files: RLIMIT_NOFILE. The zygote has BH_ZYGOTE_FDS more */
	uint64_t file_bytes; /* of a file: RLIMIT_FSIZE */
	uint64_t space;      /* addresses: RLIMIT_AS */
	uint64_t data;       /* private memory that can be written: RLIMIT_DATA */
};

struct bh_plan_service {
	char name[32];
	char module[256];      /* absolute path of the shared object; "": linked into host */
	char host[256];        /* absolute path of the program that becomes the zygote */
	uint32_t workers;      /* to begin with */
	uint32_t max_workers;  /* slots that are laid out; less than `workers`: as many */
	uint32_t max_tasks;    /* task table size */
	uint32_t max_io;       /* I/O slots */
	uint32_t blocking_max; /* blocking processes; 0: BH_MAX_BLOCKING */
	uint64_t max_memory;   /* bytes of all blocks: task memory and stacks */
	/* Quarantine of a task type: more than `crash_intensity` crashes within
	 * `crash_period_ms`; 0: never. */
	uint32_t crash_intensity;
	uint32_t crash_period_ms;
	/* Task types that are never quarantined: names, '\n' between them. */
	char crash_exempt[512];
	/* A start that takes longer has failed; 0: it may take for ever. */
	uint32_t start_timeout_ms;
	/* Workers that die on start are retried with exponential back-off between
	 * these bounds. */
	uint32_t backoff_min_ms, backoff_max_ms;
	/* More failures of the service as a whole (each resets it, and the others by the
	 * system's strategy) with less than the period between them: the system ends. */
	uint32_t restart_intensity;
	uint32_t restart_period_ms;
	uint32_t blocking_keep_ms; /* a blocking process without a job ends; 0: 10 s */
	/* The scheduler's numbers (workers/base/sched.c). 0: the default. */
	uint32_t inject_interval, event_interval, budget, lifo_max;
	uint32_t spin_us; /* the longest, before an idle worker sleeps; enum BH_SPIN_* */
	uint32_t seed;    /* of its random choices; 0: another one each time */
	/* A worker that does not turn: reported, ended after so long; 0: never. */
	uint32_t hang_report_ms, hang_kill_ms;
	/* A task in one poll for so long is a hog; 0: only if its spawner said so. */
	uint32_t hog_after_ms;
	uint32_t hog_action; /* enum bh_hog_action */
	struct bh_plan_user user;
	struct bh_plan_limits limits;
	uint32_t core; /* enum bh_core */
	uint32_t n_listen, n_options;
	struct bh_plan_listen listen[BH_PLAN_LISTEN];
	struct bh_plan_option options[BH_PLAN_OPTIONS];
};

static inline uint32_t bh_plan_slots(const struct bh_plan_service *s)
{
	return s->max_workers > s->workers ? s->max_workers : s->workers;
}

struct bh_plan {
	uint64_t magic;
	uint32_t format, bytes; /* sizeof(struct bh_plan) */
	char config[256];       /* its source file, or "embedded default" */
	char admin_url[256];    /* nng URL of the admin endpoint */
	char libexec[256];      /* directory of bulkhead-admind, -traced, -host */
	char rundir[256];       /* private directory to remove at the end; "": none */
	uint32_t strategy;      /* enum bh_strategy */
	uint32_t grace_ms;      /* how long a stop waits for requests under way */
	uint32_t admin;         /* 1: start admind */
	uint32_t trace;         /* 1: start traced */
	uint32_t strict;        /* 1: workers watch what is private (workers/strict/strict.h) */
	uint32_t unpriv_uid, unpriv_gid; /* the ids of admind; UINT32_MAX: keep */
	uint32_t n_services;
	int32_t lock_fd; /* held open for the system's life, so that no second system starts
			    in its run directory; 0: none */
	struct bh_plan_service services[BH_PLAN_SERVICES];
};
BH_FORMAT_STANDS_IN(struct bh_plan);

/* At the end: removes the files of the listeners' Unix sockets. A newer file at the path stays:
 * it has another inode number, since the numbers of open sockets' files are not free. */
void bh_plan_remove_files(const struct bh_plan *plan);

#endif
