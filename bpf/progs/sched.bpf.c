/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * sched.bpf.c: how long workers wait for a CPU after they were woken, and how long
 * they were away from one, and why.
 *
 * Only a sleep that ended counts: a worker that was preempted and runs again was
 * not woken. A wake-up may be seen while the worker is still on its CPU, about to
 * sleep:
 *
 *   out(sleep) waking in         the ordinary one: in - waking
 *   waking out(sleep) in         the waker was faster than the sleeper: in - out
 *   waking out(sleep) waking in  the first kept it awake, the sleep came later: the
 *                                second takes its place
 *   waking out(preempted) in     it was kept awake: nothing counts
 *
 * So wake_ns alone says nothing; it counts together with how the worker left.
 *
 * A worker is identified by the pid of its main thread, which alone runs tasks; threads that
 * user code made are not counted.
 */
#include "bpf/progs/probe.bpf.h"

/* Before Linux 5.14 the state had another name and width. */
struct task_struct___long_state {
	long state;
} __attribute__((preserve_access_index));

static __always_inline void count_one(struct bh_trace_hist *h, __u64 ns)
{
	unsigned int b = bh_trace_bucket(ns);
	/* The compiler knows that b is in range and would drop the test that the
	 * verifier wants to see. */
	barrier_var(b);
	if (b >= BH_TRACE_BUCKETS)
		return;
	__sync_fetch_and_add(&h->buckets[b], 1);
	__sync_fetch_and_add(&h->sum_ns, ns);
	__sync_fetch_and_add(&h->count, 1);
	if (ns > h->max_ns)
		h->max_ns = ns;
}

/* The entry of a task type; it gets one when it is first seen. */
static __always_inline __u32 type_entry(__u32 service, __u32 type)
{
	__u32 key = service << 16 | (type & 0xffff);
	__u32 *have = bpf_map_lookup_elem(&types, &key);
	struct bh_probe_control *c = control_of();

	if (have)
		return *have;
	if (!c || c->n_types >= BH_TRACE_TYPES)
		return BH_PROBE_NO_ENTRY;
	/* Two CPUs may add the same type at once: one of the two entries stays unused. */
	__u32 entry = BH_TRACE_WORKERS + (__u32)__sync_fetch_and_add(&c->n_types, 1);
	struct bh_probe_counts *to = bpf_map_lookup_elem(&counts, &entry);
	if (!to)
		return BH_PROBE_NO_ENTRY;
	to->service = service;
	to->type = type;
	bpf_map_update_elem(&types, &key, &entry, BPF_NOEXIST);
	have = bpf_map_lookup_elem(&types, &key);
	return have ? *have : BH_PROBE_NO_ENTRY;
}

static __always_inline void count_entry(__u32 entry, __u32 off, __u64 away, __u64 waited,
					bool woken)
{
	struct bh_probe_counts *c = bpf_map_lookup_elem(&counts, &entry);

	if (!c)
		return;
	if (woken)
		count_one(&c->times.run_queue, waited);
	/* An index that the verifier can follow through the histogram's arithmetic. */
	if (off == BH_EVO_PREEMPTED)
		count_one(&c->times.off[BH_EVO_PREEMPTED], away);
	else if (off == BH_EVO_FUTEX)
		count_one(&c->times.off[BH_EVO_FUTEX], away);
	else if (off == BH_EVO_IO)
		count_one(&c->times.off[BH_EVO_IO], away);
	else if (off == BH_EVO_FAULT)
		count_one(&c->times.off[BH_EVO_FAULT], away);
	else
		count_one(&c->times.off[BH_EVO_SLEPT], away);
}

static __always_inline __u32 why_off(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	long nr = (long)BPF_CORE_READ(regs, BH_SYSCALL);

	if (nr < 0)
		return BH_EVO_FAULT;
	switch (nr) {
	case NR_FUTEX:
	case NR_FUTEX_WAITV:
	case NR_FUTEX_WAIT:
		return BH_EVO_FUTEX;
	case NR_READ:
	case NR_WRITE:
	case NR_POLL:
	case NR_PREAD:
	case NR_PWRITE:
	case NR_READV:
	case NR_WRITEV:
	case NR_SELECT:
	case NR_ACCEPT:
	case NR_SENDTO:
	case NR_RECVFROM:
	case NR_SENDMSG:
	case NR_RECVMSG:
	case NR_FSYNC:
	case NR_EPOLL_WAIT:
	case NR_PPOLL:
	case NR_EPOLL_PWAIT:
	case NR_ACCEPT4:
	case NR_EPOLL_PWAIT2:
		return BH_EVO_IO;
	default:
		return BH_EVO_SLEPT;
	}
}

