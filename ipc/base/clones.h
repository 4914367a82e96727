/* SPDX-License-Identifier: MIT */
/*
 * clones.h: what Linux itself writes of a zygote's clones, inside the clone
 * (CLONE_PIDFD, CLONE_PARENT_SETTID), so that a zygote that is killed right after
 * it leaves nothing that nobody knows:
 *
 *   its pidfd, in a descriptor table that outlives the zygote: the successor
 *   closes what the words name
 *   its twin, before any message told the kernel: the kernel reads who it is
 *
 * Where clone3() is refused, the twin's pid comes a moment later (clone.h).
 *
 * Written by the one zygote that serves, read by its successor and, once it is
 * dead, by the kernel. All zero in a new arena, and zero means none.
 */
#ifndef BH_IPC_CLONES_H
#define BH_IPC_CLONES_H

#include <stdatomic.h>
#include <stdint.h>

struct bh_clones {
	_Atomic int32_t worker_pidfd; /* until it has been handed to the kernel */
	_Atomic int32_t twin_pidfd;   /* of the twin made last: kept, to end it by */
	_Atomic int32_t twin_ctl;     /* the control socket that it was given */
	_Atomic uint32_t twin_epoch;  /* of the request it is made for; stored before the clone, */
	_Atomic int32_t twin_pid;     /* with 0 in here, so the two belong together */
};

#endif
