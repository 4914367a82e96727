/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * profile.bpf.c: what workers are doing, many times a second. The clock is a
 * software event, so that it ticks in virtual machines, too.
 */
#include "bpf/progs/probe.bpf.h"

SEC("perf_event")
int bh_sample(void *ctx)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct bh_probe_worker *w = worker_of(me);

	if (!w || !recording())
		return 0;
	struct bh_probe_worker now = { .in = w->in, .slot = w->slot };
	now.task = read_task(&w->in, w->current, &now.type);
	struct bh_probe_record *r = begin_record();
	if (!r)
		return 0;
	set_event(&r->event, BH_EV_SAMPLE, &now, (__u32)me->pid);
	fill_record(ctx, r);
	submit(r);
	return 0;
}
