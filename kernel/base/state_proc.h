/* SPDX-License-Identifier: MIT */
/* state_proc.h: what the kernel knows of a process beyond the board. All of it may be forgotten. */
#ifndef BH_KERNEL_BASE_STATE_PROC_H
#define BH_KERNEL_BASE_STATE_PROC_H

#include <stdbool.h>
#include <stdint.h>

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

/* The process asked for to take over a worker's slot, before that is recovered (heir.c). */
struct bh_kheir {
	uint32_t epoch;   /* that it is for; 0: none was asked for */
	int32_t pid;      /* 0: not told of yet */
	int pidfd;        /* if it is */
	int64_t asked_ns; /* when the request was sent */
};

struct bh_kproc {
	bool asked;       /* a worker or twin: the request was sent to the zygote */
	bool gone;        /* its death was announced (pidfd), and is to be dealt with */
	bool ctl_ready;   /* its control socket has something to say */
	bool owed;        /* a server: arenas are to be sent to it */
	bool killed;      /* killed by the kernel: its death is no news */
	int64_t seen_ns;  /* when its death was noticed; 0: it was not */
	int64_t asked_ns; /* when the request was sent */
	bool again;       /* ... twice, for the first time nothing came of it (nobody.c) */
	bool early;       /* ... before there was room, perhaps: it may fail once */
	struct bh_kheir heir;
	struct bh_kstall stall;
};

#endif
