/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * probe.h: the data that the BPF programs and traced share. All programs use the same maps
 * (probe.bpf.h):
 *
 *   workers  hash, pid -> struct bh_probe_worker    traced adds and removes, BPF writes
 *   zygotes  hash, pid -> struct bh_probe_service   traced adds and removes
 *   unborn    hash, pid -> struct bh_probe_service   forks of zygotes, BPF adds and removes:
 *                                                   until traced has found their slot
 *   counts   array, entry -> struct bh_probe_counts BPF writes, traced maps it to read
 *   types    hash, {service, type} -> entry         BPF adds
 *   control  array of one struct bh_probe_control   either writes its own words
 *   events   ring buffer: struct bh_event, bh_probe_record, or bh_probe_death
 *
 * An entry belongs to a worker slot of a service, so a new worker goes on counting where
 * its dead predecessor stopped; or to a task type.
 */
#ifndef BH_BPF_PROBE_H
#define BH_BPF_PROBE_H

#include "ipc/system/event.h"
#include "ipc/system/trace_page.h"

#define BH_PROBE_NO_ENTRY (~0u)
#define BH_PROBE_NO_SLOT  0xffff

/* Where a service's shared memory lies in its processes; 0: not known. It is read as user
 * memory of the process on the CPU: garbage does no harm. */
struct bh_probe_service {
	uint64_t workers; /* struct bh_slot[] */
	uint64_t tasks;   /* struct bh_tcb[] */
	uint32_t n_tasks;
	uint32_t service;
	uint32_t worker_bytes, current; /* of a struct bh_slot: its size; where that word is */
};

/* Of a task in the arena (ipc/arena/task.h), which BPF cannot
 * include; follow.c checks them. */
enum {
	BH_PROBE_TCB_BYTES = 128,
	BH_PROBE_TCB_TYPE = 88,
};

struct bh_probe_worker {
	struct bh_probe_service in;
	uint64_t current; /* address of its word in the arena that names its task; 0: unknown */
	uint32_t entry;   /* BH_PROBE_NO_ENTRY: nothing is counted */
	uint32_t slot;
	/* BPF's: */
	uint64_t wake_ns; /* when it was last woken; 0: not since it last ran */
	uint64_t out_ns;  /* when it last left its CPU; 0: not seen yet */
	uint64_t in_ns;   /* when it got its CPU; 0: it has none, or not known */
	uint64_t task;    /* its task when it left its CPU: still right when it comes back, for
			     the worker alone writes its word */
	uint32_t type;
	uint32_t asleep; /* it left its CPU to wait, not because it was preempted */
	uint32_t off;    /* enum bh_event_off: how it left */
	uint32_t reserved;
};

struct bh_probe_counts {
	struct bh_trace_times times;
	uint32_t service, type; /* of an entry of a task type */
};

struct bh_probe_control {
	uint64_t recording;              /* traced's: 1: all events, not deaths alone */
	uint64_t n_types;                /* BPF's: entries given to task types */
	uint64_t dropped[BH_TRACE_CPUS]; /* BPF's: events that found no room, by CPU */
};

/* An event with all that is known of a thread at that moment. */
struct bh_probe_record {
	struct bh_event event;
	int32_t user_bytes, kernel_bytes; /* of the stacks; negative: none */
	char comm[16];                    /* of the signal's sender */
	uint64_t registers[BH_TRACE_REGISTERS];
	uint64_t user[48], kernel[32]; /* return addresses, innermost first */
};

/* The record of a dying thread, with a copy of its stack: libraries without frame pointers
 * need their unwind tables for a backtrace, which BPF cannot use. */
struct bh_probe_death {
	struct bh_probe_record record;
	uint64_t stack_bytes;
	uint64_t stack[512]; /* from the user's stack pointer on */
};

_Static_assert(sizeof(struct bh_probe_service) == 32, "the same in BPF and in user space");
_Static_assert(sizeof(struct bh_probe_worker) == 96, "the same in BPF and in user space");

#endif
