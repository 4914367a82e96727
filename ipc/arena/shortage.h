/* SPDX-License-Identifier: MIT */
/*
 * shortage.h: resources that ran short, and the fate of connections then. Workers count, and
 * the kernel logs (kernel/service/shortage.c): a single line, not a line per worker.
 *
 * Every field is a counter that any worker raises and no process lowers. A worker killed
 * before its increment leaves an event uncounted.
 */
#ifndef BH_IPC_SHORTAGE_H
#define BH_IPC_SHORTAGE_H

#include "ipc/base/order.h"

/* The resource that is short. */
enum bh_short {
	BH_SHORT_TASKS = 0, /* slots of the task table */
	BH_SHORT_IO,        /* I/O slots */
	BH_SHORT_MEMORY,    /* stacks, and memory for arguments */
	BH_SHORT_FILES,     /* numbers of descriptors, or Linux's memory for them */
	BH_SHORTS
};

struct bh_shortage {
	_Alignas(128) _Atomic uint64_t refused[BH_SHORTS]; /* spawns of tasks without a socket */
	_Atomic uint64_t waited[BH_SHORTS]; /* connections that bh_serve() let wait */
	_Atomic uint64_t left;              /* idle connections that were asked to leave */
	_Atomic uint64_t turned_away;       /* closed: their type is quarantined */
};

#endif
