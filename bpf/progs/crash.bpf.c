/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * crash.bpf.c: a worker's death as the Linux kernel sees it: the sender of the signal,
 * where the worker was, whether the out-of-memory killer chose it, how it ended.
 *
 * These events are always taken, recording or not: they are few, and a death gives no
 * time to turn the recording on.
 *
 * A worker may die before traced, which scans every 100 ms, has found it: so
 * the forks of a zygote are remembered, and when a fork dies its slot is looked up in its
 * own memory: the slot whose first word has the fork's pid.
 */
#include "bpf/progs/probe.bpf.h"

#define SLOTS BH_SLOTS

/* Signals that may kill a process; the others would only make noise. */
#define DEADLY                                                                                    \
	(1ull << 1 | 1ull << 2 | 1ull << 3 | 1ull << 4 | 1ull << 5 | 1ull << 6 | 1ull << 7 |      \
	 1ull << 8 | 1ull << 9 | 1ull << 10 | 1ull << 11 | 1ull << 12 | 1ull << 13 | 1ull << 14 | \
	 1ull << 15 | 1ull << 16 | 1ull << 24 | 1ull << 25 | 1ull << 26 | 1ull << 27 |            \
	 1ull << 29 | 1ull << 30 | 1ull << 31)

static __always_inline bool deadly(int sig)
{
	return sig >= 32 || (sig > 0 && DEADLY >> sig & 1);
}

/* Fills @to with what is known of worker @task; false: @task is no worker. */
static __always_inline bool find_worker(const struct task_struct *task, struct bh_probe_worker *to)
{
	const struct bh_probe_worker *w = worker_of(task);
	__u32 pid = (__u32)task->pid;

	__builtin_memset(to, 0, sizeof(*to));
	if (w) {
		to->in = w->in;
		to->slot = w->slot;
		to->current = w->current;
		to->task = w->out_ns ? w->task : BH_EVENT_NO_TASK;
		to->type = w->out_ns ? w->type : BH_EVENT_NO_TYPE;
		return true;
	}
	const struct bh_probe_service *y = bpf_map_lookup_elem(&unborn, &pid);
	if (!y)
		return false;
	to->in = *y;
	to->slot = BH_PROBE_NO_SLOT;
	to->task = BH_EVENT_NO_TASK;
	to->type = BH_EVENT_NO_TYPE;
	return true;
}

static int find_slot(__u32 pid, const struct bh_probe_service *in)
{
	for (int i = 0; i < SLOTS; i++) {
		__u64 word = 0;

		/* Slots that this process never touched cannot be read. */
		bpf_probe_read_user(&word, sizeof(word),
				    (void *)(in->workers + (__u64)i * in->worker_bytes));
		if (word >> 32 == pid)
			return i;
	}
	return -1;
}

/* Updates @w, the worker on the CPU, with the task that it runs now. If its memory is gone
 * already, @w keeps the task last seen. */
static __always_inline void look_now(struct bh_probe_worker *w, const struct task_struct *me)
{
	__u32 type;

	if (w->slot == BH_PROBE_NO_SLOT && w->in.workers) {
		int slot = find_slot((__u32)me->pid, &w->in);

		if (slot >= 0) {
			w->slot = (__u32)slot;
			w->current =
				w->in.workers + (__u64)slot * w->in.worker_bytes + w->in.current;
		}
	}
	__u64 task = read_task(&w->in, w->current, &type);
	if (task != BH_EVENT_NO_TASK) {
		w->task = task;
		w->type = type;
	}
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(bh_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 pid = (__u32)parent->pid;
	const struct bh_probe_service *z = bpf_map_lookup_elem(&zygotes, &pid);

	if (!z)
		return 0;
	pid = (__u32)child->pid;
	struct bh_probe_service s = *z;
	bpf_map_update_elem(&unborn, &pid, &s, 0);
	return 0;
}

static __always_inline struct bh_probe_death *begin_death(void)
{
	struct bh_probe_death *d = bpf_ringbuf_reserve(&events, sizeof(*d), 0);

	if (!d)
		count_drop();
	return d;
}

SEC("tp_btf/signal_generate")
int BPF_PROG(bh_signal, int sig, struct kernel_siginfo *info, struct task_struct *task)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct bh_probe_worker w;

	if (!deadly(sig) || !find_worker(task, &w))
		return 0;
	bool self = me->pid == task->pid;
	if (self)
		look_now(&w, me);
	struct bh_probe_death *d = begin_death();
	if (!d)
		return 0;
	struct bh_probe_record *r = &d->record;
	set_event(&r->event, BH_EV_SIGNAL, &w, (__u32)task->pid);
	r->event.other_pid = (__u32)me->pid;
	r->event.a = (__u32)sig;
	/* SEND_SIG_NOINFO and SEND_SIG_PRIV are small numbers, not pointers. */
	if ((__u64)info > 2) {
		__s32 code = 0;
		void *address = 0;

		bpf_core_read(&code, sizeof(code), &info->si_code);
		if (code > 0)
			bpf_core_read(&address, sizeof(address), &info->_sifields._sigfault._addr);
		r->event.a |= (__u64)(__u32)code << 32;
		r->event.b = (__u64)address;
	}
	fill_record(ctx, r);
	fill_stack(d);
	if (!self) { /* the sender's, not the victim's */
		r->user_bytes = r->kernel_bytes = -1;
		d->stack_bytes = 0;
	}
	bpf_get_current_comm(r->comm, sizeof(r->comm));
	submit(d);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(bh_exit, struct task_struct *task)
{
	__u32 pid = (__u32)task->pid;
	struct bh_probe_worker w;

	if (!find_worker(task, &w))
		return 0;
	look_now(&w, task);
	bpf_map_delete_elem(&unborn, &pid);
	struct bh_probe_death *d = begin_death();
	if (!d)
		return 0;
	struct bh_probe_record *r = &d->record;
	set_event(&r->event, BH_EV_DIED, &w, pid);
	r->event.a = (__u32)task->exit_code;
	r->event.b = task->se.sum_exec_runtime;
	fill_record(ctx, r);
	fill_stack(d);
	submit(d);
	return 0;
}

SEC("tp_btf/mark_victim")
int BPF_PROG(bh_oom, struct task_struct *task)
{
	struct bh_probe_worker w;

	if (!find_worker(task, &w))
		return 0;
	struct bh_event *e = begin_event();
	if (!e)
		return 0;
	set_event(e, BH_EV_OOM, &w, (__u32)task->pid);
	submit(e);
	return 0;
}
