/* SPDX-License-Identifier: MIT */
/*
 * control.h: the messages on the SOCK_SEQPACKET pairs between the kernel and
 * its children (zygotes, admind, traced). One message is one packet of one
 * struct bh_ctl; a descriptor may ride along (SCM_RIGHTS).
 *
 * No process waits for an answer: a request may be sent twice (again by the
 * successor of the kernel that sent it), so each is safe to carry out twice.
 *
 * A child finds its end on descriptor BH_CTL_FD.
 */
#ifndef BH_IPC_CONTROL_H
#define BH_IPC_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#define BH_CTL_FD 4 /* a child's control socket */
#define BH_CTL_MARK \
	6               /* SO_PRIORITY of a child's end, which means nothing to such a socket:
			 by it a zygote finds the ends of dead zygotes among all sockets */
#define BH_CTL_WHY  112 /* bytes of a reason, for people; NUL-terminated */
#define BH_BOARD_FD 5   /* admind, traced: the board, read-only; the plan is on BH_PLAN_FD */

enum bh_ctl_op {
	/* kernel -> zygote */
	BH_CTL_FORK_WORKER = 1, /* make a worker, which waits for its epoch to start */
	BH_CTL_FORK_TWIN,       /* fd: the control socket of the twin to make. Without fd: report
				   the twin of that epoch (again) */
	BH_CTL_CLOSE_IO,        /* close the descriptor in that I/O slot */
	BH_CTL_AUDIT_FDS,       /* close descriptors without an owner (after a death in accept, or
				   a zygote's). Comes back if they are not known yet: to ask again */
	BH_CTL_CLOSE_FILES,     /* close the files that are marked as lost (files.h) */
	/* zygote -> kernel */
	BH_CTL_READY,  /* init() has run */
	BH_CTL_FORKED, /* fd: the pidfd */
	BH_CTL_TWIN,   /* fd: the pidfd */
	/* kernel -> admind, traced */
	BH_CTL_ARENA, /* fd: the arena, read-only */
	BH_CTL_TRACE, /* to admind: fd: traced's histogram page, read-only */
	/* admind -> kernel */
	BH_CTL_STOP,    /* stop the system */
	BH_CTL_WORKERS, /* a service is to have so many workers */
	BH_CTL_LIFT,    /* end the quarantine of that type and key */
	BH_CTL_HELLO,   /* ready to serve */
	BH_CTL_RECORD,  /* events are to be recorded from now on, for so long */
	/* traced -> kernel */
	BH_CTL_TRACE_PAGE, /* fd: its histogram page */
	BH_CTL_COUNT
};

/* One message: `op`, and the member of that name, if there is one. */
struct bh_ctl {
	uint32_t op; /* enum bh_ctl_op */
	union {
		struct {
			uint32_t slot, epoch;
		} fork_worker;
		struct {
			uint32_t slot, epoch; /* as asked */
			int32_t pid;          /* or -errno */
		} forked;
		struct {
			uint32_t epoch;
		} fork_twin;
		struct {
			uint32_t epoch; /* as asked */
			int32_t pid;    /* or -errno; -ENOENT: the twin was not made */
		} twin;
		struct {
			uint32_t io, gen; /* index and generation */
		} close_io;
		struct {
			int32_t result; /* of init(); 0: the zygote is ready */
			char why[BH_CTL_WHY];
		} ready;
		struct {
			uint32_t service, seq; /* seq: how many arenas the service has had */
		} arena;
		struct {
			uint32_t now; /* 1: without grace */
		} stop;
		struct {
			uint32_t service, count;
		} workers;
		struct {
			uint32_t service, type;
			uint64_t key; /* 0: of the type as a whole */
		} lift;
		struct {
			int32_t ms;
		} record;
		struct {
			int32_t error; /* 0 or -errno: why there are no latencies */
			char why[BH_CTL_WHY];
		} trace_page;
	};
};
_Static_assert(sizeof(struct bh_ctl) == 128, "one packet");
_Static_assert(offsetof(struct bh_ctl, ready.why) == offsetof(struct bh_ctl, trace_page.why),
	       "a reader ends both with one store");

#endif
