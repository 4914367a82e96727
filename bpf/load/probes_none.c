/* SPDX-License-Identifier: MIT */
/*
 * probes_none.c: probes.h for builds without BPF. There is no handle, so of the
 * functions that take a handle this file has only the ones that traced calls.
 */
#include "bpf/load/probes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int bh_probes_start(struct bh_probes **probes, struct bh_trace_status status[BH_TRACE_PARTS])
{
	*probes = NULL;
	for (int i = 0; i < BH_TRACE_PARTS; i++) {
		status[i].error = -EOPNOTSUPP;
		snprintf(status[i].reason, sizeof(status[i].reason),
			 "built without BPF; a build with -DBH_WITH_BPF=ON would measure wake-ups");
	}
	return -EOPNOTSUPP;
}

void bh_probes_stop(struct bh_probes *probes)
{
	(void)probes;
}

int bh_probes_track(struct bh_probes *probes, int32_t pid, const struct bh_probe_worker *worker)
{
	(void)probes, (void)pid, (void)worker;
	return -EOPNOTSUPP;
}

void bh_probes_untrack(struct bh_probes *probes, int32_t pid)
{
	(void)probes, (void)pid;
}

void bh_probes_zygote(struct bh_probes *probes, int32_t pid, const struct bh_probe_service *service)
{
	(void)probes, (void)pid, (void)service;
}

const struct bh_probe_counts *bh_probes_counts(const struct bh_probes *probes, uint32_t entry)
{
	(void)probes, (void)entry;
	abort();
}

const struct bh_probe_control *bh_probes_control(const struct bh_probes *probes)
{
	(void)probes;
	abort();
}

void bh_probes_record(struct bh_probes *probes, bool on)
{
	(void)probes, (void)on;
}

void bh_probes_drain(struct bh_probes *probes, bh_probes_take take, void *context)
{
	(void)probes, (void)take, (void)context;
}

int bh_probes_shed(struct bh_probes *probes)
{
	(void)probes;
	return 0;
}
