/* SPDX-License-Identifier: MIT */
/* job_queue.h: what the arena has for jobs; blocking.h says how it is used. */
#ifndef BH_IPC_JOB_QUEUE_H
#define BH_IPC_JOB_QUEUE_H

#include "ipc/queue/inject.h"
#include "ipc/system/plan.h"

struct bh_blocking {
	_Alignas(128) _Atomic uint64_t parked[BH_MAX_BLOCKING / 64];
	_Alignas(128) _Atomic uint32_t wanted; /* any process: there are jobs and no idle job's
						  process; only the kernel clears it */
	_Atomic uint32_t aborted;              /* any process: a running job was aborted */
	_Atomic uint32_t mark;                 /* kernel: slots ever used */
	struct bh_inject queue;
};

#endif
