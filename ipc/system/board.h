/* SPDX-License-Identifier: MIT */
/*
 * board.h: the system board: one memfd with all state that must outlive the kernel.
 *
 *   guardian ─rw─ deaths ring        written by the guardian alone
 *   kernel   ─rw─ everything else    written by the kernel alone
 *   admind, traced ─ro─              mapped through a read-only descriptor
 *
 * No worker and no user code maps it, so the kernel trusts its contents, except for
 * half-done stores of a killed predecessor: process entries are committed by their
 * `state` word, crash records by `seq`.
 *
 * Readers (admind, traced) may see a record while it is written: they copy it
 * and compare `seq` before and after (struct bh_board_crash), or accept that
 * single counters of one entry are of different moments (everything else).
 */
#ifndef BH_IPC_BOARD_H
#define BH_IPC_BOARD_H

#include <stdatomic.h>
#include <stdint.h>

#include "ipc/system/plan.h"

#define BH_BOARD_MAGIC 0x4452414f42484200ull

enum {
	BH_BOARD_DEATHS = 1024,
	/* The kernel, admind, traced; of each service the zygote, its twin and all slots. */
	BH_BOARD_PROCS = 3 + BH_PLAN_SERVICES * (2 + BH_SLOTS),
	BH_BOARD_CRASHES = 256,
	BH_BOARD_RESETS = BH_PLAN_INTENSITY + 1,
};

/* Kinds of process. */
enum bh_proc_kind {
	BH_PROC_NONE = 0,
	BH_PROC_KERNEL,
	BH_PROC_ZYGOTE,
	BH_PROC_TWIN, /* a zygote in waiting */
	BH_PROC_WORKER,
	BH_PROC_ADMIND,
	BH_PROC_TRACED,
	BH_PROC_BLOCKING,
	BH_PROC_KIND_COUNT
};

enum bh_proc_state {
	BH_PROC_FREE = 0,
	BH_PROC_STARTING, /* asked for; pid may be 0 */
	BH_PROC_UP,       /* said that it is ready */
	BH_PROC_DEAD,     /* its death was seen; not yet cleaned up after */
	BH_PROC_BACKOFF,  /* to be started again at `start_at_ns` */
	BH_PROC_STATE_COUNT
};

/* One death, noted by the guardian. Single producer, single consumer: the
 * guardian writes the entry, then `deaths_tail` with release; the kernel reads
 * up to it and stores `deaths_head`. */
struct bh_death {
	int32_t pid;
	int32_t status; /* as waitpid() gives it */
	int64_t time_ns;
};

/* One supervised process. Commit: `state` is stored last, with release. */
struct bh_proc {
	_Atomic uint32_t state;
	uint32_t kind;
	uint32_t service; /* index in services[]; UINT32_MAX: none */
	uint32_t slot;    /* of a worker or blocking process (ipc/arena/worker.h) */
	uint32_t epoch;   /* its incarnation in that slot */
	int32_t pid;
	int32_t pidfd; /* in the table shared by guardian and kernel; -1: none */
	int32_t ctl;   /* the kernel's end of its control socket; -1: none */
	uint32_t restarts;
	uint32_t failures; /* deaths in a row without having been up for long */
	int64_t started_ns;
	int64_t start_at_ns;
	int64_t died_ns;
	uint64_t crash_id;  /* the record to complete when the next process is up */
	uint32_t hung;      /* a worker: 1: it was ended for not turning, */
	uint64_t hung_task; /* in the poll of this task; 0: none */
};

/* One crash. `seq` is odd while it is written. */
struct bh_board_crash {
	_Atomic uint32_t seq;
	uint32_t service;
	uint64_t id;     /* 1, 2, ...; 0: never used. Record id sits at id % COUNT */
	int64_t time_ns; /* CLOCK_MONOTONIC, when the kernel saw it */
	int64_t wall_ns; /* CLOCK_REALTIME */
	uint32_t kind;   /* enum bh_proc_kind of the dead process */
	uint32_t worker;
	int32_t pid;
	int32_t signal;
	int32_t exit_code;
	uint32_t stack_overflow;
	uint32_t oom;  /* SIGKILL, by Linux, for want of memory */
	uint32_t hung; /* SIGKILL, by the kernel: it did not turn */
	uint64_t address;
	uint64_t instruction;
	uint64_t stack_pointer;
	uint64_t task;      /* handle; 0: no task was running */
	uint64_t crash_key; /* the key it is counted against (crash_key.h) */
	char task_name[40];
	uint32_t task_type;      /* index in the arena's type table */
	uint32_t type_crashes;   /* how often this type crashed, this one included */
	uint64_t worker_crashes; /* how often processes of this slot crashed, likewise */
	uint32_t restart_us;     /* 0: not back yet */
	uint32_t n_frames;       /* return addresses caught by the worker itself */
	uint64_t frames[16];
};

