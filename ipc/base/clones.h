/* SPDX-License-Identifier: MIT */
/*
 * clones.h: words about a zygote's clones that Linux itself writes, inside the clone
 * (CLONE_PIDFD, CLONE_PARENT_SETTID), so that a zygote killed right after it leaves no
 * unknown child or descriptor:
 *
 *   the child's pidfd, in a descriptor table that outlives the zygote: the successor
 *   closes the descriptors that the words name
 *   the zygote's twin, before any message told the kernel: the kernel reads its pid
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
	_Atomic int32_t twin_ctl;     /* the twin's control socket */
	_Atomic uint32_t twin_epoch;  /* of the request for the twin; stored before the clone, */
	_Atomic int32_t twin_pid;     /* with 0 in here, so the two belong together */
};

#endif
