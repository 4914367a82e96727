/* SPDX-License-Identifier: MIT */
/* enqueue.h: the queues that all workers share. */
#ifndef BH_IPC_ENQUEUE_H
#define BH_IPC_ENQUEUE_H

#include "ipc/arena/arena.h"

/* Queues a hint where task @idx may be taken from by anybody who may run it: the
 * inject queue (also for a job that was aborted), a job's own, or its home's ring if it is
 * pinned; and wakes whom that concerns.
 * When the queue is full, asks for a scan. */
void bh_enqueue_shared(const struct bh_view *v, uint32_t idx);

#endif