/* Failures of one kind, as OTP counts them: the newest, and how many in a row. `at` is a
 * ring: the first failure is at[0]. An entry is written before the count, which is the
 * commit. */
struct bh_board_failures {
	uint64_t seen;
	uint32_t streak; /* with less than the period between them */
	struct {
		int64_t ns;  /* CLOCK_MONOTONIC */
		uint64_t of; /* the crash record of the failure; 0: none */
	} at[BH_BOARD_RESETS];
};

/* One service, as the kernel sees it. */
struct bh_board_service {
	char name[32];
	uint32_t state;          /* enum bh_proc_state of the service as a whole */
	uint32_t workers;        /* slots */
	uint32_t workers_wanted; /* slots in use; slots from here on are free, or about to be */
	uint32_t arena_seq;      /* how many arenas it has had: changes on a reset */
	uint32_t n_listen;
	char listen[BH_PLAN_LISTEN][BH_PLAN_ADDRESS]; /* as bound */
	uint64_t arena_bytes;
	uint64_t resets;
	uint64_t zygote_restarts;
	/* By slot: workers, and from BH_MAX_WORKERS on blocking processes. */
	uint64_t worker_restarts[BH_SLOTS];
	uint64_t worker_crashes[BH_SLOTS];
	int32_t worker_pid[BH_SLOTS]; /* 0: none right now */
	uint32_t worker_epoch[BH_SLOTS];
	uint32_t blocking_mark; /* slots for blocking processes that were ever used */
	uint32_t worker_stalled_ms[BH_MAX_WORKERS]; /* has not turned for so long; 0: it does */
	uint32_t worker_doing[BH_MAX_WORKERS]; /* then: a letter of /proc/PID/stat; 0: unknown */
	uint64_t worker_hogs[BH_MAX_WORKERS];  /* polls beyond their task's limit */
	char last_reset[160];                  /* why; "": never */
	uint32_t arena_memfd;                  /* the kernel's descriptor */
	uint32_t doorbell;                     /* the kernel's descriptors */
	uint32_t epfd[BH_MAX_REACTORS], kick[BH_MAX_REACTORS];
	struct bh_board_failures failed; /* resets for failures of its own */
	int64_t since_ns;                /* time since which it has been up, or down */
	int64_t start_ns;                /* when its newest start began */
	uint32_t came_up;                /* 1: a start was a success */
	uint32_t start_failures;         /* failed starts since then */
	char start_error[160];           /* why the last failed start failed */
	uint32_t announced;              /* 1: its listening addresses were printed */
	/* Its main: the crashes; and its value and the time once it has returned.
	 * `main_ended` is the commit. */
	struct bh_board_failures main_crashes;
	int64_t main_value, main_ended_ns;
	uint32_t main_ended;
};

enum bh_system_state {
	BH_SYSTEM_STARTING = 0,
	BH_SYSTEM_RUNNING,
	BH_SYSTEM_STOPPING,
	BH_SYSTEM_FAILED,
};

struct bh_board {
	uint64_t magic;
	uint32_t format, bytes;
	char version[16];
	int32_t guardian_pid;
	int32_t kernel_pid;
	uint32_t kernel_restarts;
	_Atomic uint32_t system_state; /* enum bh_system_state */
	int64_t started_ns;            /* CLOCK_MONOTONIC */
	int64_t started_wall_ns;       /* CLOCK_REALTIME */
	int64_t kernel_started_ns;
	uint32_t exit_code; /* of a system whose services are done */
	char admin_url[256];

	_Alignas(128) _Atomic uint64_t deaths_tail; /* guardian */
	_Alignas(128) _Atomic uint64_t deaths_head; /* kernel */
	struct bh_death deaths[BH_BOARD_DEATHS];

	_Alignas(128) _Atomic uint64_t crashes; /* id of the newest record */
	uint64_t turns;                         /* of the kernel's loop */
	uint32_t n_services;
	uint32_t admin_served; /* 1: this system's admind has served: its socket is ours, */
	uint64_t admin_ino;    /* while the file has this inode */
	uint32_t trace_page;   /* the kernel's descriptor of traced's histograms; 0: none */
	struct bh_board_service services[BH_PLAN_SERVICES];
	struct bh_proc procs[BH_BOARD_PROCS];
	struct bh_board_crash crash[BH_BOARD_CRASHES];
};
BH_FORMAT_STANDS_IN(struct bh_board);

#endif
