/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * wake.bpf.c: how long workers wait for a CPU after they were woken.
 *
 * Only a sleep that ended counts: a worker that was preempted and runs again was
 * not woken. A wake-up may be seen while the worker is still on its CPU, about to
 * sleep:
 *
 *   out(sleep) waking in         the ordinary one: in - waking
 *   waking out(sleep) in         the waker was faster than the sleeper: in - waking
 *   waking out(sleep) waking in  the first kept it awake, the sleep came later: the
 *                                second takes its place
 *   waking out(preempted) in     it was kept awake: nothing counts
 *
 * So wake_ns alone says nothing; it counts together with how the worker left.
 *
 * Workers are told by the pid of their thread: a worker runs tasks on one only, and
 * what other threads do that user code may have made is not its waiting.
 */
#include "core_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "wake.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BH_WAKE_ENTRIES);
	__type(key, __u32);
	__type(value, struct bh_wake_worker);
} workers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BH_WAKE_ENTRIES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct bh_wake_counts);
} counts SEC(".maps");

/* Before Linux 5.14 the state had another name and width. */
struct task_struct___long_state {
	long state;
} __attribute__((preserve_access_index));

static __always_inline struct bh_wake_worker *worker_of(const struct task_struct *task)
{
	__u32 pid = (__u32)task->pid;

	return pid ? bpf_map_lookup_elem(&workers, &pid) : 0;
}

static __always_inline void count_latency(__u32 entry, __u64 ns)
{
	struct bh_wake_counts *c = bpf_map_lookup_elem(&counts, &entry);
	if (!c)
		return;
	unsigned int b = bh_trace_bucket(ns);
	/* The compiler knows that b is in range and would drop the test that the
	 * verifier wants to see. */
	barrier_var(b);
	if (b >= BH_TRACE_BUCKETS)
		return;
	__sync_fetch_and_add(&c->buckets[b], 1);
	__sync_fetch_and_add(&c->sum_ns, ns);
	__sync_fetch_and_add(&c->count, 1);
	if (ns > c->max_ns)
		c->max_ns = ns;
}

static __always_inline void enter_cpu(struct bh_wake_worker *w)
{
	__u64 woken = w->wake_ns;

	w->wake_ns = 0;
	if (!w->asleep || !woken)
		return;
	__u64 now = bpf_ktime_get_ns();
	count_latency(w->entry, now > woken ? now - woken : 0);
}

static __always_inline int on_switch(bool preempt, const struct task_struct *prev,
				     const struct task_struct *next, unsigned long prev_state)
{
	struct bh_wake_worker *out = worker_of(prev);
	if (out)
		out->asleep = !preempt && prev_state != 0;

	struct bh_wake_worker *in = worker_of(next);
	if (in)
		enter_cpu(in);
	return 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(bh_waking, struct task_struct *task)
{
	struct bh_wake_worker *w = worker_of(task);
	if (w)
		w->wake_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(bh_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	return on_switch(preempt, prev, next, prev_state);
}

/* For kernels whose tracepoint has no prev_state (before 5.18). The state read here
 * may have been changed meanwhile by a waker on another CPU: such a wake-up is
 * missed. */
SEC("tp_btf/sched_switch")
int BPF_PROG(bh_switch_reread, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	unsigned long state;

	if (bpf_core_field_exists(prev->__state))
		state = prev->__state;
	else
		state = (unsigned long)((struct task_struct___long_state *)prev)->state;
	return on_switch(preempt, prev, next, state);
}
