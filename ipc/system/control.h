/* SPDX-License-Identifier: MIT */
/*
 * control.h: the messages on the SOCK_SEQPACKET pairs between the kernel and
 * its children (zygotes, admind, traced). One message is one packet of one
 * struct bh_ctl; a descriptor may ride along (SCM_RIGHTS).
 *
 * Nobody waits for an answer: a request may be sent twice (by a kernel that
 * replaced the one that sent it first), so each is safe to carry out twice.
 *
 * A child finds its end on descriptor BH_CTL_FD.
 */
#ifndef BH_IPC_CONTROL_H
#define BH_IPC_CONTROL_H

#include <stdint.h>

#define BH_CTL_FD 4 /* a child's control socket */
#define BH_CTL_MARK \
	6             /* SO_PRIORITY of a child's end, which means nothing to such a socket:
			 zygotes know by it those of dead ones, in a table full of sockets */
#define BH_BOARD_FD 5 /* admind, traced: the board, read-only; the plan is on BH_PLAN_FD */

enum bh_ctl_op {
	/* kernel -> zygote */
	BH_CTL_FORK_WORKER =
		1,          /* slot, epoch: make a worker, which waits for that epoch to start */
	BH_CTL_FORK_TWIN,   /* epoch, fd: the control socket of the twin to make. Without fd:
				   the twin of that epoch is told of (again) */
	BH_CTL_CLOSE_IO,    /* slot = I/O index, epoch = generation: close it */
	BH_CTL_AUDIT_FDS,   /* close what nobody owns (after a death in accept, or a zygote's).
				   Comes back if that cannot be told now: to be asked again */
	BH_CTL_CLOSE_FILES, /* close the files that are marked as lost (files.h) */
	/* zygote -> kernel */
	BH_CTL_READY,  /* init() has run; value: its result */
	BH_CTL_FORKED, /* slot, epoch, value = pid, fd = pidfd; pid < 0: -errno */
	BH_CTL_TWIN,   /* epoch, value = pid, fd = pidfd; pid < 0: -errno, -ENOENT: not made */
	/* kernel -> admind, traced */
	BH_CTL_ARENA, /* slot = service, epoch = arena_seq, fd = arena, read-only */
	BH_CTL_TRACE, /* to admind: fd = traced's histogram page, read-only */
	/* admind -> kernel */
	BH_CTL_STOP,    /* stop the system; value 1: now */
	BH_CTL_WORKERS, /* slot = service, value = how many workers it is to have */
	BH_CTL_LIFT,    /* slot = service, epoch = task type (BH_TYPES: all), value 1: of that only
			   the key in text, in hexadecimal: is quarantined no more */
	BH_CTL_HELLO,   /* ready to serve */
	BH_CTL_RECORD,  /* value: events are recorded for so many ms from now on */
	/* traced -> kernel */
	BH_CTL_TRACE_PAGE, /* fd: its histogram page; value = 0, or -errno + text */
};

struct bh_ctl {
	uint32_t op; /* enum bh_ctl_op */
	uint32_t slot;
	uint32_t epoch;
	int32_t value;
	char text[112]; /* a reason, for people; NUL-terminated */
};
_Static_assert(sizeof(struct bh_ctl) == 128, "one packet");

#endif
