/* SPDX-License-Identifier: MIT */
/* enqueue.h: the queues that all workers share. */
#ifndef BH_IPC_ENQUEUE_H
#define BH_IPC_ENQUEUE_H

#include "ipc/arena/arena.h"

/* Queues a hint where every process that may run task @idx finds it: the inject queue (also
 * for an aborted job), the queue of jobs, or the home's ring of a pinned task; and wakes a
 * process for it. When the queue is full, asks for a scan. */
void bh_enqueue_shared(const struct bh_view *v, uint32_t idx);

#endif
