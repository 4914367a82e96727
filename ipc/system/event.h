/* SPDX-License-Identifier: MIT */
/*
 * event.h: a recorded event: the same 64 bytes from the BPF programs (the kernel's view)
 * and from the workers' rings (evring.h), on one clock, so that both merge into one
 * timeline by sorting.
 *
 * Time is when the event was written; a producer's events are in order. An activity (a
 * poll, a sleep) is one event, written at its end, with its length in `a`: half as many
 * events, and an activity that began before the recording is still seen (but for polls).
 * So the stay on a CPU is BH_EV_OFF_CPU.
 *
 * BPF programs include this, so it includes <stdint.h> alone. A worker may forge events:
 * readers check kind, service, slot and type before indexing with them.
 */
#ifndef BH_IPC_EVENT_H
#define BH_IPC_EVENT_H

#include <stdint.h>

#define BH_EVENT_NO_TASK   (~0ull) /* in `task`, `other`: not known; 0: none */
#define BH_EVENT_NO_TYPE   (~0u)   /* in `type` */
#define BH_EVENT_NO_WORKER 0xff    /* in `service`: not of a worker */

/*
 * By kind: the meaning of `task`, `other`, `a` and `b`. "worker" is {service, slot}.
 *
 * From the runtime, by the worker itself unless it says "the kernel":
 */
enum bh_event_kind {
	BH_EV_NONE = 0,
	BH_EV_SPAWN,   /* task: the new task; other: its spawner; a: enum bh_event_queue */
	BH_EV_WAKE,    /* task: made runnable; other: its waker, 0: no task; a: the queue */
	BH_EV_POLL,    /* task: polled; a: ns; b: enum bh_event_poll */
	BH_EV_PARK,    /* a: ns asleep for want of work; ends now */
	BH_EV_STEAL,   /* a: tasks taken; b: slot of the victim */
	BH_EV_TIMER,   /* the kernel: a deadline of task has passed; a: ns it is late by */
	BH_EV_IO,      /* the kernel: task's descriptor is ready */
	BH_EV_JOB,     /* task: a blocking job has run in this slot; a: ns; b: as for POLL */
	BH_EV_CRASH,   /* the kernel: the worker has died; task: its task; a: wait status;
			   b: id of the crash report */
	BH_EV_RESTART, /* the kernel: the worker is back; a: ns since the death */
	BH_EV_RUNTIME_END,

	/* From the Linux kernel, by the BPF programs: */
	BH_EV_WOKEN = 32, /* the worker's thread was woken: task: its last task; other: the
			     waker's task if the waker is a worker; other_pid: the waker's; a: packed
			     worker of the waker (bh_event_worker()); b: 1 from an interrupt */
	BH_EV_ON_CPU,     /* a: ns the worker waited for the CPU, woken or preempted; b: ns before
			     that in which it did not want a CPU; either ~0: not known; other_pid:
			     enum bh_event_off, how it had left */
	BH_EV_OFF_CPU,    /* a: ns the worker had been on the CPU, 0: not known; b: enum
			     bh_event_off; other_pid: next on the CPU, 0: none */
	BH_EV_SIGNAL,     /* a: si_code << 32 | signal; b: address; other_pid: the sender;
			     other: its record */
	BH_EV_DIED,       /* a: wait status; b: ns of CPU time it had used; other: its record */
	BH_EV_OOM,        /* Linux's choice of a process to kill for want of memory */
	BH_EV_SAMPLE,     /* a sample of a CPU's activity; other: its record */
	BH_EV_MORE,       /* four words of record `pid`, from its word `other_pid` on: task,
			     other, a, b; type: enum bh_event_more */
	BH_EV_END,
};

/* Where a runnable task was put. */
enum bh_event_queue {
	BH_EVQ_LOCAL = 0, /* this worker's LIFO slot or ring */
	BH_EVQ_SHARED,    /* the inject queue, or its home's ring if it is pinned */
	BH_EVQ_JOBS,
};

/* How a poll ended. */
enum bh_event_poll {
	BH_EVP_PENDING = 0, /* waits */
	BH_EVP_AGAIN,       /* runnable again: it yielded, or was woken meanwhile */
	BH_EVP_DONE,
	BH_EVP_CRASHED, /* written by the kernel */
};

/* The contents of a record's words; missing words are 0. */
enum bh_event_more {
	BH_EVM_USER = 0,  /* return addresses, innermost first */
	BH_EVM_KERNEL,    /* the same */
	BH_EVM_REGISTERS, /* struct pt_regs of the machine */
	BH_EVM_SENDER,    /* 16 bytes: the sender's name */
	BH_EVM_STACK,     /* the user stack itself, from its pointer on */
};

/* Why a worker left its CPU. */
enum bh_event_off {
	BH_EVO_PREEMPTED = 0,
	BH_EVO_FUTEX, /* in a futex system call: parked, or a lock */
	BH_EVO_IO,    /* in a system call on a descriptor */
	BH_EVO_FAULT, /* in no system call: a page fault that had to wait */
	BH_EVO_SLEPT, /* otherwise */
};

/* In answers and JSON. */
static inline const char *bh_event_off_name(unsigned reason)
{
	switch (reason) {
	case BH_EVO_PREEMPTED:
		return "preempted";
	case BH_EVO_FUTEX:
		return "futex";
	case BH_EVO_IO:
		return "io";
	case BH_EVO_FAULT:
		return "fault";
	case BH_EVO_SLEPT:
		return "slept";
	default:
		return "unknown";
	}
}

/* One cache line. */
struct bh_event {
	uint64_t time_ns; /* CLOCK_MONOTONIC; from BPF: the machine's */
	uint8_t kind;     /* enum bh_event_kind */
	uint8_t service;  /* of the event's worker */
	uint16_t slot;    /* blocking processes, too: ipc/arena/worker.h */
	uint32_t cpu;     /* ~0: not known */
	uint64_t task;
	uint64_t other;
	uint32_t pid; /* of the worker; 0: not known */
	uint32_t other_pid;
	uint64_t a, b;
	uint32_t seq;  /* counts the producer's events: a gap is a loss */
	uint32_t type; /* of task: index in the arena's type table */
};
_Static_assert(sizeof(struct bh_event) == 64, "the same in BPF and in user space");

/* Whether `a` is the event's length, up to time_ns. */
static inline int bh_event_lasts(unsigned kind)
{
	return kind == BH_EV_POLL || kind == BH_EV_JOB || kind == BH_EV_PARK ||
	       kind == BH_EV_OFF_CPU;
}

static inline uint64_t bh_event_worker(uint8_t service, uint16_t slot)
{
	return (uint64_t)service << 16 | slot;
}

#endif
