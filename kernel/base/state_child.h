/* SPDX-License-Identifier: MIT */
/* state_child.h: a supervised process, as the kernel holds it: the one handle for it. */
#ifndef BH_KERNEL_BASE_STATE_CHILD_H
#define BH_KERNEL_BASE_STATE_CHILD_H

#include <stdbool.h>
#include <stdint.h>

struct bh_child;
struct bh_kernel;
struct bh_ksvc;
struct bh_proc;

/* A worker that does not turn, as far as is known (stall.c). */
struct bh_kstall {
	uint64_t beat;      /* its count of turns when last looked at */
	int64_t stalled_ns; /* for so long it has not moved, and should have */
	int64_t asked_ns;   /* when Linux was asked what it does */
	char state;         /* the answer: a letter of /proc/PID/stat; 0: not asked */
	bool told;          /* it was logged */
	bool hog;           /* its task is beyond its limit: counted, */
	bool hog_told;      /* and reported; */
	int64_t hog_ns;     /* when it was noticed, and the worker asked where it is */
};

/* What is known of one incarnation beyond the board, and forgotten with it. All of it may be
 * lost at any time. */
struct bh_klife {
	bool asked;       /* a worker or twin: the request was sent to the zygote */
	bool gone;        /* its death was announced (pidfd), and is to be dealt with */
	bool ctl_ready;   /* its control socket has something to say */
	bool owed;        /* a server: arenas are to be sent to it */
	bool killed;      /* killed by the kernel: its death is no news */
	int64_t seen_ns;  /* when its death was noticed; 0: it was not */
	int64_t asked_ns; /* when the request was sent */
	bool again;       /* ... twice, for the first time nothing came of it (nobody.c) */
	bool early;       /* ... before there was room, perhaps: it may fail once */
	struct bh_kstall stall;
};

/* What the kernel does about one kind of process (system/kinds.c). */
struct bh_kind {
	const char *name;                 /* for people */
	void (*start)(struct bh_child *); /* it is in BACKOFF, and its time has come */
	/* It is dead, and what it was part of is not being ended. False: how it died is not
	 * known yet: again, later. */
	bool (*died)(struct bh_child *);
};

/* The handle: made once for each entry that is used (bh_child_make()), and the same for all
 * incarnations. Which kind of process it is, and how far, its entry says. */
struct bh_child {
	struct bh_kernel *k;
	struct bh_ksvc *s; /* NULL: none of a service */
	struct bh_proc *p; /* its entry on the board, */
	uint32_t idx;      /* and the index of that, and of this in child[] */
	uint32_t slot;     /* of a worker or blocking process; else UINT32_MAX */
	struct bh_klife life;
};

#endif