static __always_inline void leave_cpu(struct bh_probe_worker *w, struct task_struct *prev,
				      const struct task_struct *next, bool asleep)
{
	w->asleep = asleep;
	w->off = asleep ? why_off(prev) : BH_EVO_PREEMPTED;
	w->out_ns = bpf_ktime_get_ns();
	w->task = read_task(&w->in, w->current, &w->type);
	/* Now and then a switch to a worker is not told: its stay is then not known. */
	__u64 stayed = w->in_ns ? w->out_ns - w->in_ns : 0;
	w->in_ns = 0;
	if (!recording())
		return;
	struct bh_event *e = begin_event();
	if (!e)
		return;
	set_event(e, BH_EV_OFF_CPU, w, (__u32)prev->pid);
	e->time_ns = w->out_ns;
	e->a = stayed;
	e->b = w->off;
	e->other_pid = (__u32)next->pid;
	submit(e);
}

static __always_inline void enter_cpu(struct bh_probe_worker *w, const struct task_struct *next)
{
	__u64 now = bpf_ktime_get_ns();
	bool woken = w->asleep && w->wake_ns;
	/* A sleep without a wake-up, or a wake-up before the sleep, gives no interval. */
	bool known = w->out_ns && (woken || !w->asleep);
	__u64 since = woken && w->wake_ns > w->out_ns ? w->wake_ns : w->out_ns;
	__u64 waited = now > since ? now - since : 0;
	__u64 away = !w->asleep ? waited : w->wake_ns > w->out_ns ? w->wake_ns - w->out_ns : 0;

	w->wake_ns = 0;
	w->in_ns = now;
	if (woken && !w->out_ns) {
		struct bh_probe_counts *c = bpf_map_lookup_elem(&counts, &w->entry);
		if (c)
			count_one(&c->times.run_queue, waited);
	} else if (known) {
		count_entry(w->entry, w->off, away, waited, woken);
		count_entry(type_entry(w->in.service, w->type), w->off, away, waited, woken);
	}
	if (!recording())
		return;
	struct bh_event *e = begin_event();
	if (!e)
		return;
	set_event(e, BH_EV_ON_CPU, w, (__u32)next->pid);
	e->time_ns = now;
	e->a = known || woken ? waited : ~0ull;
	e->b = !known ? ~0ull : woken ? away : 0;
	e->other_pid = w->off;
	submit(e);
}

static __always_inline int on_switch(bool preempt, struct task_struct *prev,
				     struct task_struct *next, unsigned long prev_state)
{
	struct bh_probe_worker *out = worker_of(prev);
	if (out)
		leave_cpu(out, prev, next, !preempt && prev_state != 0);

	struct bh_probe_worker *in = worker_of(next);
	if (in)
		enter_cpu(in, next);
	return 0;
}

/* The waker is on the CPU, so its memory can be read; the wake-up may come from an
 * interrupt on that CPU, though. */
static __always_inline void record_waking(struct bh_probe_worker *w, const struct task_struct *task)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct bh_probe_worker *waker = worker_of(me);
	struct bh_event *e = begin_event();
	__u32 type;

	if (!e)
		return;
	set_event(e, BH_EV_WOKEN, w, (__u32)task->pid);
	e->other_pid = (__u32)me->pid;
	e->a = ~0ull;
	e->b = me->pid == 0;
	if (waker) {
		e->other = read_task(&waker->in, waker->current, &type);
		e->a = bh_event_worker((__u8)waker->in.service, (__u16)waker->slot);
	}
	submit(e);
}

SEC("tp_btf/sched_waking")
int BPF_PROG(bh_waking, struct task_struct *task)
{
	struct bh_probe_worker *w = worker_of(task);
	if (!w)
		return 0;
	w->wake_ns = bpf_ktime_get_ns();
	if (recording())
		record_waking(w, task);
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
