/* SPDX-License-Identifier: MIT */
/*
 * state.h: what the kernel holds in its own memory.
 *
 * All that a successor must know is on the board (ipc/system/board.h), stored before it matters:
 * descriptors, pids, epochs. struct bh_kernel and what hangs from it is private, and
 * bh_kernel_attach() rebuilds it from the board and the arenas, at the first start as after
 * a kill.
 *
 * Arenas and control messages come from processes that run user code: indexes are checked on
 * a copy, loops are bounded, and nothing in here waits for such a process or asserts on what
 * it wrote.
 */
#ifndef BH_KERNEL_BASE_STATE_H
#define BH_KERNEL_BASE_STATE_H

#include "ipc/system/board.h"
#include "kernel/base/state_child.h"
#include "kernel/base/state_service.h"

/* Fixed places in board->procs: a successor finds everybody without searching.
 * Of a service: its zygote and its twin (which is which, `kind` says), then its
 * workers and then its blocking processes, by slot. */
enum {
	BH_PROCS_KERNEL = 0,
	BH_PROCS_ADMIND,
	BH_PROCS_TRACED,
	BH_PROCS_SERVICES,
};

/* Why a system ends. */
enum bh_stop {
	BH_STOP_NOT = 0,
	BH_STOP_GRACE, /* workers finish what they have */
	BH_STOP_LEAVE, /* those that have nothing to do go by themselves */
	BH_STOP_KILL,  /* all but admind are killed, then admind */
	BH_STOP_LAST,
};

/* Files held open (images.c); -errno: that one could not be opened. */
struct bh_images {
	int admind, traced;
	int host[BH_PLAN_SERVICES], module[BH_PLAN_SERVICES]; /* -1: linked into the host */
};

struct bh_kernel {
	const struct bh_plan *plan;
	const struct bh_images *images;
	struct bh_board *board;
	int board_fd, death_fd, lifeline, lifeline_end;
	int epfd, sigfd;
	int64_t now_ns;        /* of this turn */
	int64_t wake_ns;       /* when the next turn is due at the latest */
	int64_t next_look_ns;  /* housekeeping */
	int64_t stall_look_ns; /* the last one (stall.c) */
	int64_t record_ns;     /* events are recorded until then; 0: they are not (events.c) */
	uint32_t recording;    /* the number of that recording */
	int64_t allow_ns;      /* when the rings may take more */
	int64_t clear_ns;      /* when the pages of the rings go back; 0: they have none */
	bool attached;         /* this kernel replaced one that died */
	int64_t oom_kills[2];  /* oom.c: accounted for; as last looked at */
	bool signalled, deaths;
	bool changed;   /* the system may have arrived, or be done (lifecycle.c) */
	bool no_pwait2; /* epoll_pwait2() is refused */
	bool orphaned;  /* the guardian is dead: nobody reaps, and nobody notes deaths */
	const struct bh_kind *kinds; /* by enum bh_proc_kind */
	enum bh_stop stop;
	enum bh_stop carried; /* as far as its phase has carried it out */
	int64_t stop_ns;      /* when the phase of the stop ends at the latest */
	int64_t asked_ns;     /* when the stop began */
	int exit_code;
	bool done;
	struct bh_ksvc svc[BH_PLAN_SERVICES];
	struct bh_child child[BH_BOARD_PROCS]; /* as board->procs */
};

#endif
