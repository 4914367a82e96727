/* SPDX-License-Identifier: MIT */
/*
 * shortage.h: what ran short, and what became of connections then. Workers count, and the
 * kernel says it in the log (kernel/service/shortage.c): a line of each worker's own would not be
 * one line.
 *
 * Every field is a counter that anybody raises and nobody lowers. One that was killed
 * before it raised one leaves an event unsaid.
 */
#ifndef BH_IPC_SHORTAGE_H
#define BH_IPC_SHORTAGE_H

#include "ipc/base/order.h"

/* By what is short. */
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
	_Atomic uint64_t left;              /* idle ones that were asked to leave */
	_Atomic uint64_t turned_away;       /* closed: their type is quarantined */
};

#endif
