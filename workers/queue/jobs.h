/* SPDX-License-Identifier: MIT */
/* jobs.h: queueing jobs (jobs.c). */
#ifndef BH_WORKERS_QUEUE_JOBS_H
#define BH_WORKERS_QUEUE_JOBS_H

#include "workers/base/rt.h"

/* Queues a hint that job @idx is SCHEDULED. */
void bh_job_queue(uint32_t idx);

/* Job @idx was aborted: sees to it that it ends. Commit: the CAS on the queue's cell, if
 * it waits; a ring of the bell, if it runs. */
void bh_job_aborted(struct bh_tcb *t, uint32_t idx);

#endif
