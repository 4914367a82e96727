/* SPDX-License-Identifier: MIT */
/* state_service.h: one service, as the kernel holds it. */
#ifndef BH_KERNEL_BASE_STATE_SERVICE_H
#define BH_KERNEL_BASE_STATE_SERVICE_H

#include "ipc/arena/arena.h"
#include "ipc/arena/shortage.h"
#include "ipc/protocol/trim.h"
#include "ipc/repair/audit.h"
#include "ipc/repair/recover.h"
#include "ipc/repair/verify.h"
#include "ipc/system/board.h"
#include "kernel/base/wheel.h"

/* The task that the zygote spawned before any worker: the first slot of a new
 * arena, in its first generation. It is never refused. */
#define BH_MAIN_TASK bh_handle(1, 1)

enum {
	BH_SUSPECTS = 8
};

/* The audit of one service's arena: see audit.c. */
struct bh_kaudit {
	struct bh_audit_round round;
	uint32_t left;        /* entries to look at until the next housekeeping */
	int64_t next_ns;      /* when to go on */
	uint64_t began;       /* tasks, when this round began */
	uint64_t seen;        /* tasks and findings in it so far */
	bool hasty;           /* it goes on to its end without a pause for the rest of the second */
	bool empty;           /* the last one has seen none, */
	uint64_t empty_began; /* and so many had begun before it */
	struct bh_suspect {
		struct bh_audit_finding finding;
		uint32_t looks; /* at which it was so; 0: an empty place */
		bool mended;    /* recovery has had its try */
		int64_t next_ns;
	} suspect[BH_SUSPECTS];
};

/* One of a service's epoll instances (epoll.c). */
struct bh_kreactor {
	bool events;      /* it has events */
	bool armed;       /* its events wake the kernel */
	uint64_t lease;   /* the word of its lease when that last changed */
	int64_t lease_ns; /* and when that was seen */
};

enum {
	BH_HELD = 256
};

/* A task that crashed, whose outcome does not show yet: hold.c. */
struct bh_kheld {
	uint64_t task;
	int64_t until_ns;
};

/* The counters of ipc/arena/shortage.h, as they were read. */
struct bh_kshortage {
	uint64_t refused[BH_SHORTS], waited[BH_SHORTS], left, turned_away;
};

/* Rounds that give pages back (trim.c). */
struct bh_ktrim {
	struct bh_trim round;
	bool going, wanted;
	uint64_t turns; /* of all workers, when they were last looked at */
	int64_t began_ns, next_ns;
};

/* The process asked for to take over a worker's slot, before that is recovered (heir.c). */
struct bh_kheir {
	uint32_t epoch;   /* that it is for; 0: none was asked for */
	int32_t pid;      /* 0: not told of yet */
	int pidfd;        /* if it is */
	int64_t asked_ns; /* when the request was sent */
};

/* One service, as the kernel holds it. */
struct bh_ksvc {
	uint32_t id;
	const struct bh_plan_service *plan;
	struct bh_board_service *board;
	uint32_t procs;   /* index of its first entry in board->procs, and handle */
	uint32_t workers; /* slots in use */
	bool mapped;      /* view and wheel are there */
	uint64_t were_up; /* slots that were up since the last start: one bit each */
	struct bh_kheir heir[BH_MAX_WORKERS]; /* by slot */
	struct bh_view v;
	struct bh_wheel wheel; /* in the service's clock */
	int64_t clock_ns;      /* the service's clock in this turn; never goes back */
	struct bh_recover_ops ops;

	bool bell; /* its doorbell rang */
	struct bh_kreactor reactor[BH_MAX_REACTORS];
	bool scanning;      /* `scan` is under way */
	bool scan_again;    /* and must start anew when it is through */
	bool requeue_again; /* as scan.requeue, for that one */
	struct bh_verify scan;
	bool closing; /* I/O slots from `closing_at` on may have to be closed */
	uint32_t closing_at;
	bool audit;         /* the zygote is to look for descriptors that nobody has, */
	int64_t audit_ns;   /* not before this */
	bool files;         /* the zygote is to close what is marked as lost */
	uint64_t refused;   /* closes that were refused, as far as told, */
	int64_t refused_ns; /* and not before this again */
	struct bh_kaudit look;
	uint32_t rearm_at;              /* tasks from here on are to be armed; 0: none */
	uint32_t ready_at;              /* I/O slots from here on are to be marked ready; 0: none */
	bool ended;                     /* while it is DEAD: all of it was told to end */
	bool done;                      /* its main returned and no task is left */
	bool main_failed;               /* its main has just crashed, once too often */
	int64_t start_told_ns;          /* its start was last told of when it had taken so long */
	int64_t listen_told_ns;         /* listeners.c: when it looks; INT64_MAX: it has */
	bool look_aborted;              /* somebody died who may have aborted a job */
	int64_t grow_ns;                /* when the pool may grow again */
	uint64_t jobs_taken;            /* and what had been taken from its queue, */
	uint32_t blocking_came;         /* and who had come up, when it was last looked at */
	int64_t crash_us;               /* hold.c: what a crash costs a worker, */
	int64_t crash_due_ns[BH_TYPES]; /* the types' budgets of them, */
	struct bh_kheld held[BH_HELD];  /* and who is beyond them */
	uint32_t n_held;
	struct bh_ktrim trim;
	uint32_t ring;                /* events.c: the next one whose pages go back */
	struct bh_kshortage shortage; /* what was said of it, */
	int64_t shortage_ns;          /* and nothing is before this */
	struct bh_kernel *kernel;
};

#endif
