/* SPDX-License-Identifier: MIT */
/*
 * ready.h: events of sockets become ready marks and tasks to wake: for the process
 * that asked epoll for them, a worker or the kernel.
 *
 * Workers register their sockets edge-triggered, with the I/O slot's handle
 * {generation, index} as data. An event for a slot that has been used again since
 * names the old generation and is dropped; so is data 0, the kick (idle.h).
 *
 * A ready word holds READY, CLOSED and the index of the task that waits. READY is
 * cleared before an attempt to read, never after it: an edge that comes between is
 * seen again. A needless mark costs its task a needless attempt.
 */
#ifndef BH_IPC_READY_H
#define BH_IPC_READY_H

#include "ipc/arena/arena.h"

/* Marks I/O handle @io as @events (EPOLL*) say. Returns how many tasks are to be
 * woken, and their indexes in @tasks. Commit: the OR on each direction. */
uint32_t bh_ready_event(const struct bh_view *v, uint64_t io, uint32_t events, uint32_t tasks[2]);

/* Kernel: marks @n I/O slots from @from on ready, and wakes the waiting tasks: edges may
 * have been lost. Returns from where to go on, 0: all are done. Begins at 1. Killed in
 * the middle, the next kernel begins again. */
uint32_t bh_ready_step(const struct bh_view *v, uint32_t from, uint32_t n);

#endif
