/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * probe.bpf.h: the maps that all BPF programs share (probe.h), and their common
 * code: finding a worker, reading its task, submitting an event.
 *
 * User memory is read as the process on the CPU sees it, and never paged in: a page
 * that the process has not touched yet cannot be read, and then its task is unknown
 * (BH_EVENT_NO_TASK), which is not the same as no task (0). Workers have touched
 * these pages when they took their slot.
 *
 * An event is submitted without waking its reader: a wake-up here, in the middle of
 * a switch, would cause the next switch, and so on. The reader polls by the clock.
 *
 * Times are of the machine's CLOCK_MONOTONIC, in any time namespace of the system.
 * traced converts the times of events to the system's; of other times only differences count.
 */
#ifndef BH_BPF_PROBE_BPF_H
#define BH_BPF_PROBE_BPF_H

#include "bpf/progs/core_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/probe.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct bh_probe_worker);
} workers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4 * BH_PLAN_SERVICES);
	__type(key, __u32);
	__type(value, struct bh_probe_service);
} zygotes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct bh_probe_service);
} unborn SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BH_TRACE_WORKERS + BH_TRACE_TYPES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct bh_probe_counts);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BH_TRACE_TYPES);
	__type(key, __u32);
	__type(value, __u32);
} types SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct bh_probe_control);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} events SEC(".maps");

static __always_inline struct bh_probe_control *control_of(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

static __always_inline bool recording(void)
{
	const struct bh_probe_control *c = control_of();

	return c && c->recording;
}

static __always_inline struct bh_probe_worker *worker_of(const struct task_struct *task)
{
	__u32 pid = (__u32)task->pid;

	return pid ? bpf_map_lookup_elem(&workers, &pid) : 0;
}

/* The task of the worker on the CPU (its memory is mapped right now). The type is the
 * task's only while the generations agree. */
static __always_inline __u64 read_task(const struct bh_probe_service *in, __u64 current,
				       __u32 *type)
{
	__u64 task, state, at;
	__u16 t;

	*type = BH_EVENT_NO_TYPE;
	if (!current || bpf_probe_read_user(&task, sizeof(task), (void *)current))
		return BH_EVENT_NO_TASK;
	if (!task || (__u32)task >= in->n_tasks)
		return task;
	at = in->tasks + (task & 0xffffffff) * BH_PROBE_TCB_BYTES;
	if (!bpf_probe_read_user(&state, sizeof(state), (void *)at) && state >> 32 == task >> 32 &&
	    !bpf_probe_read_user(&t, sizeof(t), (void *)(at + BH_PROBE_TCB_TYPE)))
		*type = t;
	return task;
}

static __always_inline void set_event(struct bh_event *e, enum bh_event_kind kind,
				      const struct bh_probe_worker *w, __u32 pid)
{
	e->time_ns = bpf_ktime_get_ns();
	e->kind = (__u8)kind;
	e->service = (__u8)w->in.service;
	e->slot = (__u16)w->slot;
	e->cpu = bpf_get_smp_processor_id();
	e->task = w->task;
	e->other = 0;
	e->pid = pid;
	e->other_pid = 0;
	e->a = e->b = 0;
	e->seq = 0;
	e->type = w->type;
}

static __always_inline void count_drop(void)
{
	struct bh_probe_control *c = control_of();

	if (c)
		__sync_fetch_and_add(&c->dropped[bpf_get_smp_processor_id() & (BH_TRACE_CPUS - 1)],
				     1);
}

/* Room for a plain event, to be submitted; NULL: no room, and the drop has been counted. */
static __always_inline struct bh_event *begin_event(void)
{
	struct bh_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		count_drop();
	return e;
}

static __always_inline struct bh_probe_record *begin_record(void)
{
	struct bh_probe_record *r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);

	if (!r)
		count_drop();
	return r;
}

/* The registers and stacks of the thread on the CPU. */
static __always_inline void fill_record(void *ctx, struct bh_probe_record *r)
{
	struct task_struct *me = bpf_get_current_task_btf();
	const void *regs = (const void *)bpf_task_pt_regs(me);

	__builtin_memset(r->registers, 0, sizeof(r->registers));
	__builtin_memset(r->comm, 0, sizeof(r->comm));
#if defined(__TARGET_ARCH_x86)
	if (regs)
		bpf_probe_read_kernel(r->registers, 21 * 8, regs);
#else
	if (regs)
		bpf_probe_read_kernel(r->registers, sizeof(r->registers), regs);
#endif
	r->user_bytes = (__s32)bpf_get_stack(ctx, r->user, sizeof(r->user), BPF_F_USER_STACK);
	r->kernel_bytes = (__s32)bpf_get_stack(ctx, r->kernel, sizeof(r->kernel), 0);
}

/* Copies the stack in pieces: it may end before the buffer does. */
static __always_inline void fill_stack(struct bh_probe_death *d)
{
	enum {
		PIECE = 64
	};

	d->stack_bytes = 0;
#if defined(__TARGET_ARCH_x86)
	__u64 sp = d->record.registers[19];

	for (int i = 0; i < 512 / PIECE; i++) {
		if (bpf_probe_read_user(&d->stack[i * PIECE], PIECE * 8,
					(void *)(sp + (__u64)i * PIECE * 8)))
			break;
		d->stack_bytes += PIECE * 8;
	}
#endif
}

#define submit(e) bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP)

#endif
